//! The filters that make FFmpeg's frames ready for us: progressive, in standard dynamic range, all of one size.

use opencv::core::Size;

use super::frames::{Deinterlace, SourceOptions, ToneMap};
use super::probe_stream::ProbeStream;
use crate::colour::{ChromaSiting, ColourTags, UNSPECIFIED};
use crate::platform::ffmpeg::{PictureShape, SHOWINFO};

/// How FFmpeg delivers the pixels of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelLayout {
    /// Three planes of 8-bit Y'CbCr, with half the chroma samples in both directions.
    Yuv420,
    /// Half the chroma samples in each row.
    Yuv422,
    /// Full chroma.
    Yuv444,
    /// Packed 8-bit BGR.
    Bgr,
}

/// A filter chain, and what comes out of it.
#[derive(Debug, Clone)]
pub struct FilterChain {
    /// In FFmpeg's syntax.
    pub description: String,
    pub layout: PixelLayout,
    /// The size of the pictures, with square pixels.
    pub size: Size,
    /// Their colours.
    pub stored: ColourTags,
    pub is_full_range: bool,
    /// The colours for the result.
    pub colour: ColourTags,
    /// What the user should know, as predicates about the clip.
    pub notes: Vec<String>,
}

/// Luminance in cd/m² of a white sheet in HDR (ITU-R BT.2408), which becomes SDR's white.
const REFERENCE_WHITE: u32 = 203;

/// Up to this part of SDR's range, tone mapping changes nothing; brighter values are compressed.
const TONE_MAP_KNEE: f64 = 0.7;

/// Matrix coefficients that need FFmpeg's own conversion: YCgCo, BT.2020 with constant luminance, and later ones.
const RARE_MATRICES: [u8; 6] = [8, 10, 11, 12, 13, 14];

impl FilterChain {
    /// The filters for `stream`.
    pub fn new(stream: &ProbeStream, options: &SourceOptions) -> Self {
        let shape = stream.shape();
        let size = shape.square_size();
        let tags = stream.colour();
        let (mut filters, mut notes) = (vec![SHOWINFO.to_owned()], Vec::new());
        filters.extend(deinterlace(stream, options.deinterlace, &mut notes));
        let mut layout = PixelLayout::of(stream.pix_fmt.as_deref().unwrap_or_default());
        let mut colour = result_colour(tags, layout);
        // Without a tag, FFmpeg and OpenCV take BT.601's matrix.
        let mut stored = if tags.matrix == UNSPECIFIED { tags } else { colour };
        let mut range = stream.range();
        if let Some(filter) = tone_map(stream, options.tone_map, &mut notes) {
            filters.push(filter);
            (layout, range) = (PixelLayout::Yuv420, Some("tv"));
            (colour, stored) = (ColourTags::BT709, ColourTags::BT709);
        } else if RARE_MATRICES.contains(&tags.matrix) {
            filters.push("zscale=m=bt709:r=limited".into());
            (colour.matrix, stored.matrix, range) = (1, 1, Some("tv"));
        }
        if stream.is_dolby_vision_5() {
            notes.push(
                "is in Dolby Vision's own colours (profile 5), which FFmpeg does not know: they are wrong".into(),
            );
        }
        if layout != PixelLayout::Bgr && (size.width % 2 == 1 || size.height % 2 == 1) {
            // FFmpeg pads subsampled pictures to even sizes only.
            layout = PixelLayout::Yuv444;
        }
        filters.push(fit(shape, size, range, layout));
        filters.push(format!("format={}", layout.name()));
        filters.push(format!("settb=1/1000000,setpts=(PTS+{TIME_OFFSET})*1000"));
        let is_full_range = range == Some("pc");
        Self { description: filters.join(","), layout, size, stored, is_full_range, colour, notes }
    }
}

/// Microseconds that are added to every timestamp, so that none is negative. FFmpeg writes whole milliseconds into
/// Matroska, so that a microsecond of the clip is sent as a millisecond.
pub const TIME_OFFSET: i64 = 1_000_000_000;

/// The colours for the result: those of the source, as far as 8-bit 4:2:0 Y'CbCr has them.
fn result_colour(tags: ColourTags, layout: PixelLayout) -> ColourTags {
    let known = |code: u8| if code == UNSPECIFIED { 1 } else { code };
    // The result's chroma samples are means of four pixels. Of 4:2:0 video, they are the source's samples again.
    let siting = match layout {
        PixelLayout::Yuv420 => tags.siting,
        PixelLayout::Yuv422 => ChromaSiting::Left,
        PixelLayout::Yuv444 | PixelLayout::Bgr => ChromaSiting::Centre,
    };
    match tags.matrix {
        UNSPECIFIED if layout != PixelLayout::Bgr => ColourTags { siting, ..ColourTags::BT709 },
        matrix if layout == PixelLayout::Bgr || RARE_MATRICES.contains(&matrix) => {
            ColourTags { matrix: 1, transfer: known(tags.transfer), primaries: known(tags.primaries), siting }
        }
        _ => ColourTags { siting, ..tags },
    }
}

/// The filter that makes whole pictures of fields.
fn deinterlace(stream: &ProbeStream, wanted: Deinterlace, notes: &mut Vec<String>) -> Option<String> {
    // Frames that the decoder does not mark as interlaced pass unchanged.
    const MARKED: &str = "bwdif=mode=send_frame:deint=interlaced";
    let order = match stream.field_order.as_deref() {
        Some("tt" | "tb") => "top field first",
        Some("bb" | "bt") => "bottom field first",
        _ => "",
    };
    match wanted {
        Deinterlace::Off => None,
        Deinterlace::On => Some("bwdif=mode=send_frame:deint=all".into()),
        Deinterlace::Auto if order.is_empty() => None,
        Deinterlace::Auto => {
            notes.push(format!("is interlaced ({order}) and was deinterlaced (--deinterlace off keeps the lines)"));
            Some(MARKED.into())
        }
    }
}

/// The filter that turns high into standard dynamic range. Colours that are not stated are those of BT.2020.
fn tone_map(stream: &ProbeStream, wanted: ToneMap, notes: &mut Vec<String>) -> Option<String> {
    let hdr = stream.colour().hdr()?;
    if wanted == ToneMap::Off {
        notes.push(format!("is HDR ({hdr}), which the result keeps in 8 bits"));
        return None;
    }
    notes.push(format!("is HDR ({hdr}) and was tone-mapped to SDR (--tonemap off keeps it)"));
    let stated = |name: &Option<String>, usual: &str| match name.as_deref() {
        None | Some("unknown" | "reserved") => usual.to_owned(),
        Some(name) => name.to_owned(),
    };
    let (matrix, primaries) = (stated(&stream.color_space, "bt2020nc"), stated(&stream.color_primaries, "bt2020"));
    let transfer = if hdr == "PQ" { "smpte2084" } else { "arib-std-b67" };
    let input = format!("setparams=colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}");
    let linear = format!("zscale=t=linear:npl={REFERENCE_WHITE},format=gbrpf32le,zscale=p=bt709");
    let curve = format!("tonemap=mobius:param={TONE_MAP_KNEE}:desat=0");
    Some(format!("{input},{linear},{curve},zscale=t=bt709:m=bt709:p=bt709:r=limited,format=yuv420p"))
}

/// The filters that scale every picture to `size`, with its shape kept: the first ones have the `first` shape, and later
/// ones may differ.
fn fit(first: PictureShape, size: Size, range: Option<&str>, layout: PixelLayout) -> String {
    let Size { width, height } = size;
    let PictureShape { size: coded, pixel_aspect } = first;
    let is_same_pixel = format!("lt(abs(sar/{pixel_aspect}-1),0.001)");
    let is_first = format!("eq(iw,{})*eq(ih,{})*{is_same_pixel}", coded.width, coded.height);
    let scaled_width = format!("if({is_first},{width},max(1,min({width},round({height}*dar))))");
    let scaled_height = format!("if({is_first},{height},max(1,min({height},round({width}/dar))))");
    let range = match range {
        Some(range) if layout == PixelLayout::Bgr => format!(":in_range={range}"),
        range => format!(":in_range={0}:out_range={0}", range.unwrap_or("tv")),
    };
    let scale = format!("scale=w='{scaled_width}':h='{scaled_height}'{range}:flags=bicubic:eval=frame");
    format!("{scale},pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:eval=frame")
}

impl PixelLayout {
    /// The layout that keeps what FFmpeg's pixel format `name` has, in 8 bits.
    fn of(name: &str) -> Self {
        const RGB: [&str; 9] = ["rgb", "bgr", "gbr", "pal8", "gray", "mono", "ya8", "ya16", "xyz"];
        match name {
            name if RGB.iter().any(|rgb| name.contains(rgb)) => Self::Bgr,
            name if ["444", "440", "nv24", "nv42"].iter().any(|full| name.contains(full)) => Self::Yuv444,
            name if ["422", "nv16", "p210", "p216", "y210"].iter().any(|half| name.contains(half)) => Self::Yuv422,
            _ => Self::Yuv420,
        }
    }

    /// FFmpeg's name of the layout.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yuv420 => "yuv420p",
            Self::Yuv422 => "yuv422p",
            Self::Yuv444 => "yuv444p",
            Self::Bgr => "bgr24",
        }
    }

    /// The size of each chroma plane of a picture of `size`.
    pub fn chroma(self, size: Size) -> Size {
        let half = |side: i32| (side + 1) / 2;
        match self {
            Self::Yuv420 => Size::new(half(size.width), half(size.height)),
            Self::Yuv422 => Size::new(half(size.width), size.height),
            Self::Yuv444 | Self::Bgr => size,
        }
    }

    /// Bytes of a picture of `size`.
    pub fn bytes(self, size: Size) -> usize {
        let chroma = self.chroma(size);
        let area = |size: Size| size.width as usize * size.height as usize;
        area(size) + 2 * area(chroma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_keep_the_chroma_samples() {
        for (name, layout) in [
            ("yuv420p", PixelLayout::Yuv420),
            ("yuvj422p", PixelLayout::Yuv422),
            ("yuv444p12le", PixelLayout::Yuv444),
            ("p010le", PixelLayout::Yuv420),
            ("gbrp10le", PixelLayout::Bgr),
            ("pal8", PixelLayout::Bgr),
            ("gray", PixelLayout::Bgr),
        ] {
            assert_eq!(PixelLayout::of(name), layout, "{name}");
        }
        assert_eq!(PixelLayout::Yuv420.bytes(Size::new(5, 3)), 15 + 2 * 6);
        assert_eq!(PixelLayout::Bgr.bytes(Size::new(5, 3)), 45);
    }

    #[test]
    fn the_result_has_the_sources_colours() {
        use ChromaSiting::{Centre, TopLeft, Unspecified};
        let tags = |matrix, transfer, primaries, siting| ColourTags { matrix, transfer, primaries, siting };
        let result = |tags| result_colour(tags, PixelLayout::Yuv420);
        assert_eq!(result(tags(6, 6, 6, Unspecified)), tags(6, 6, 6, Unspecified));
        assert_eq!(result(tags(2, 2, 2, Unspecified)), tags(1, 1, 1, Unspecified));
        assert_eq!(result(tags(10, 14, 9, TopLeft)), tags(1, 14, 9, TopLeft));
        assert_eq!(result_colour(tags(0, 13, 2, Unspecified), PixelLayout::Bgr), tags(1, 13, 1, Centre));
    }
}
