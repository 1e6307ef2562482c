//! Frame sources: a video file or address, a still image, a folder of images, or a numbered pattern of images.

pub(crate) mod avif;
mod check;
mod colours;
pub(crate) mod container_info;
mod decoder;
pub(crate) mod ffmpeg_decoder;
mod filters;
mod frames;
pub(crate) mod images;
pub(crate) mod kept;
mod opencv_decoder;
pub(crate) mod orientation;
mod picture_format;
mod piped;
mod planes;
pub(crate) mod playlist;
pub(crate) mod probe;
mod probe_stream;
mod shape_changes;
mod still;
mod timestamp_corrector;
mod video;
mod webp_animation;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(crate) use self::container_info::approximate;
pub(crate) use self::filters::PixelLayout;
pub use self::frames::{DecoderKind, Deinterlace, FrameSource, LateWarnings, SourceOptions, ToneMap};
use self::picture_format::PictureFormat;
pub(crate) use self::picture_format::is_webp_animation;
pub(crate) use self::planes::convert;
use crate::platform::ffmpeg::is_url;
use crate::platform::number_pattern::NumberPattern;
use crate::{Error, Result, platform::paths};

/// The input that the user named; not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A video file, or an animated picture (any GIF, animated WebP, PNG and AVIF).
    Video(PathBuf),
    /// An address with a scheme, such as `https://host/clip.mp4`.
    Url(String),
    /// A pipe: `-` for standard input, or a named one.
    Pipe(PathBuf),
    /// A single still image.
    Image(PathBuf),
    /// A folder of still images, read in natural order of their names.
    Folder(PathBuf),
    /// A printf-style pattern of numbered images, such as `frame_%04d.png`.
    Pattern(PathBuf),
}

/// Opens `input` at `options.start`.
///
/// # Errors
/// [`Error::Input`] or [`Error::Io`], with the reason and the remedy, if it cannot be read as pictures.
pub fn open(input: &Input, options: &SourceOptions) -> Result<Box<dyn FrameSource>> {
    Ok(match input {
        Input::Video(path) if is_webp_animation(path) => Box::new(webp_animation::WebpAnimation::open(path, options)?),
        Input::Video(path) => Box::new(video::Video::open(path.as_os_str(), options)?),
        Input::Url(url) => Box::new(video::Video::open(OsStr::new(url), options)?),
        Input::Pipe(path) => Box::new(video::Video::open_pipe(path, options)?),
        Input::Image(path) => Box::new(images::ImageSequence::single(path, options)?),
        Input::Folder(path) => Box::new(images::ImageSequence::folder(path, options)?),
        Input::Pattern(path) => Box::new(images::ImageSequence::pattern(path, options)?),
    })
}

/// Opens a sequence of image `files` in the given order.
///
/// # Errors
/// The errors of [`open`]; [`Error::Usage`] if `files` is empty or `options` select none of them.
pub fn open_images(files: Vec<PathBuf>, options: &SourceOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(images::ImageSequence::new(files, options)?))
}

impl Input {
    /// Classifies the user's input: an address by its scheme, anything else by the file on disk and its name.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is empty.
    pub fn parse(typed: &OsStr) -> Result<Self> {
        let path = PathBuf::from(typed);
        Ok(match typed.to_str() {
            Some("") => {
                return Err(Error::Usage("the input is empty: give a video, an image, a folder or an address".into()));
            }
            Some(url) if url.starts_with("file://") => return Self::parse(OsStr::new(&url["file://".len()..])),
            Some(url) if is_url(url) => Self::Url(url.to_owned()),
            _ if is_pipe(&path) => Self::Pipe(path),
            Some(piped::STDIN | "/dev/stdin") => Self::Video(paths::resolved(Path::new("/dev/stdin"))),
            _ if path.is_dir() => Self::Folder(path),
            Some(name) if !path.exists() && NumberPattern::parse(name).is_some() => Self::Pattern(path),
            _ if images::is_image(&path) && PictureFormat::of(&path) != PictureFormat::Animation => Self::Image(path),
            _ => Self::Video(path),
        })
    }

    /// The file or folder on disk, if the input is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Video(path) | Self::Image(path) | Self::Folder(path) => Some(path),
            Self::Url(_) | Self::Pipe(_) | Self::Pattern(_) => None,
        }
    }

    /// The folder that contains the frames, if each frame is a file of its own.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Image(path) | Self::Pattern(path) => Some(paths::folder(path)),
            Self::Video(_) | Self::Url(_) | Self::Pipe(_) => None,
        }
    }
}

/// Whether `path` is a pipe, or standard input that is not a file.
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let is_stdin = path == Path::new(piped::STDIN);
    let metadata = std::fs::metadata(if is_stdin { Path::new("/dev/stdin") } else { path });
    metadata.map_or(is_stdin, |found| {
        found.file_type().is_fifo() || found.file_type().is_socket() || is_stdin && !found.is_file()
    })
}

/// Whether FFmpeg finds a video in `file` that is not cover art. Also true if FFmpeg cannot tell: reading the file then
/// gives the reason.
pub(crate) fn may_have_video(file: &Path) -> bool {
    match probe::probe(file.as_os_str()) {
        Ok(Some(probe)) => probe.of_type("video").any(|stream| !stream.is_cover()),
        _ => true,
    }
}

/// The reason why FFmpeg cannot read `location`, as a user message; `None` if it finds no problem.
pub(crate) fn diagnose(location: &OsStr) -> Option<String> {
    let found = probe::probe(location).and_then(|probe| match &probe {
        Some(probe) => container_info::choose(location, probe, None, &mut Vec::new()).map(drop),
        None => Ok(()),
    });
    match found {
        Err(Error::Input { problem, .. }) => Some(problem),
        _ => None,
    }
}
