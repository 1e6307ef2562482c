//! Muxes an encoded picture with what its source held beside the picture: audio, subtitles, chapters, attachments, tags.

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempPath;

use super::container::Container;
use super::encoder::failed;
use super::losses;
use crate::Result;
use crate::frame::Rate;
use crate::passthrough::{AudioStream, FileChange, Metadata, Passthrough};
use crate::platform::ffmpeg::{Ffmpeg, input_args, media_name, own_clock};

/// A file with only the encoded picture.
pub(super) struct EncodedPicture<'a> {
    pub file: &'a Path,
    /// The container of the result.
    pub container: Container,
    pub rate: Rate,
    pub frames: u64,
    /// Time of the last frame in seconds.
    pub last: f64,
    /// The time until which the last frame is shown, if that is not one interval.
    pub end: Option<f64>,
    /// Whether the source ends there too.
    pub is_whole: bool,
}

/// How much of the source to keep. If muxing fails, the next plan is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Plan {
    /// Audio copied where the container takes it; subtitles and attachments.
    All,
    /// Without subtitles and attachments.
    NoSubtitles,
    /// All audio encoded, without subtitles and attachments.
    EncodedAudio,
    /// Only chapters and tags.
    NoAudio,
    /// Only the picture.
    Bare,
}

impl Plan {
    const ORDER: [Self; 5] = [Self::All, Self::NoSubtitles, Self::EncodedAudio, Self::NoAudio, Self::Bare];

    /// What is lost if this plan is the first that works, for a message.
    fn loss(self, kept: &Passthrough) -> Option<String> {
        let has_streams = kept.metadata.as_ref().is_some_and(|metadata| metadata.has_streams());
        let streams = has_streams.then_some("subtitles, attachments and cover art");
        let audio = !kept.audio.is_empty();
        let lost = match self {
            Self::All => [None, None, None],
            Self::NoSubtitles | Self::EncodedAudio => [streams, None, None],
            Self::NoAudio => [streams, audio.then_some("the audio"), None],
            Self::Bare => [None, audio.then_some("the audio"), kept.metadata.as_ref().map(|_| "metadata")],
        };
        let lost: Vec<_> = lost.into_iter().flatten().collect();
        (!lost.is_empty()).then(|| format!("{} could not be kept", lost.join(" and ")))
    }
}

/// Muxes `picture` with what is `kept` of its source, for the result `output`. Returns the file and warnings about what
/// could not be kept.
///
/// # Errors
/// [`Error::Output`](crate::Error::Output) if not even the picture can be muxed.
pub(super) fn mux(picture: &EncodedPicture, kept: &Passthrough, output: &Path) -> Result<(TempPath, Vec<String>)> {
    let joined = super::temporary(output)?.into_temp_path();
    let name = output.display();
    let change = changed(kept);
    let mut warnings: Vec<String> = match change {
        Some(change) => vec![format!("{name}: the input {}: audio and metadata are left out", change.describe())],
        None => losses::losses(picture.container, kept)
            .into_iter()
            .chain(losses::late_subtitles(picture.container, kept).map(str::to_owned))
            .map(|lost| format!("{name}: {lost}"))
            .collect(),
    };
    let mut first_cause = None;
    for plan in Plan::ORDER.into_iter().filter(|plan| change.is_none() || *plan == Plan::Bare) {
        match Ffmpeg::spawn(arguments(picture, kept, plan, &joined))?.wait() {
            Ok(messages) => {
                let loss = plan.loss(kept).zip(first_cause);
                warnings.extend(loss.map(|(lost, cause)| format!("{name}: {lost}: {cause}")));
                warnings.extend(losses::damage(&messages).map(|damage| format!("{name}: {damage}")));
                return Ok((joined, warnings));
            }
            Err(cause) => _ = first_cause.get_or_insert(cause),
        }
    }
    Err(failed(output, &first_cause.unwrap_or_default()))
}

/// The input and the output options with which an encoder muxes audio and tags while it encodes. They are cut after
/// `length` seconds, if that is given.
pub(super) fn while_encoding(
    container: Container,
    kept: &Passthrough,
    length: Option<f64>,
) -> (Vec<OsString>, Vec<OsString>) {
    let mut input = Vec::new();
    if kept.is_diverted {
        // The audio may begin late, and must not be waited for.
        input.extend(["-nofind_stream_info", "-f", "matroska"].map(Into::into));
    }
    if let Some(length) = length {
        input.extend(["-t".into(), format!("{:.6}", length + kept.from).into()]);
    }
    input.extend(source(kept));
    let mut output = audio(container, kept, true);
    output.extend(tags(container, kept, kept.metadata.as_ref()));
    (input, output)
}

/// What happened to the source meanwhile that makes it another file than the one that was decoded.
fn changed(kept: &Passthrough) -> Option<FileChange> {
    kept.identity?.change(Path::new(&kept.location)).filter(|change| *change != FileChange::Grown)
}

/// The arguments to mux by `plan` into `joined`.
fn arguments(picture: &EncodedPicture, kept: &Passthrough, plan: Plan, joined: &Path) -> Vec<OsString> {
    let EncodedPicture { container, rate, .. } = *picture;
    let mut args: Vec<OsString> = vec!["-i".into(), media_name(picture.file.as_os_str())];
    if plan != Plan::Bare {
        args.extend(source(kept));
    }
    args.extend(["-map", "0:v:0", "-c:v", "copy", "-copypriorss:s", "1"].map(Into::into));
    if matches!(plan, Plan::All | Plan::NoSubtitles | Plan::EncodedAudio) {
        args.extend(audio(container, kept, plan != Plan::EncodedAudio));
    }
    let metadata = kept.metadata.as_ref().filter(|_| plan != Plan::Bare);
    if let Some(metadata) = metadata.filter(|_| plan == Plan::All) {
        args.extend(further_streams(container, metadata));
    }
    if !picture.is_whole {
        let length = picture.end.unwrap_or(picture.last + rate.interval());
        args.extend(["-t".into(), format!("{length:.6}").into()]);
    }
    if let Some(end) = picture.end {
        args.extend(held_until(end, picture));
    }
    args.extend(container.mux_args(rate));
    args.extend(tags(container, kept, metadata));
    args.push(media_name(joined.as_os_str()));
    args
}

/// The bitstream filter that has the last packet end at `end`, and no other one later. With B frames, it is not the last
/// picture, but the file ends at the latest time at which a packet ends.
fn held_until(end: f64, picture: &EncodedPicture) -> [OsString; 2] {
    let second = f64::from(picture.container.ticks(picture.rate));
    let (number, ticks, interval) = (picture.frames - 1, end * second, picture.rate.interval() * second);
    let rest = format!("max(1\\,{ticks:.0}-PTS)");
    let duration = format!("if(eq(N\\,{number})\\,{rest}\\,min({interval:.0}\\,{rest}))");
    ["-bsf:v:0".into(), format!("setts=pts=PTS:dts=DTS:duration={duration}").into()]
}

/// The source as an input, so shifted that the first frame is at 0. FFmpeg seeks only if there is much to pass over: in
/// some containers it lands late.
fn source(kept: &Passthrough) -> Vec<OsString> {
    const RUN_UP: f64 = 10.0;
    let seek = if kept.from > 2.0 * RUN_UP { kept.from - RUN_UP } else { 0.0 };
    let mut args: Vec<OsString> = Vec::new();
    if seek > 0.0 {
        // A seek that must be exact would also cut the audio that is encoded again at the seek's time.
        args.extend(["-noaccurate_seek".into(), "-ss".into(), format!("{seek:.6}").into()]);
    }
    if kept.is_diverted {
        args.push("-copyts".into());
    }
    let offset = if kept.discontinuous { own_clock(seek - kept.from, seek) } else { seek - kept.from };
    args.extend(["-itsoffset".into(), format!("{offset:.6}").into()]);
    args.extend(input_args(&kept.location));
    args
}

/// The bitstream filters for copied subtitles that leave out those before the first frame, and have the one that is
/// shown then begin with it. Subtitles that are encoded would lose the last ones to `setts`.
const FROM_THE_START: &str = "noise=drop=lte(pts+duration\\,0),\
    setts=pts=max(PTS\\,0):dts=max(DTS\\,0):duration=DURATION+min(PTS\\,0)";

/// Subtitles, attachments and cover art.
fn further_streams(container: Container, metadata: &Metadata) -> Vec<OsString> {
    let mut args = Vec::new();
    let subtitles =
        metadata.subtitles.iter().filter_map(|(index, codec)| Some((index, container.subtitle_codec(codec)?)));
    for (number, (index, codec)) in subtitles.enumerate() {
        args.extend(["-map".into(), format!("1:{index}"), format!("-c:s:{number}"), codec.into()]);
        let filter = if codec == "copy" { FROM_THE_START } else { "noise=drop=lt(pts\\,0)" };
        args.extend([format!("-bsf:s:{number}"), filter.into()]);
    }
    for (index, _) in metadata.attachments.iter().filter(|_| container.takes_attachments()) {
        args.extend(["-map".into(), format!("1:{index}"), "-c:t".into(), "copy".into()]);
    }
    for (number, index) in metadata.covers.iter().filter(|_| container.takes_covers(&metadata.tags)).enumerate() {
        args.extend(["-map".into(), format!("1:{index}")]);
        args.extend([format!("-disposition:v:{}", number + 1), "attached_pic".into()]);
    }
    args.into_iter().map(Into::into).collect()
}

/// The audio streams; copied where the container takes them, if `copy` is set.
fn audio(container: Container, kept: &Passthrough, copy: bool) -> Vec<OsString> {
    let mapped = |stream: &AudioStream| ["-map".into(), format!("1:{}", stream.index).into()];
    kept.audio.iter().flat_map(mapped).chain(container.audio_args(&kept.audio, copy)).collect()
}

/// Chapters and tags; none without `metadata`.
fn tags(container: Container, kept: &Passthrough, metadata: Option<&Metadata>) -> Vec<OsString> {
    let Some(metadata) = metadata else {
        return ["-map_metadata", "-1", "-map_chapters", "-1"].map(Into::into).to_vec();
    };
    let mut args: Vec<OsString> = ["-map_metadata", "1", "-map_chapters", "1"].map(Into::into).to_vec();
    if let Some(stream) = metadata.tagged_stream {
        args.extend(["-map_metadata:g".into(), format!("1:s:{stream}").into()]);
    }
    for (tag, value) in &metadata.video_tags {
        // A time code belongs to the source's first frame.
        if tag != "timecode" || kept.from.abs() < 1e-3 {
            args.extend(["-metadata:s:v:0".into(), format!("{tag}={value}").into()]);
        }
    }
    if container != Container::Mp4 {
        // An MP4's own tags would become ordinary ones.
        let technical = ["major_brand", "minor_version", "compatible_brands"];
        args.extend(technical.iter().flat_map(|tag| ["-metadata".into(), format!("{tag}=").into()]));
    }
    args.extend(container.tag_args(&metadata.tags));
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_shifted_to_its_first_frame() {
        let args = |from, discontinuous| {
            let kept = Passthrough { from, discontinuous, location: "x".into(), ..Passthrough::default() };
            let args: Vec<_> = source(&kept).into_iter().map(|arg| arg.into_string().unwrap()).collect();
            args.join(" ")
        };
        let input = "-protocol_whitelist file,crypto,data -i file:x";
        assert_eq!(args(0.08, false), format!("-itsoffset -0.080000 {input}"));
        assert_eq!(args(3600.0, false), format!("-noaccurate_seek -ss 3590.000000 -itsoffset -10.000000 {input}"));
        assert_eq!(args(0.0, true), format!("-itsoffset 0.000001 {input}"));
    }
}
