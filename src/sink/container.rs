//! The output formats, with the encoders and options for each.

use std::ffi::OsString;
use std::path::Path;

use crate::choice::choices;
use crate::frame::Rate;
use crate::passthrough::AudioStream;
use crate::{Error, Result, platform::paths};

choices! {
    /// A format that videos are written in.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Container {
        /// MP4 and its relatives: H.264 and AAC
        Mp4 = "mp4",
        /// Matroska: H.264 and audio of any codec; for standard output the default
        Matroska = "matroska",
        /// WebM: VP9 and Opus
        WebM = "webm",
        /// MPEG-TS: H.264 and AAC
        MpegTs = "mpegts",
        /// Raw pictures at a constant rate, for other programs; no audio
        Y4m = "y4m",
        /// Animated GIF: 256 colours per picture, no audio
        Gif = "gif",
    }
}

/// Extensions of videos that are written, for messages.
const EXTENSIONS: &str = ".mp4, .m4v, .mov, .mkv, .webm, .ts, .y4m or .gif";

impl Container {
    /// The `wanted` container, or else the one for the extension of the file name.
    ///
    /// # Errors
    /// [`Error::Usage`] for any other extension.
    pub fn of(output: &Path, wanted: Option<Self>) -> Result<Self> {
        let known = wanted.or(match paths::extension(output).as_str() {
            "mp4" | "m4v" | "mov" => Some(Self::Mp4),
            "mkv" => Some(Self::Matroska),
            "webm" => Some(Self::WebM),
            "ts" => Some(Self::MpegTs),
            "y4m" => Some(Self::Y4m),
            "gif" => Some(Self::Gif),
            _ => paths::is_stream(output).then_some(Self::Matroska),
        });
        let name = output.display();
        known.ok_or_else(|| Error::Usage(format!("{name}: unknown video format: end the name in {EXTENSIONS}")))
    }

    /// Whether it holds anything but a picture.
    pub fn holds_audio(self) -> bool {
        !matches!(self, Self::Y4m | Self::Gif)
    }

    /// The video encoder at quality `crf` (x264's scale). The presets suit two cores that also do other work: superfast
    /// with the two settings of veryfast that keep files small takes two thirds of the time of veryfast.
    pub fn encoder_args(self, crf: u8) -> Vec<OsString> {
        let quality = crf.to_string();
        let vp9 = (u16::from(crf) + 8).min(63).to_string();
        let args = match self {
            Self::Mp4 | Self::Matroska | Self::MpegTs => {
                let small = ["-mbtree", "1", "-rc-lookahead", "10"];
                [&["-c:v", "libx264", "-preset", "superfast", "-crf", &quality], &small[..]].concat()
            }
            Self::WebM => {
                let speed = ["-deadline", "realtime", "-cpu-used", "7", "-row-mt", "1"];
                [&["-c:v", "libvpx-vp9", "-b:v", "0", "-crf", &vp9], &speed[..]].concat()
            }
            Self::Y4m => vec!["-c:v", "wrapped_avframe", "-pix_fmt", "yuv420p"],
            Self::Gif => vec!["-vf", PALETTE, "-c:v", "gif"],
        };
        args.into_iter().map(Into::into).collect()
    }

    /// How frames become packets, for a clip at the nominal rate `rate`: with their own times, if the format has times.
    pub fn timing_args(self, rate: Rate) -> Vec<OsString> {
        let (frames, ticks) = (format!("{}/{}", rate.num, rate.den), format!("1:{}", timescale(rate)));
        let args = match self {
            Self::Y4m => ["-fps_mode", "cfr", "-r", &frames],
            _ => ["-fps_mode", "passthrough", "-enc_time_base", &ticks],
        };
        args.map(Into::into).to_vec()
    }

    /// The muxer and its options, for a clip at the nominal rate `rate`.
    pub fn mux_args(self, rate: Rate) -> Vec<OsString> {
        let scale = timescale(rate).to_string();
        let args = match self {
            Self::Mp4 => vec!["-video_track_timescale", &scale, "-movflags", "+faststart", "-f", "mp4"],
            Self::Matroska => vec!["-f", "matroska"],
            Self::WebM => vec!["-f", "webm"],
            Self::MpegTs => vec!["-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts"],
            Self::Y4m => vec!["-f", "yuv4mpegpipe"],
            Self::Gif => vec!["-f", "gif"],
        };
        args.into_iter().map(Into::into).collect()
    }

    /// Ticks per second of the video's timestamps, for a clip at the nominal rate `rate`.
    pub fn ticks(self, rate: Rate) -> u32 {
        match self {
            Self::Mp4 => timescale(rate),
            Self::Matroska | Self::WebM => 1000,
            Self::MpegTs => 90_000,
            Self::Gif | Self::Y4m => 100,
        }
    }

    /// The muxer and its options for a file that can be played at any time while it grows, with one second of delay.
    pub fn growing_args(self, rate: Rate) -> Vec<OsString> {
        let (scale, keys) = (timescale(rate).to_string(), (2.0 * rate.fps()).ceil().to_string());
        let muxer = match self {
            Self::Mp4 => {
                let fragments = "+frag_keyframe+empty_moov+default_base_moof";
                vec!["-video_track_timescale", &scale, "-movflags", fragments, "-frag_duration", "1000000", "-f", "mp4"]
            }
            Self::Matroska => vec!["-cluster_time_limit", "1000", "-f", "matroska"],
            Self::WebM => vec!["-cluster_time_limit", "1000", "-f", "webm"],
            Self::MpegTs | Self::Y4m | Self::Gif => return self.mux_args(rate),
        };
        ["-g", &keys, "-flush_packets", "1"].into_iter().chain(muxer).map(Into::into).collect()
    }

    /// Codec options for the audio `streams`, in order: copied if this container plays them everywhere and `copy` is
    /// set, otherwise encoded.
    pub fn audio_args(self, streams: &[AudioStream], copy: bool) -> Vec<OsString> {
        let options = streams.iter().enumerate().flat_map(|(index, stream)| {
            if copy && self.takes(&stream.codec) {
                let lead = self.audio_lead();
                let earlier = format!("noise=drop=lt((pts+{lead}*duration)*tb\\,-0.0005)");
                return vec![format!("-c:a:{index}"), "copy".into(), format!("-bsf:a:{index}"), earlier];
            }
            let rate = if stream.channels > 2 { 64 * stream.channels } else { 160 };
            let encoder = self.audio_encoder();
            let mut args =
                [format!("-c:a:{index}"), encoder.into(), format!("-b:a:{index}"), format!("{rate}k")].to_vec();
            // Audio before the first frame has negative timestamps.
            args.extend([
                format!("-filter:a:{index}"),
                format!("atrim=start=0,aformat=channel_layouts={}", self.channel_layouts()),
            ]);
            args
        });
        options.map(Into::into).collect()
    }

    /// Number of audio packets before the first picture that are kept when audio is copied. A decoder needs the packet
    /// before the first one that is heard, but only MP4 holds packets that are not shown: elsewhere, the picture would
    /// start later.
    fn audio_lead(self) -> u32 {
        if self == Self::Mp4 { 2 } else { 0 }
    }

    fn takes(self, codec: &str) -> bool {
        match self {
            Self::Mp4 => ["aac", "mp3", "ac3", "eac3", "alac"].contains(&codec),
            Self::Matroska => true,
            Self::WebM => ["opus", "vorbis"].contains(&codec),
            Self::MpegTs => ["aac", "mp3", "mp2", "ac3", "eac3"].contains(&codec),
            Self::Y4m | Self::Gif => false,
        }
    }

    fn audio_encoder(self) -> &'static str {
        if self == Self::WebM { "libopus" } else { "aac" }
    }

    /// The channel layouts that the audio encoder has, among the common ones.
    fn channel_layouts(self) -> &'static str {
        match self {
            Self::WebM => "mono|stereo|3.0|quad|5.0|5.1|6.1|7.1",
            _ => "mono|stereo|3.0|4.0|5.0|5.1|5.1(side)|6.1|7.1",
        }
    }

    /// The codec with which this container holds subtitles of `codec`: `copy`, or an encoder's name. `None` if it
    /// cannot.
    pub fn subtitle_codec(self, codec: &str) -> Option<&'static str> {
        const TEXT: [&str; 7] = ["subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"];
        const PICTURES: [&str; 3] = ["hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"];
        let is_text = TEXT.contains(&codec);
        match self {
            Self::Mp4 => is_text.then_some("mov_text"),
            Self::WebM => is_text.then_some("webvtt"),
            Self::Matroska if ["mov_text", "text"].contains(&codec) => Some("subrip"),
            Self::Matroska => (is_text || PICTURES.contains(&codec)).then_some("copy"),
            Self::MpegTs => (codec == "dvb_subtitle").then_some("copy"),
            Self::Y4m | Self::Gif => None,
        }
    }

    /// Whether the container holds attachments such as fonts.
    pub fn takes_attachments(self) -> bool {
        self == Self::Matroska
    }

    /// Muxer options to keep all of a file's `tags`. An MP4 holds tags that it does not know only in a form that few
    /// players read, so that form is used only if it is needed.
    pub fn tag_args(self, tags: &[String]) -> Vec<OsString> {
        let is_needed = self == Self::Mp4 && !tags.iter().all(|tag| is_standard_tag(tag));
        if is_needed { ["-movflags", "+faststart+use_metadata_tags"].map(Into::into).to_vec() } else { Vec::new() }
    }

    /// Whether the container holds cover art beside these `tags`: FFmpeg writes it only among an MP4's standard tags.
    pub fn takes_covers(self, tags: &[String]) -> bool {
        self == Self::Mp4 && tags.iter().all(|tag| is_standard_tag(tag))
    }
}

/// Whether an MP4 has a standard form for a tag of this name.
fn is_standard_tag(tag: &str) -> bool {
    const KNOWN: [&str; 27] = [
        "title",
        "author",
        "artist",
        "album_artist",
        "composer",
        "album",
        "date",
        "comment",
        "genre",
        "copyright",
        "grouping",
        "lyrics",
        "description",
        "synopsis",
        "show",
        "episode_id",
        "network",
        "keywords",
        "episode_sort",
        "season_number",
        "media_type",
        "hd_video",
        "compilation",
        "track",
        "disc",
        "creation_time",
        "year",
    ];
    let tag = tag.to_lowercase();
    tag.starts_with("location") || KNOWN.contains(&tag.as_str())
}

/// Reduces each picture to its own 256 colours. A palette for the whole clip would need the whole clip in memory.
const PALETTE: &str =
    "split[a][b];[a]palettegen=stats_mode=single[p];[b][p]paletteuse=new=1:dither=bayer:bayer_scale=4";

/// Ticks per second at which every frame of a constant `rate` lies on a whole tick, and any other within 6 µs: the
/// smallest multiple of the rate's numerator that is at least 90000.
pub fn timescale(rate: Rate) -> u32 {
    const ENOUGH: u32 = 90_000;
    if rate.num > 10_000_000 { ENOUGH } else { ENOUGH.div_ceil(rate.num) * rate.num }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timescales_hold_constant_rates_exactly() {
        for (num, den) in [(30000, 1001), (24000, 1001), (25, 1), (25, 2), (15000, 1001), (1_234_567, 41_234)] {
            let scale = timescale(Rate { num, den });
            assert!(scale >= 90_000 && u64::from(scale) * u64::from(den) % u64::from(num) == 0, "{num}/{den}: {scale}");
        }
    }

    #[test]
    fn only_what_a_container_plays_is_copied() {
        let stream = |codec: &str, channels| AudioStream { index: 1, codec: codec.to_owned(), channels };
        let streams = [stream("opus", 2), stream("aac", 2)];
        let copied =
            |container: Container| container.audio_args(&streams, true).iter().filter(|arg| *arg == "copy").count();
        assert_eq!([Container::Mp4, Container::Matroska, Container::WebM].map(copied), [1, 2, 1]);
        let surround = Container::Mp4.audio_args(&[stream("flac", 6)], true);
        assert!(surround.contains(&"384k".into()), "{surround:?}");
    }

    #[test]
    fn subtitles_are_converted_for_their_container() {
        let codecs = [Container::Mp4, Container::Matroska, Container::WebM].map(|c| c.subtitle_codec("subrip"));
        assert_eq!(codecs, [Some("mov_text"), Some("copy"), Some("webvtt")]);
        let pictures = [Container::Mp4, Container::Matroska].map(|c| c.subtitle_codec("hdmv_pgs_subtitle"));
        assert_eq!(pictures, [None, Some("copy")]);
    }

    #[test]
    fn unknown_extensions_are_wrong_usage() {
        let of = |name: &str, wanted| Container::of(Path::new(name), wanted).ok();
        assert_eq!(of("clip.wmv", None), None);
        assert_eq!(of("CLIP.MP4", None), Some(Container::Mp4));
        assert_eq!(of("-", None), Some(Container::Matroska));
        assert_eq!(of("clip.mp4", Some(Container::Y4m)), Some(Container::Y4m));
    }
}
