//! One stream of a container, as `ffprobe` describes it.

use std::collections::BTreeMap;

use opencv::core::Size;
use serde::Deserialize;

use crate::colour::ColourTags;
use crate::frame::Rate;
use crate::platform::ffmpeg::PictureShape;

/// One stream of the container.
#[derive(Debug, Default, Deserialize)]
pub struct ProbeStream {
    pub index: usize,
    pub codec_type: Option<String>,
    pub codec_name: Option<String>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub codec_tag_string: Option<String>,
    pub pix_fmt: Option<String>,
    pub color_range: Option<String>,
    pub color_space: Option<String>,
    pub color_transfer: Option<String>,
    pub color_primaries: Option<String>,
    pub chroma_location: Option<String>,
    pub field_order: Option<String>,
    #[serde(default)]
    pub channels: u32,
    sample_aspect_ratio: Option<String>,
    r_frame_rate: Option<String>,
    avg_frame_rate: Option<String>,
    time_base: Option<String>,
    pub(super) start_time: Option<String>,
    pub(super) duration: Option<String>,
    nb_frames: Option<String>,
    #[serde(default)]
    disposition: StreamDisposition,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
struct StreamDisposition {
    #[serde(default)]
    default: u8,
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
struct SideData {
    displaymatrix: Option<String>,
    dv_profile: Option<u32>,
}

impl ProbeStream {
    /// Whether the stream is cover art, not a video.
    pub fn is_cover(&self) -> bool {
        self.disposition.attached_pic == 1
    }

    /// Whether the container names it as the stream to play.
    pub fn is_default(&self) -> bool {
        self.disposition.default == 1
    }

    /// Whether its colours are those of Dolby Vision profile 5, which only its own decoders know.
    pub fn is_dolby_vision_5(&self) -> bool {
        self.side_data_list.iter().any(|side| side.dv_profile == Some(5))
    }

    /// Its colours, by its tags.
    pub fn colour(&self) -> ColourTags {
        let names = [&self.color_space, &self.color_transfer, &self.color_primaries, &self.chroma_location];
        ColourTags::from_names(names.map(Option::as_deref))
    }

    /// Its range by FFmpeg's name, `pc` for full or `tv` for limited, if it has one.
    pub fn range(&self) -> Option<&'static str> {
        let is_full = self.pix_fmt.as_deref().is_some_and(|format| format.starts_with("yuvj"));
        match self.color_range.as_deref() {
            Some("pc") => Some("pc"),
            Some("tv") => Some("tv"),
            _ => is_full.then_some("pc"),
        }
    }

    /// Width and height, such as `1920x1080`.
    pub fn dimensions(&self) -> String {
        format!("{}x{}", self.width.unwrap_or(0), self.height.unwrap_or(0))
    }

    /// Picture area in pixels.
    pub fn area(&self) -> i64 {
        i64::from(self.width.unwrap_or(0)) * i64::from(self.height.unwrap_or(0))
    }

    /// The first timestamp of the stream, in seconds.
    pub fn start(&self) -> Option<f64> {
        seconds(&self.start_time)
    }

    /// Time base of the stream: seconds per tick.
    pub fn tick(&self) -> f64 {
        rational(&self.time_base).map_or(0.0, |(num, den)| num as f64 / den as f64)
    }

    /// Number of frames in the container's index (an edit list may hide some of them).
    pub fn listed_frames(&self) -> Option<u64> {
        self.nb_frames.as_ref()?.parse().ok()
    }

    /// The nominal frame rate: the average rate, or the base rate if it is close to the average (the frames are nearly
    /// evenly spaced) or the average is not plausible.
    pub fn rate(&self) -> Option<Rate> {
        let plausible = |rate: &Rate| (0.1..=300.0).contains(&rate.fps());
        let parse = |text| {
            let (num, den) = rational(text)?;
            Some(Rate { num: num.try_into().ok()?, den: den.try_into().ok()? }).filter(plausible)
        };
        match (parse(&self.avg_frame_rate), parse(&self.r_frame_rate)) {
            (Some(average), Some(base)) if (average.fps() / base.fps() - 1.0).abs() < 0.02 => Some(base),
            (average, base) => average.or(base),
        }
    }

    /// The size of a picture of `coded` size with square pixels, by the sample aspect ratio.
    pub fn square_pixels(&self, coded: Size) -> Size {
        PictureShape { size: coded, pixel_aspect: self.pixel_aspect() }.square_size()
    }

    /// Width of a pixel divided by its height; 1 if it is not stated.
    fn pixel_aspect(&self) -> f64 {
        let ratio = self.sample_aspect_ratio.as_deref().and_then(|text| {
            let (num, den) = text.split_once(':')?;
            Some(num.parse::<f64>().ok()? / den.parse::<f64>().ok()?)
        });
        ratio.filter(|ratio| (1e-6..f64::INFINITY).contains(ratio)).unwrap_or(1.0)
    }

    /// The shape of its pictures.
    pub fn shape(&self) -> PictureShape {
        let size = Size::new(self.width.unwrap_or(0), self.height.unwrap_or(0));
        PictureShape { size, pixel_aspect: self.pixel_aspect() }
    }

    /// The rows (a b) and (c d) of the display matrix, which shows pixel (x, y) at (ax + cy, bx + dy).
    pub fn display_matrix(&self) -> Option<[f64; 4]> {
        let text = self.side_data_list.iter().find_map(|side| side.displaymatrix.as_deref())?;
        let values: Vec<f64> = text
            .lines()
            .filter_map(|line| line.split_once(':'))
            .flat_map(|(_, row)| row.split_whitespace().filter_map(|v| v.parse().ok()))
            .collect();
        Some([*values.first()?, *values.get(1)?, *values.get(3)?, *values.get(4)?])
    }
}

/// Parses decimal seconds.
pub(super) fn seconds(text: &Option<String>) -> Option<f64> {
    text.as_ref()?.parse().ok().filter(|s: &f64| s.is_finite())
}

/// Parses `HH:MM:SS.fraction` to seconds.
pub(super) fn clock_time(text: &str) -> Option<f64> {
    text.split(':').try_fold(0.0, |total, part| Some(total * 60.0 + part.trim().parse::<f64>().ok()?))
}

/// Parses `num/den`, both positive.
fn rational(text: &Option<String>) -> Option<(u64, u64)> {
    let (num, den) = text.as_ref()?.split_once('/')?;
    Some((num.parse().ok().filter(|&n| n > 0)?, den.parse().ok().filter(|&d| d > 0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(average: &str, base: &str) -> ProbeStream {
        let rates = (Some(average.to_owned()), Some(base.to_owned()));
        ProbeStream { avg_frame_rate: rates.0, r_frame_rate: rates.1, ..ProbeStream::default() }
    }

    #[test]
    fn nominal_rate_is_exact_and_plausible() {
        let cases = [
            ("30000/1001", "30000/1001", Some((30000, 1001))),
            ("1000/1", "30/1", Some((30, 1))),
            ("12345/413", "30/1", Some((30, 1))),
            ("25/1", "50/1", Some((25, 1))),
            ("0/0", "90000/1", None),
        ];
        for (average, base, expected) in cases {
            let rate = stream(average, base).rate();
            assert_eq!(rate, expected.map(|(num, den)| Rate { num, den }), "average {average}, base {base}");
        }
    }

    #[test]
    fn display_matrix_is_read_from_its_dump() {
        let dump = "\n00000000:            0       65536           0\n00000001:       -65536           0           0\n";
        let side = SideData { displaymatrix: Some(dump.into()), ..SideData::default() };
        let stream = ProbeStream { side_data_list: vec![side], ..ProbeStream::default() };
        assert_eq!(stream.display_matrix(), Some([0.0, 65536.0, -65536.0, 0.0]));
    }

    #[test]
    fn oblong_pixels_become_square() {
        let stream = |ratio: &str| ProbeStream { sample_aspect_ratio: Some(ratio.into()), ..ProbeStream::default() };
        let size = |ratio| stream(ratio).square_pixels(Size::new(720, 576));
        assert_eq!(size("16:11"), Size::new(1047, 576));
        assert_eq!(size("1:2"), Size::new(720, 1152));
        assert_eq!(size("5:1"), Size::new(3600, 576));
        assert_eq!(size("1000000:1"), Size::new(16384, 576));
        assert_eq!(
            (size("1:1"), size("0:1"), size("N/A")),
            (Size::new(720, 576), Size::new(720, 576), Size::new(720, 576))
        );
    }

    #[test]
    fn tag_times_are_clock_times() {
        assert_eq!(clock_time("01:02:03.5"), Some(3723.5));
        assert_eq!(clock_time("N/A"), None);
    }
}
