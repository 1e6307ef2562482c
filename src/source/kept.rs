//! What a file holds beside its picture: found when it is opened, kept in the result.

use std::ffi::OsStr;
use std::path::Path;

use super::container_info::ContainerInfo;
use super::probe::ProbeOutput;
use super::probe_stream::ProbeStream;
use crate::passthrough::{AudioStream, FileIdentity, Metadata, Passthrough};
use crate::platform::ffmpeg::is_url;

/// Tags that describe the container or the encoder, not the content; a new file has its own.
const TECHNICAL_TAGS: [&str; 9] = [
    "major_brand",
    "minor_version",
    "compatible_brands",
    "encoder",
    "duration",
    "handler_name",
    "vendor_id",
    "encoder_options",
    "rotate",
];

/// What is kept of the file at `location` whose stream `video` is decoded. Adds a warning for what is left out.
pub fn passthrough(
    location: &OsStr,
    probe: &ProbeOutput,
    video: &ProbeStream,
    info: &ContainerInfo,
    warnings: &mut Vec<String>,
) -> Option<Passthrough> {
    if location.to_str().is_some_and(is_url) && probe.is_endless() {
        if probe.of_type("audio").next().is_some() {
            // The audio is fetched again after the picture is done, and by then a live stream has moved on.
            warnings.push(format!("{}: is a live stream: its audio is left out", location.display()));
        }
        return None;
    }
    let kept = Passthrough {
        location: location.to_owned(),
        identity: FileIdentity::of(Path::new(location)),
        audio: audio(location, probe, warnings),
        from: info.offset,
        discontinuous: probe.is_discontinuous(),
        metadata: Some(metadata(probe, video)),
        ..Passthrough::default()
    };
    (!kept.is_empty()).then_some(kept)
}

/// The audio streams. Adds a warning for those that are left out.
fn audio(location: &OsStr, probe: &ProbeOutput, warnings: &mut Vec<String>) -> Vec<AudioStream> {
    let all = probe.of_type("audio").count();
    let known =
        |s: &ProbeStream| Some(AudioStream { index: s.index, codec: s.codec_name.clone()?, channels: s.channels });
    let streams: Vec<_> = probe.of_type("audio").filter_map(known).collect();
    if streams.len() < all {
        let (name, lost) = (location.display(), all - streams.len());
        warnings.push(format!("{name}: {lost} of {all} audio streams have an unknown codec and are left out"));
    }
    streams
}

/// Subtitles, chapters, attachments and tags.
fn metadata(probe: &ProbeOutput, video: &ProbeStream) -> Metadata {
    let codec = |s: &ProbeStream| s.codec_name.clone().unwrap_or_else(|| "unknown".into());
    let file_name = |s: &ProbeStream| s.tags.get("filename").cloned().unwrap_or_default();
    let is_content = |tag: &&String| !TECHNICAL_TAGS.contains(&tag.to_lowercase().as_str());
    // Chapters are a stream of text in an MP4.
    let is_chapters = |s: &ProbeStream| s.codec_tag_string.as_deref() == Some("text") && !probe.chapters.is_empty();
    let other = |s: &&ProbeStream| s.codec_type.as_deref() == Some("data") && !is_chapters(s);
    // A time code is a stream of its own in QuickTime, and a tag of the video, which is kept.
    let tag_of = |s: &&ProbeStream| s.tags.get("handler_name").is_some_and(|name| name.contains("TimeCode"));
    let named = |s: &ProbeStream| s.codec_tag_string.clone().unwrap_or_else(|| codec(s));
    let is_descriptive =
        |(tag, _): &(&String, &String)| ["language", "title", "timecode"].contains(&tag.to_lowercase().as_str());
    let has_tags = |s: &&ProbeStream| s.tags.contains_key("title") || s.tags.contains_key("TITLE");
    let is_ogg = probe.format.format_name.as_deref() == Some("ogg");
    let tagged = probe.streams.iter().find(has_tags).filter(|_| is_ogg);
    Metadata {
        subtitles: probe.of_type("subtitle").map(|s| (s.index, codec(s))).collect(),
        attachments: probe.of_type("attachment").map(|s| (s.index, file_name(s))).collect(),
        covers: probe.streams.iter().filter(|s| s.is_cover()).map(|s| s.index).collect(),
        others: probe.streams.iter().filter(other).filter(|s| !tag_of(s)).map(named).collect(),
        chapters: probe.chapters.len(),
        tags: probe.format.tags.keys().filter(is_content).cloned().collect(),
        tagged_stream: tagged.map(|s| s.index),
        video_tags: video
            .tags
            .iter()
            .filter(is_descriptive)
            .map(|(tag, value)| (tag.to_lowercase(), value.clone()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_stream_loses_its_sound_and_a_recording_keeps_it() {
        let sound = |location: &str, format: &str| {
            let streams =
                r#"[{"index": 0, "codec_type": "video"}, {"index": 3, "codec_type": "audio", "codec_name": "aac"}]"#;
            let probe: ProbeOutput =
                serde_json::from_str(&format!(r#"{{"streams": {streams}, "format": {format}}}"#)).unwrap();
            let mut warnings = Vec::new();
            let (location, info) = (OsStr::new(location), ContainerInfo::default());
            let kept = passthrough(location, &probe, &probe.streams[0], &info, &mut warnings);
            (kept.map(|kept| kept.audio[0].index), warnings.len())
        };
        assert_eq!(sound("rtsp://host/live", "{}"), (None, 1));
        assert_eq!(sound("https://host/clip.mp4", r#"{"duration": "9.0"}"#), (Some(3), 0));
        assert_eq!(sound("growing.ts", "{}"), (Some(3), 0));
    }
}
