//! What the container states about the decoded stream, and whether decoding delivered it.

use std::ffi::OsStr;

use super::probe::ProbeOutput;
use super::probe_stream::ProbeStream;
use crate::frame::Rate;
use crate::platform::ffmpeg::packets;
use crate::{Error, Result};

/// What the container states about the decoded stream.
#[derive(Debug, Default)]
pub struct ContainerInfo {
    /// Index of the stream in the file, if `ffprobe` found it.
    pub stream: Option<usize>,
    /// Seconds from the start of the file to the start of the stream, and the first timestamp of the file.
    pub offset: f64,
    pub origin: f64,
    /// Duration of the stream, and of the whole file, in seconds.
    pub duration: Option<f64>,
    pub length: Option<f64>,
    /// Number of frames in the container's index, including those hidden by an edit list.
    pub listed: Option<u64>,
    /// Whether the container states its size, as Matroska does, so that FFmpeg complains about a file that is cut.
    pub states_size: bool,
}

/// What was decoded from a clip. Times are in seconds since the stream's first frame.
#[derive(Debug)]
pub struct DecodedInfo {
    /// Time of the first frame returned.
    pub first: f64,
    /// Time of the last frame.
    pub last: f64,
    /// Number of frames returned.
    pub frames: u64,
    /// Whether decoding failed in between and then continued.
    pub recovered: bool,
}

impl ContainerInfo {
    /// Reads the container's header.
    pub fn new(probe: &ProbeOutput, stream: &ProbeStream) -> Self {
        Self {
            stream: Some(stream.index),
            offset: stream.start().map_or(0.0, |start| start - probe.start()),
            origin: probe.start(),
            duration: stream_duration(probe, stream),
            length: probe.length().into_iter().chain(probe.counted_length(stream)).reduce(f64::max),
            listed: stream.listed_frames(),
            states_size: probe.format.format_name.as_deref().is_some_and(|name| name.starts_with("matroska")),
        }
    }

    /// Expected number of frames: the indexed ones, unless an edit list hides some of them.
    pub fn frames(&self, rate: Rate) -> Option<u64> {
        let timed = self.duration.map(|seconds| ((seconds * rate.fps()).round() as u64).max(1));
        self.listed.filter(|&listed| timed.is_none_or(|timed| listed <= timed.saturating_add(1))).or(timed)
    }

    /// Number of frames that the container states beyond those `decoded` up to the apparent end; 0 if none are missing.
    /// Containers can be wrong, so an early end counts only with evidence: packets that were not decoded, fewer packets
    /// than indexed frames, a file that ends before its own header says, complaints by FFmpeg about it, or a source that
    /// has gone away.
    pub fn missing(&self, location: &OsStr, rate: Rate, decoded: &DecodedInfo) -> u64 {
        let Some(stream) = self.stream else { return 0 };
        let interval = rate.interval();
        let end = decoded.last + interval;
        let short = self.duration.map_or(0.0, |promised| promised - end);
        let file_short = self.length.map_or(0.0, |length| length - self.offset - end);
        if !decoded.recovered && short < 1.5 * interval && file_short < 1.5 * interval {
            return 0;
        }
        let tolerance = self.length.or(self.duration).unwrap_or(0.0) * 0.02 + 0.25;
        let count = |seconds: f64| (seconds / interval).round().max(0.0) as u64;
        let Some(packets) = packets(location, stream, None) else {
            return if short > tolerance { count(short) } else { 0 };
        };
        let zero = self.origin + self.offset;
        let shown = packets.times.iter().filter(|&&time| time - zero > decoded.first - interval / 4.0).count() as u64;
        let unread = packets.times.last().is_some_and(|&time| time - zero > end);
        let skipped = if unread || decoded.recovered { shown.saturating_sub(decoded.frames) } else { 0 };
        // The time for which a last picture is held may not show in the packets.
        let ends_early = self.length.map_or(0.0, |length| self.origin + length - packets.end) > tolerance
            && (packets.complaints || !self.states_size);
        let is_cut =
            self.listed.map_or(ends_early, |listed| packets.total < listed) || packets.complaints && short > tolerance;
        skipped.max(if is_cut { count(short.max(file_short)) } else { 0 })
    }
}

/// The duration of `stream`, which ends at the end of the file at the latest: some containers count it from the start of
/// the file.
fn stream_duration(probe: &ProbeOutput, stream: &ProbeStream) -> Option<f64> {
    let late = stream.start().map_or(0.0, |start| start - probe.start()).max(0.0);
    let most = probe.length().map_or(f64::INFINITY, |length| length - late);
    probe.duration(stream).map(|duration| if late > 0.0 && most > 0.0 { duration.min(most) } else { duration })
}

/// The video stream to decode: number `wanted` among the video streams without cover art, or else the one that FFmpeg
/// would choose. Adds a warning if there are others.
///
/// # Errors
/// [`Error::Input`] if there is no video stream; [`Error::Usage`] if there is none of that number.
pub fn choose<'a>(
    location: &OsStr,
    probe: &'a ProbeOutput,
    wanted: Option<usize>,
    warnings: &mut Vec<String>,
) -> Result<&'a ProbeStream> {
    let videos: Vec<_> = probe.videos().collect();
    let describe = || {
        let one = |(number, stream): (usize, &&ProbeStream)| format!("{number} is {}", stream.dimensions());
        videos.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    };
    if videos.is_empty() {
        let holds = match () {
            () if probe.of_type("video").next().is_some() => "only cover art",
            () if probe.of_type("audio").next().is_some() => "only audio",
            () => "no video",
        };
        return Err(Error::input(location, format!("contains {holds}: use a file with a video stream")));
    }
    if let Some(wanted) = wanted {
        let name = location.display();
        let problem = || Error::Usage(format!("{name}: has no video stream {wanted} (--video-stream): {}", describe()));
        return videos.get(wanted).copied().ok_or_else(problem);
    }
    // FFmpeg's own rule: the largest picture, and rather the stream that the container names.
    let score = |stream: &ProbeStream| stream.area() + if stream.is_default() { 5_000_000 } else { 0 };
    let best = (0..videos.len()).rev().max_by_key(|&number| score(videos[number])).unwrap_or(0);
    if videos.len() > 1 {
        let (name, count) = (location.display(), videos.len());
        let all = describe();
        warnings.push(format!("{name}: has {count} video streams and {best} is read; see --video-stream ({all})"));
    }
    Ok(videos[best])
}

/// The rational for a floating-point frame rate: an integer, n/1001, a multiple of 1/2, 1/3 or 1/4, or a multiple of
/// 1/1000. An implausible rate becomes 25.
pub fn approximate(fps: f64) -> Rate {
    let fps = if (0.1..=1000.0).contains(&fps) { fps } else { 25.0 };
    let exact =
        [1, 1001, 2, 3, 4, 1000].into_iter().map(|den| Rate { num: (fps * f64::from(den)).round() as u32, den });
    let close =
        |rate: &Rate| (rate.fps() / fps - 1.0).abs() < 1e-6 && (rate.den != 1001 || rate.num.is_multiple_of(1000));
    exact.into_iter().find(close).unwrap_or(Rate { num: (fps * 1000.0).round() as u32, den: 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_recovered_from_floats() {
        let cases =
            [(29.97002997, 30000, 1001), (25.0, 25, 1), (12.5, 25, 2), (23.976023976, 24000, 1001), (0.0, 25, 1)];
        for (fps, num, den) in cases {
            assert_eq!(approximate(fps), Rate { num, den });
        }
    }

    #[test]
    fn the_stream_that_ffmpeg_would_choose_is_read() {
        let video = |width: u32, cover: u8, default: u8| {
            format!(
                r#"{{"index": 0, "codec_type": "video", "width": {width}, "height": 10,
                "disposition": {{"attached_pic": {cover}, "default": {default}}}}}"#
            )
        };
        let chosen = |streams: &[String], wanted| {
            let probe: ProbeOutput =
                serde_json::from_str(&format!(r#"{{"streams": [{}]}}"#, streams.join(","))).unwrap();
            choose(OsStr::new("clip"), &probe, wanted, &mut Vec::new()).map(|stream| stream.width.unwrap()).ok()
        };
        let streams = [video(999, 1, 0), video(10, 0, 0), video(20, 0, 0), video(20, 0, 0)];
        assert_eq!(chosen(&streams, None), Some(20));
        assert_eq!(chosen(&streams, Some(0)), Some(10));
        assert_eq!(chosen(&streams, Some(3)), None);
        assert_eq!(chosen(&streams[..1], None), None);
        assert_eq!(chosen(&[video(20, 0, 0), video(10, 0, 1)], None), Some(10));
    }
}
