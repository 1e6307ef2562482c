//! A stream that an `ffmpeg` process decodes, picture by picture, each in its own size.

use std::io::BufReader;
use std::process::{ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use opencv::core::{CV_8UC3, Mat, Scalar, Size};
use opencv::prelude::*;
use yuv::{YuvRange, YuvStandardMatrix};

use crate::platform::ffmpeg::{Ffmpeg, PictureShape, SHOWINFO, input_args, matroska};
use crate::source::{PixelLayout, convert};
use crate::{Error, Result};

/// A picture, and its time in seconds by the stream's clock.
pub(super) struct StreamPicture {
    pub image: Mat,
    pub time: f64,
}

/// A running decoder. It ends when it is dropped.
pub(super) struct FfmpegStream {
    pictures: Receiver<StreamPicture>,
    /// Killed on drop.
    _ffmpeg: Ffmpeg,
}

/// Options for a quick start. What FFmpeg reads to find the streams is decoded too, faster than it came.
const LOW_DELAY: [&str; 6] = ["-flags", "low_delay", "-analyzeduration", "2000000", "-probesize", "1000000"];

/// Pictures in BT.709 with square pixels and even sides.
const FILTERS: &str = "scale=w=2*max(1\\,round(iw*max(1\\,sar)/2)):h=2*max(1\\,round(ih*max(1\\,1/sar)/2)):\
    out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p,settb=1/1000,setpts=PTS-STARTPTS";

/// How long the size of a picture may arrive after its pixels.
const SIZE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a wait looks for its end.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

impl FfmpegStream {
    /// Starts to decode the first video stream of `address`.
    ///
    /// # Errors
    /// [`Error::Child`] if `ffmpeg` cannot be started. An address that does not answer delivers no picture.
    pub(super) fn open(address: &str) -> Result<Self> {
        let (announce, sizes) = unbounded();
        let mut ffmpeg = Ffmpeg::spawn_reader(arguments(address), Stdio::null(), move |line| {
            if let Some(shape) = PictureShape::parse(line) {
                // Without a reader of the sizes, there is none of the pictures either.
                let _ = announce.send(shape.size);
            }
        })?;
        let (deliver, pictures) = bounded(1);
        if let Some(output) = ffmpeg.stdout.take() {
            let read = move || forward(output, &sizes, &deliver);
            let thread = std::thread::Builder::new().name("stream".into()).spawn(read);
            thread.map_err(|e| Error::Panic { stage: "stream".into(), message: e.to_string() })?;
        }
        Ok(Self { pictures, _ffmpeg: ffmpeg })
    }

    /// Waits for the next picture, for at most `timeout` and not after `stop` is set; `None` if there is none.
    pub(super) fn next(&self, timeout: Duration, stop: &AtomicBool) -> Option<StreamPicture> {
        let deadline = Instant::now() + timeout;
        while !stop.load(Ordering::Relaxed) && Instant::now() < deadline {
            match self.pictures.recv_timeout(POLL_INTERVAL) {
                Ok(picture) => return Some(picture),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        None
    }
}

fn arguments(address: &str) -> Vec<std::ffi::OsString> {
    let filters = format!("{FILTERS},{SHOWINFO}");
    let mut args: Vec<std::ffi::OsString> = LOW_DELAY.map(Into::into).to_vec();
    if address.starts_with("rtsp") {
        args.extend(["-rtsp_transport", "tcp", "-i", address].map(Into::into));
    } else {
        args.extend(input_args(address.as_ref()));
    }
    args.extend(["-map", "0:V:0", "-vf", &filters, "-autoscale", "0", "-fps_mode", "passthrough"].map(Into::into));
    args.extend(["-enc_time_base", "1:1000", "-c:v", "rawvideo", "-flush_packets", "1"].map(Into::into));
    args.extend(["-cluster_size_limit", "1", "-f", "matroska", "pipe:1"].map(Into::into));
    args
}

/// Reads pictures until the stream ends or nobody wants them.
fn forward(output: ChildStdout, sizes: &Receiver<Size>, deliver: &Sender<StreamPicture>) {
    let mut output = BufReader::with_capacity(4096, output);
    let (mut cluster, mut pixels) = (0, Vec::new());
    while let Ok(Some(milliseconds)) = matroska::read_block(&mut output, &mut cluster, &mut pixels) {
        let Ok(size) = sizes.recv_timeout(SIZE_TIMEOUT) else { return };
        let Some(image) = picture(&pixels, size) else { return };
        if deliver.send(StreamPicture { image, time: milliseconds as f64 / 1e3 }).is_err() {
            return;
        }
    }
}

/// The picture with these planes, 8-bit BGR; `None` if their number of bytes is not that of `size`.
fn picture(pixels: &[u8], size: Size) -> Option<Mat> {
    let layout = PixelLayout::Yuv420;
    if pixels.len() != layout.bytes(size) {
        return None;
    }
    let mut image = Mat::new_size_with_default(size, CV_8UC3, Scalar::all(0.0)).ok()?;
    let colours = (YuvRange::Limited, YuvStandardMatrix::Bt709);
    convert(pixels, layout, size, image.data_bytes_mut().ok()?, colours).ok()?;
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_another_size_is_refused() {
        assert!(picture(&[128; 24], Size::new(4, 4)).is_some());
        assert!(picture(&[128; 24], Size::new(4, 2)).is_none());
    }
}
