//! Where frames come from: a video file or address, a still image, a folder or a numbered pattern of images.

mod check;
mod container_info;
mod frames;
pub(crate) mod images;
mod orientation;
mod probe;
mod timestamp_corrector;
mod video;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(crate) use self::container_info::approximate;
pub use self::frames::{FrameSource, SourceOptions};
pub(crate) use self::video::silence_ffmpeg;
use crate::platform::ffmpeg::is_url;
use crate::{Error, Result, platform::paths};

/// What the user named as input. Nothing is opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A video file (a GIF is one).
    Video(PathBuf),
    /// An address with a scheme, such as `https://host/clip.mp4`.
    Url(String),
    /// A single still image.
    Image(PathBuf),
    /// A folder of still images, taken in natural order of their names.
    Folder(PathBuf),
    /// A printf-style pattern of numbered images, such as `frame_%04d.png`.
    Pattern(PathBuf),
}

/// Opens `input` at `options.start`.
///
/// # Errors
/// [`Error::Input`] or [`Error::Io`], with the reason and the remedy, where it cannot be read as pictures.
pub fn open(input: &Input, options: &SourceOptions) -> Result<Box<dyn FrameSource>> {
    Ok(match input {
        Input::Video(path) => Box::new(video::Video::open(path.as_os_str(), options)?),
        Input::Url(url) => Box::new(video::Video::open(OsStr::new(url), options)?),
        Input::Image(path) => Box::new(images::ImageSequence::single(path, options)?),
        Input::Folder(path) => Box::new(images::ImageSequence::folder(path, options)?),
        Input::Pattern(path) => Box::new(images::ImageSequence::pattern(path, options)?),
    })
}

/// Opens a sequence of image `files`, in their order.
///
/// # Errors
/// Those of [`open`]; [`Error::Usage`] where there is none.
pub fn open_images(files: Vec<PathBuf>, options: &SourceOptions) -> Result<Box<dyn FrameSource>> {
    Ok(Box::new(images::ImageSequence::new(files, options)?))
}

impl Input {
    /// What `typed` names: an address by its scheme, else a file by its kind and name.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is empty.
    pub fn parse(typed: &OsStr) -> Result<Self> {
        let path = PathBuf::from(typed);
        Ok(match typed.to_str() {
            Some("") => {
                return Err(Error::Usage("the input is empty: name a video, an image, a folder or an address".into()));
            }
            Some(url) if url.starts_with("file://") => return Self::parse(OsStr::new(&url["file://".len()..])),
            Some(url) if is_url(url) => Self::Url(url.to_owned()),
            _ if path.is_dir() => Self::Folder(path),
            Some(name) if !path.exists() && images::is_pattern(name) => Self::Pattern(path),
            _ if images::is_image(&path) => Self::Image(path),
            _ => Self::Video(path),
        })
    }

    /// The file or folder on disk, where it is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Video(path) | Self::Image(path) | Self::Folder(path) => Some(path),
            Self::Url(_) | Self::Pattern(_) => None,
        }
    }

    /// The folder that holds the frames, where each is a file of its own.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(path) => Some(path),
            Self::Image(path) | Self::Pattern(path) => Some(paths::folder(path)),
            Self::Video(_) | Self::Url(_) => None,
        }
    }
}

/// Why FFmpeg cannot show `location`, in its own words; `None` where it finds nothing wrong.
pub(crate) fn diagnose(location: &OsStr) -> Option<String> {
    let found = probe::probe(location).and_then(|probe| match &probe {
        Some(probe) => container_info::choose(location, probe, &mut Vec::new()).map(drop),
        None => Ok(()),
    });
    match found {
        Err(Error::Input { problem, .. }) => Some(problem),
        _ => None,
    }
}
