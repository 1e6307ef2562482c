//! The format of a picture file, by its content: extensions are often wrong.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::platform::paths;

/// Number of bytes at the start of a file that tell its format.
const HEAD_BYTES: u64 = 64;

/// How a picture file is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// JPEG, PNG or WebP: OpenCV decodes it, and its EXIF data give its orientation.
    WithExif,
    /// TIFF: OpenCV decodes it upright, but only its first page.
    Tiff,
    /// AVIF: FFmpeg decodes it, and its container gives its orientation.
    Avif,
    /// Another format that FFmpeg decodes, and OpenCV does not, or not all of it.
    Ffmpeg,
    /// HEIC, which neither of them decodes.
    Heic,
    /// Several pictures over time, or a GIF: it is a video.
    Animation,
    /// Anything else: OpenCV decodes it, or says that it cannot.
    OpenCv,
}

/// How files begin that FFmpeg decodes: JPEG 2000 (file and code stream), JPEG XL (the same), OpenEXR, Photoshop, QOI.
const FFMPEG_HEADS: [&[u8]; 7] =
    [b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\0\x0cJXL ", b"\xff\x0a", b"\x76\x2f\x31\x01", b"8BPS", b"qoif"];

/// Extensions of files that FFmpeg decodes, and whose content does not tell.
const FFMPEG_EXTENSIONS: [&str; 3] = ["pcx", "svg", "tga"];

impl PictureFormat {
    /// The format of `file`. A file that cannot be read counts as [`PictureFormat::OpenCv`].
    pub fn of(file: &Path) -> Self {
        let head = head(file);
        match &*head {
            [b'G', b'I', b'F', b'8', ..] => Self::Animation,
            _ if is_webp(&head) => {
                if is_animated_webp(&head) {
                    Self::Animation
                } else {
                    Self::WithExif
                }
            }
            [0x89, b'P', b'N', b'G', ..] if is_animated_png(file) => Self::Animation,
            [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Self::WithExif,
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Self::Tiff,
            [_, _, _, _, b'f', b't', b'y', b'p', brands @ ..] => of_brands(brands),
            _ if FFMPEG_HEADS.iter().any(|start| head.starts_with(start)) => Self::Ffmpeg,
            _ if FFMPEG_EXTENSIONS.contains(&&*paths::extension(file)) => Self::Ffmpeg,
            _ => Self::OpenCv,
        }
    }
}

/// The format of a HEIF file with these brands: the major one, a version, and the compatible ones.
fn of_brands(brands: &[u8]) -> PictureFormat {
    let has = |brand: &[u8; 4]| brands.chunks_exact(4).any(|found| found == brand);
    match brands.first_chunk() {
        Some(b"avis") => PictureFormat::Animation,
        _ if has(b"avif") => PictureFormat::Avif,
        _ if [b"heic", b"heix", b"heim", b"heis", b"hevc"].into_iter().any(has) => PictureFormat::Heic,
        _ => PictureFormat::OpenCv,
    }
}

/// Whether the file is an animated WebP picture.
pub fn is_webp_animation(file: &Path) -> bool {
    let head = head(file);
    is_webp(&head) && is_animated_webp(&head)
}

/// The first bytes of a file. A file that cannot be read has none: the reason is reported when it is decoded.
fn head(file: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let _ = File::open(file).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut head));
    head
}

fn is_webp(head: &[u8]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP")
}

/// Whether the flag for animation is set in the header of an extended WebP file.
fn is_animated_webp(head: &[u8]) -> bool {
    const ANIMATION: u8 = 0x02;
    head.get(12..16) == Some(b"VP8X") && head.get(20).is_some_and(|flags| flags & ANIMATION != 0)
}

fn is_animated_png(file: &Path) -> bool {
    let frames = |file: File| {
        let reader = png::Decoder::new(BufReader::new(file)).read_info().ok()?;
        reader.info().animation_control().map(|control| control.num_frames)
    };
    File::open(file).ok().and_then(frames).is_some_and(|frames| frames > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format_whatever_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, head: &[u8]| {
            let file = folder.path().join(name);
            std::fs::write(&file, head).unwrap();
            PictureFormat::of(&file)
        };
        assert_eq!(of("a.png", b"GIF89a"), PictureFormat::Animation);
        assert_eq!(of("a.gif", b"\xff\xd8\xff\xe0"), PictureFormat::WithExif);
        assert_eq!(of("a.jpg", b"RIFF\0\0\0\0WEBPVP8 "), PictureFormat::WithExif);
        assert_eq!(of("a.webp", b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0"), PictureFormat::Animation);
        assert_eq!(of("a.webp", b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08\0\0\0"), PictureFormat::WithExif);
        assert_eq!(of("a.jpg", b"\0\0\0\x1cftypheic\0\0\0\0mif1heic"), PictureFormat::Heic);
        assert_eq!(of("a.heic", b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif"), PictureFormat::Avif);
        assert_eq!(of("a.avif", b"\0\0\0\x1cftypavis\0\0\0\0avifavis"), PictureFormat::Animation);
        assert_eq!(of("a.svg", b"<svg"), PictureFormat::Ffmpeg);
        assert_eq!(of("a.svg", b"II*\0"), PictureFormat::Tiff);
        assert_eq!(of("empty.png", b""), PictureFormat::OpenCv);
        assert_eq!(PictureFormat::of(&folder.path().join("none")), PictureFormat::OpenCv);
    }
}
