//! What a container promises of the clip that is decoded, and whether it was kept.

use std::ffi::OsStr;

use super::probe::{ProbeOutput, ProbeStream};
use crate::frame::{Rate, Sound, SoundStream};
use crate::platform::ffmpeg::{is_url, media_name, packets};
use crate::{Error, Result};

/// What the container promises of the stream that is decoded.
#[derive(Debug, Default)]
pub struct ContainerInfo {
    /// Index of the stream in the file, where `ffprobe` found it.
    pub stream: Option<usize>,
    /// Seconds from the file's start to the stream's, and the file's own first time.
    pub offset: f64,
    pub origin: f64,
    /// Seconds that it lasts.
    pub duration: Option<f64>,
    /// Frames listed, counting those that an edit list hides.
    pub listed: Option<u64>,
}

/// What was decoded of a clip. Times in seconds since the stream's first frame.
#[derive(Debug)]
pub struct DecodedInfo {
    /// Time of the first frame handed out.
    pub first: f64,
    /// Time of the last one.
    pub last: f64,
    /// Their number.
    pub frames: u64,
    /// Whether decoding failed in between and went on.
    pub recovered: bool,
}

impl ContainerInfo {
    /// From the container's header.
    pub fn new(probe: &ProbeOutput, stream: &ProbeStream) -> Self {
        Self {
            stream: Some(stream.index),
            offset: stream.start().map_or(0.0, |start| start - probe.start()),
            origin: probe.start(),
            duration: probe.duration(stream),
            listed: stream.listed_frames(),
        }
    }

    /// Frames to expect: those listed, unless an edit list hides some of them.
    pub fn frames(&self, rate: Rate) -> Option<u64> {
        let timed = self.duration.map(|seconds| ((seconds * rate.fps()).round() as u64).max(1));
        self.listed.filter(|&listed| timed.is_none_or(|timed| listed <= timed + 1)).or(timed)
    }

    /// The sound that goes with the picture from its first frame on. What is left out goes to `warnings`.
    pub fn sound(&self, location: &OsStr, probe: &ProbeOutput, warnings: &mut Vec<String>) -> Option<Sound> {
        let all = probe.of_type("audio").count();
        let known = |s: &ProbeStream| Some(SoundStream { index: s.index, codec: s.codec_name.clone()? });
        let streams: Vec<_> = probe.of_type("audio").filter_map(known).collect();
        let is_live = location.to_str().is_some_and(is_url) && probe.is_endless();
        if is_live && all > 0 {
            // The sound is fetched anew when the picture is done: a live stream is further on by then.
            warnings.push(format!("{}: a live stream: its sound is left out", location.display()));
        } else if streams.len() < all {
            let lost = all - streams.len();
            warnings.push(format!("{}: {lost} of {all} sound streams of an unknown kind left out", location.display()));
        }
        let end = |s: &ProbeStream| Some(s.start()? - self.origin + probe.duration(s)?);
        let last = probe.of_type("audio").filter_map(end).reduce(f64::max);
        let surplus = last.zip(self.duration).map_or(0.0, |(end, picture)| end - self.offset - picture).max(0.0);
        let location = media_name(location);
        let discontinuous = probe.is_discontinuous();
        let sound = Sound { location, streams, from: self.offset, surplus, discontinuous };
        (!sound.streams.is_empty() && !is_live).then_some(sound)
    }

    /// How many frames the container promises beyond those that were `decoded` up to its apparent end; 0 where all is
    /// well. Containers err, so an early end counts only with evidence: packets that were not decoded, fewer packets
    /// than listed, or complaints of FFmpeg about the file.
    pub fn missing(&self, location: &OsStr, rate: Rate, decoded: &DecodedInfo) -> u64 {
        let Some(stream) = self.stream else { return 0 };
        let interval = rate.interval();
        let end = decoded.last + interval;
        let short = self.duration.map_or(0.0, |promised| promised - end);
        if !decoded.recovered && short < 1.5 * interval {
            return 0;
        }
        let Some(packets) = packets(location, stream, None) else { return 0 };
        let zero = self.origin + self.offset;
        let shown = packets.times.iter().filter(|&&time| time - zero > decoded.first - interval / 4.0).count() as u64;
        let unread = packets.times.last().is_some_and(|&time| time - zero > end);
        let skipped = if unread || decoded.recovered { shown.saturating_sub(decoded.frames) } else { 0 };
        let tolerance = self.duration.unwrap_or(0.0) * 0.02 + 0.25;
        let is_cut =
            self.listed.is_some_and(|listed| packets.total < listed) || packets.complaints && short > tolerance;
        let cut = if is_cut { (short / interval).round().max(0.0) as u64 } else { 0 };
        skipped.max(cut)
    }
}

/// The stream that OpenCV will decode: the first video stream. What the user may wonder about goes to `warnings`.
pub fn choose<'a>(location: &OsStr, probe: &'a ProbeOutput, warnings: &mut Vec<String>) -> Result<&'a ProbeStream> {
    let Some(stream) = probe.video() else {
        let holds = if probe.of_type("audio").next().is_some() { "only sound" } else { "no picture" };
        return Err(Error::input(location, format!("holds {holds}: name a file with a video stream")));
    };
    let videos = || probe.of_type("video").filter(|s| !s.is_cover());
    if stream.is_cover() {
        let remedy = match videos().next() {
            Some(_) => "put the video first: ffmpeg -i INPUT -map 0:V -map 0:a? -c copy OUTPUT.mkv",
            None => "name a file with a video stream",
        };
        return Err(Error::input(location, format!("its first picture is a cover, not a video: {remedy}")));
    }
    if let Some(larger) = videos().find(|s| s.area() > stream.area()) {
        let size = |s: &ProbeStream| format!("{}x{}", s.width.unwrap_or(0), s.height.unwrap_or(0));
        warnings.push(format!(
            "{}: of {} video streams the first ({}) is read; for the {} one: ffmpeg -i INPUT -map 0:{} -map 0:a? -c copy OUTPUT.mkv",
            location.display(),
            videos().count(),
            size(stream),
            size(larger),
            larger.index
        ));
    }
    Ok(stream)
}

/// The rational that a rate given as a plain number stands for: whole, n/1001, or to a thousandth.
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
    fn a_live_stream_loses_its_sound_and_a_recording_keeps_it() {
        let sound = |location: &str, format: &str| {
            let streams =
                r#"[{"index": 0, "codec_type": "video"}, {"index": 3, "codec_type": "audio", "codec_name": "aac"}]"#;
            let probe = serde_json::from_str(&format!(r#"{{"streams": {streams}, "format": {format}}}"#)).unwrap();
            let mut warnings = Vec::new();
            let sound = ContainerInfo::default().sound(OsStr::new(location), &probe, &mut warnings);
            (sound.map(|sound| sound.streams[0].index), warnings.len())
        };
        assert_eq!(sound("rtsp://host/live", "{}"), (None, 1));
        assert_eq!(sound("https://host/clip.mp4", r#"{"duration": "9.0"}"#), (Some(3), 0));
        assert_eq!(sound("growing.ts", "{}"), (Some(3), 0));
    }
}
