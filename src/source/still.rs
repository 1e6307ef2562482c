//! Decodes one still picture, upright.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use exif::{In, Tag};
use opencv::core::Mat;
use opencv::imgcodecs::{self, IMREAD_COLOR, IMREAD_IGNORE_ORIENTATION};
use opencv::prelude::*;

use super::avif;
use super::check::{check_file, undecodable};
use super::frames::{FrameSource, SourceOptions};
use super::orientation::Orientation;
use super::picture_format::PictureFormat;
use super::video::Video;
use crate::platform::paths;
use crate::{Error, Result};

/// Reads an image as upright 8-bit BGR: applies its orientation, drops alpha, and scales deeper samples down.
///
/// # Errors
/// [`Error::Input`] with the reason and the remedy if it cannot be read, or is not a still picture.
pub fn decode(file: &Path) -> Result<Mat> {
    check_file(file)?;
    let (image, orientation) = match PictureFormat::of(file) {
        PictureFormat::WithExif => (opencv(file)?, exif_orientation(file)),
        PictureFormat::Avif => (ffmpeg(file)?, avif_orientation(file)),
        PictureFormat::Ffmpeg => (ffmpeg(file)?, Orientation::default()),
        PictureFormat::Tiff | PictureFormat::OpenCv => (opencv(file)?, Orientation::default()),
        PictureFormat::Animation => {
            let problem = "is an animation (or a GIF), not a still picture: give it as an input of its own, or take it out of \
                           the sequence";
            return Err(Error::input(file, problem));
        }
        PictureFormat::Heic => {
            let problem = "is a HEIC picture, which cannot be read: convert it first: heif-convert FILE.heic FILE.jpg";
            return Err(Error::input(file, problem));
        }
    };
    orientation.apply(image)
}

/// A note for the user about what is not shown of a picture, if there is any.
pub fn note(file: &Path) -> Option<String> {
    match &*paths::extension(file) {
        "tif" | "tiff" => {
            let pages = imgcodecs::imcount_def(file).ok().filter(|&pages| pages > 1)?;
            let remedy = "to read all, write each page to a file of its own (tiffsplit) and name the folder";
            Some(format!("has {pages} pages and only the first is read; {remedy}"))
        }
        "exr" | "hdr" => Some("is read without tone mapping, so it may be dark: convert it to PNG first".into()),
        _ => None,
    }
}

/// OpenCV's decoder. It does not apply EXIF's orientation in all formats, so it must not do so in any.
fn opencv(file: &Path) -> Result<Mat> {
    let flags = IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION;
    let image = imgcodecs::imread(file, flags).map_err(|e| undecodable(file, e.into()))?;
    if image.empty() {
        return Err(Error::input(file, "cannot be read as an image: it is damaged or has another format"));
    }
    Ok(image)
}

/// FFmpeg's decoder.
fn ffmpeg(file: &Path) -> Result<Mat> {
    let frame = Video::open(file.as_os_str(), &SourceOptions::default()).and_then(|mut video| video.read());
    match frame {
        Ok(Some(frame)) => Ok(frame.image),
        Ok(None) => Err(Error::input(file, "contains no picture")),
        Err(Error::Input { path, problem }) => {
            let problem = format!("FFmpeg cannot decode this picture ({problem}): convert it to PNG or JPEG");
            Err(Error::Input { path, problem })
        }
        Err(other) => Err(other),
    }
}

/// The orientation in the EXIF data of a JPEG, PNG or WebP file. Without readable data, it is upright.
pub fn exif_orientation(file: &Path) -> Orientation {
    let value = || {
        let mut reader = BufReader::new(File::open(file).ok()?);
        let parsed = exif::Reader::new().continue_on_error(true).read_from_container(&mut reader);
        let fields = parsed.or_else(|error| error.distill_partial_result(|_| ())).ok()?;
        fields.get_field(Tag::Orientation, In::PRIMARY)?.value.get_uint(0)
    };
    value().map_or(Orientation::default(), Orientation::from_exif)
}

/// The orientation in the container of an AVIF file. Readers must ignore that in its EXIF data.
fn avif_orientation(file: &Path) -> Orientation {
    fs::read(file).map_or(Orientation::default(), |bytes| avif::orientation(&bytes))
}
