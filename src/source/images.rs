//! Still images: a single one, a folder, or a numbered pattern.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, MatTraitConst, Size};

use super::frames::{FrameSource, SourceOptions};
use super::still::{self, decode};
use crate::frame::{Frame, VideoInfo};
use crate::platform::number_pattern::NumberPattern;
use crate::platform::passed_over::PassedOver;
use crate::platform::paths;
use crate::{Error, Result};

/// Extensions of still images. A GIF is read as a video. HEIC is here so that the user learns what to do about it.
const EXTENSIONS: &[&str] = &[
    "avif", "bmp", "dib", "exr", "hdr", "heic", "heif", "j2k", "jp2", "jpe", "jpeg", "jpg", "jxl", "pbm", "pcx", "pgm",
    "png", "pnm", "ppm", "psd", "qoi", "ras", "sr", "svg", "tga", "tif", "tiff", "webp",
];

/// Whether the file name has the extension of a still image.
pub fn is_image(path: &Path) -> bool {
    EXTENSIONS.contains(&paths::extension(path).as_str())
}

/// The image files in `folder` except hidden ones, in natural order of their names.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be read.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    sort(folder).map(|(images, _)| images)
}

/// The image files in `folder`, as [`list`] gives them, and the number of the others.
fn sort(folder: &Path) -> Result<(Vec<PathBuf>, PassedOver)> {
    let (mut images, mut passed_over) = (Vec::new(), PassedOver::default());
    for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
        let file = entry.map_err(Error::io(folder))?.path();
        if is_hidden(&file) {
            continue;
        }
        if is_image(&file) {
            images.push(file);
        } else if file.is_file() {
            passed_over.add(&file);
        }
    }
    images.sort_by_cached_key(|file| natural_key(&file.file_name().unwrap_or_default().to_string_lossy()));
    Ok((images, passed_over))
}

/// A sequence of image files.
pub struct ImageSequence {
    files: std::vec::IntoIter<PathBuf>,
    info: VideoInfo,
    first: Option<Mat>,
    index: u64,
    warnings: Vec<String>,
}

impl ImageSequence {
    pub fn single(path: &Path, options: &SourceOptions) -> Result<Self> {
        Self::new(vec![path.to_owned()], options)
    }

    pub fn folder(path: &Path, options: &SourceOptions) -> Result<Self> {
        let (files, passed_over) = sort(path)?;
        if files.is_empty() {
            let problem = format!("the folder contains no images: add images ({})", EXTENSIONS.join(", "));
            return Err(Error::input(path, problem));
        }
        let mut sequence = Self::new(files, options)?;
        sequence.warnings.extend(passed_over.note().map(|note| format!("{}: {note}", path.display())));
        Ok(sequence)
    }

    pub fn pattern(path: &Path, options: &SourceOptions) -> Result<Self> {
        let folder = paths::folder(path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(pattern) = NumberPattern::parse(&name) else {
            return Err(Error::Usage(format!("{}: the number pattern must be in the file name", path.display())));
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
            let file = entry.map_err(Error::io(folder))?.path();
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(pattern.number(&name).map(|number| (number, file)));
        }
        if found.is_empty() {
            return Err(Error::input(
                path,
                "no file name matches this pattern: check the folder and the number of digits",
            ));
        }
        found.sort();
        if let Some(gap) = found.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1) {
            let problem = format!("number {} is missing (the next is {}): fill the gap", gap[0].0 + 1, gap[1].0);
            return Err(Error::input(path, problem));
        }
        Self::new(found.into_iter().map(|(_, file)| file).collect(), options)
    }

    pub fn new(files: Vec<PathBuf>, options: &SourceOptions) -> Result<Self> {
        let rate = options.rate;
        let skip = options.start.map_or(0, |s| (s * rate.fps() - 1e-6).ceil().max(0.0) as usize);
        let take = options.duration.map_or(usize::MAX, |d| (d * rate.fps() - 1e-6).ceil().max(0.0) as usize);
        let total = files.len();
        let files: Vec<_> = files.into_iter().skip(skip).take(take).collect();
        let Some(file) = files.first() else {
            return Err(Error::Usage(format!("--start and --duration select none of the {total} images")));
        };
        let first = decode(file)?;
        let warnings = notes(&files);
        let size = Size::new(first.cols(), first.rows());
        let info = VideoInfo::plain(size, rate, Some(files.len() as u64));
        Ok(Self { files: files.into_iter(), info, first: Some(first), index: 0, warnings })
    }

    /// Returns `image` if it has the size of the first image.
    fn checked(&self, file: &Path, image: Mat) -> Result<Mat> {
        let (size, first) = (image.size()?, self.info.size);
        if size == first {
            return Ok(image);
        }
        let (size, first) = (format!("{}x{}", size.width, size.height), format!("{}x{}", first.width, first.height));
        Err(Error::input(file, format!("is {size} but the first image is {first}: make all images the same size")))
    }
}

impl FrameSource for ImageSequence {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(file) = self.files.next() else { return Ok(None) };
        let decoded = self.first.take().map_or_else(|| decode(&file), Ok).and_then(|image| self.checked(&file, image));
        let image = decoded.inspect_err(|_| self.files = Vec::new().into_iter())?;
        let index = self.index;
        self.index += 1;
        Ok(Some(Frame { index, time: index as f64 * self.info.rate.interval(), image }))
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Notes for the user about what is not shown of `files`: for the first of them, with the number of others.
fn notes(files: &[PathBuf]) -> Vec<String> {
    let mut noted = files.iter().filter_map(|file| Some((file, still::note(file)?)));
    let Some((file, note)) = noted.next() else { return Vec::new() };
    let others = match noted.count() {
        0 => String::new(),
        others => format!(" (and so on for {others} more of the {} images)", files.len()),
    };
    vec![format!("{}: {note}{others}", file.display())]
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// A key that sorts `frame10` after `frame9`: digit runs compare by value (as length and digits), other text as it is.
pub fn natural_key(name: &str) -> Vec<(String, usize, String)> {
    let mut key = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (before, tail) = rest.split_at(text);
        let digits = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (number, tail) = tail.split_at(digits);
        let number = number.trim_start_matches('0');
        key.push((before.to_owned(), number.len(), number.to_owned()));
        rest = tail;
    }
    key
}
