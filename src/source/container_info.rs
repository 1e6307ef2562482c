//! What the container states about the decoded stream, and whether decoding delivered it.

use std::ffi::OsStr;

use super::probe::{ProbeOutput, ProbeStream};
use crate::frame::{Rate, Sound, SoundStream};
use crate::platform::ffmpeg::{is_url, media_name, packets};
use crate::{Error, Result};

/// What the container states about the decoded stream.
#[derive(Debug, Default)]
pub struct ContainerInfo {
    /// Index of the stream in the file, if `ffprobe` found it.
    pub stream: Option<usize>,
    /// Seconds from the start of the file to the start of the stream, and the first timestamp of the file.
    pub offset: f64,
    pub origin: f64,
    /// Duration in seconds.
    pub duration: Option<f64>,
    /// Number of frames in the container's index, including those hidden by an edit list.
    pub listed: Option<u64>,
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
            duration: probe.duration(stream),
            listed: stream.listed_frames(),
        }
    }

    /// Expected number of frames: the indexed ones, unless an edit list hides some of them.
    pub fn frames(&self, rate: Rate) -> Option<u64> {
        let timed = self.duration.map(|seconds| ((seconds * rate.fps()).round() as u64).max(1));
        self.listed.filter(|&listed| timed.is_none_or(|timed| listed <= timed + 1)).or(timed)
    }

    /// The audio that belongs to the picture from its first frame on. Adds a warning for audio that is left out.
    pub fn sound(&self, location: &OsStr, probe: &ProbeOutput, warnings: &mut Vec<String>) -> Option<Sound> {
        let all = probe.of_type("audio").count();
        let known = |s: &ProbeStream| Some(SoundStream { index: s.index, codec: s.codec_name.clone()? });
        let streams: Vec<_> = probe.of_type("audio").filter_map(known).collect();
        let is_live = location.to_str().is_some_and(is_url) && probe.is_endless();
        if is_live && all > 0 {
            // The audio is fetched again after the picture is done, and by then a live stream has moved on.
            warnings.push(format!("{}: is a live stream: its audio is left out", location.display()));
        } else if streams.len() < all {
            let lost = all - streams.len();
            warnings.push(format!(
                "{}: {lost} of {all} audio streams have an unknown codec and are left out",
                location.display()
            ));
        }
        let end = |s: &ProbeStream| Some(s.start()? - self.origin + probe.duration(s)?);
        let last = probe.of_type("audio").filter_map(end).reduce(f64::max);
        let surplus = last.zip(self.duration).map_or(0.0, |(end, picture)| end - self.offset - picture).max(0.0);
        let location = media_name(location);
        let discontinuous = probe.is_discontinuous();
        let sound = Sound { location, streams, from: self.offset, surplus, discontinuous };
        (!sound.streams.is_empty() && !is_live).then_some(sound)
    }

    /// Number of frames that the container states beyond those `decoded` up to the apparent end; 0 if none are missing.
    /// Containers can be wrong, so an early end counts only with evidence: packets that were not decoded, fewer packets
    /// than indexed frames, or complaints by FFmpeg about the file.
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

/// The stream that OpenCV will decode: the first video stream. Adds a warning if another one is larger.
pub fn choose<'a>(location: &OsStr, probe: &'a ProbeOutput, warnings: &mut Vec<String>) -> Result<&'a ProbeStream> {
    let Some(stream) = probe.video() else {
        let holds = if probe.of_type("audio").next().is_some() { "only audio" } else { "no video" };
        return Err(Error::input(location, format!("contains {holds}: use a file with a video stream")));
    };
    let videos = || probe.of_type("video").filter(|s| !s.is_cover());
    if stream.is_cover() {
        let remedy = match videos().next() {
            Some(_) => "put the video first: ffmpeg -i INPUT -map 0:V -map 0:a? -c copy OUTPUT.mkv",
            None => "use a file with a video stream",
        };
        return Err(Error::input(location, format!("its first video stream is cover art: {remedy}")));
    }
    if let Some(larger) = videos().find(|s| s.area() > stream.area()) {
        let size = |s: &ProbeStream| format!("{}x{}", s.width.unwrap_or(0), s.height.unwrap_or(0));
        warnings.push(format!(
            "{}: has {} video streams and the first ({}) is read; for the {} one: ffmpeg -i INPUT -map 0:{} -map 0:a? -c copy OUTPUT.mkv",
            location.display(),
            videos().count(),
            size(stream),
            size(larger),
            larger.index
        ));
    }
    Ok(stream)
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
