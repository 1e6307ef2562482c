//! The configuration of a reframing.

use std::path::PathBuf;
use std::str::FromStr;

use crate::fuse::FuseOptions;
use crate::passthrough::KeptParts;
use crate::pipeline::keyframes::KeyFrames;
use crate::reframe::Aspect;
use crate::reporting::mode::ReportMode;
use crate::saliency::ModelConfig;
use crate::sink::container::Container;
use crate::source::{Input, SourceOptions};

/// The configuration of `salstream reframe`.
#[derive(Debug, Clone)]
pub struct ReframeConfig {
    /// The input, which is read twice.
    pub input: Input,
    /// Which part of it to read.
    pub source: SourceOptions,
    /// Which classifier to use, and how.
    pub model: ModelConfig,
    /// The frames on which to compute the gradient.
    pub key_frames: KeyFrames,
    /// How to make the maps. Whether the input is a single picture is added when it is opened.
    pub fusion: FuseOptions,
    /// The shape of the window.
    pub aspect: Aspect,
    /// The largest window's size divided by that of the window; at least 1.
    pub zoom: f64,
    /// Share of the window's height, at the bottom, that shall be free of the salient object.
    pub safe_area: f64,
    /// The border around the whole picture in shots that do not fit into the window; `None` to crop them too.
    pub pad: Option<Border>,
    /// Height of the result in pixels; by default that of the window.
    pub height: Option<i32>,
    /// Whether to draw the window over the whole picture instead of cropping.
    pub show: bool,
    /// The file for the result.
    pub output: PathBuf,
    /// The format of a video; by default that of the output's extension.
    pub format: Option<Container>,
    /// Whether to overwrite existing files.
    pub overwrite: bool,
    /// x264's constant rate factor, 0 to 51.
    pub crf: u8,
    /// What to keep of the input beside its picture.
    pub keep: KeptParts,
    /// The file for the path as JSON.
    pub path: Option<PathBuf>,
    /// The file for the path as FFmpeg commands.
    pub ffmpeg: Option<PathBuf>,
    /// How to report progress.
    pub report: ReportMode,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// What fills the area beside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// The picture itself, enlarged and blurred.
    Blur,
    /// A colour: red, green, blue.
    Colour([u8; 3]),
}

impl FromStr for Border {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hex = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match (text, hex.and_then(|digits| u32::from_str_radix(digits, 16).ok())) {
            ("blur", _) => Ok(Self::Blur),
            ("black", _) => Ok(Self::Colour([0; 3])),
            ("white", _) => Ok(Self::Colour([255; 3])),
            ("grey" | "gray", _) => Ok(Self::Colour([128; 3])),
            (_, Some(colour)) => {
                let [_, red, green, blue] = colour.to_be_bytes();
                Ok(Self::Colour([red, green, blue]))
            }
            _ => Err("must be blur, black, white, grey, or a colour such as #1a2b3c".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_is_blur_or_a_colour() {
        assert_eq!("#1a2bFF".parse(), Ok(Border::Colour([0x1a, 0x2b, 0xff])));
        assert_eq!(("blur".parse(), "white".parse()), (Ok(Border::Blur), Ok(Border::Colour([255; 3]))));
        for text in ["", "#", "#12345", "#1234567", "#12345é", "#+12345", "pink"] {
            assert!(text.parse::<Border>().is_err(), "{text}");
        }
    }
}
