//! Metadata that exporters write into a model about its preprocessing and classes.

use super::literal;
use crate::model::{Preprocessing, Preprocessor};

/// The keys that may hold class names: Ultralytics writes `names`, others write `class_names`, and
/// tools based on Hugging Face's configuration write `id2label`.
const NAMES: [&str; 3] = ["names", "class_names", "id2label"];

/// The class names, with the key that holds them.
pub fn names(metadata: &[(String, String)]) -> Option<(&'static str, Vec<String>)> {
    NAMES.into_iter().find_map(|key| Some((key, literal::names(value(metadata, key)?)?)))
}

/// The preprocessing that the metadata declare, with the key that declares it.
///
/// Supports ONNX's own image metadata (`Image.NominalPixelRange`, `Image.BitmapPixelFormat`), which
/// Windows ML and Azure Custom Vision write, and the `task` of Ultralytics, whose classifiers all
/// take RGB from 0 to 1.
pub fn preprocessor(metadata: &[(String, String)]) -> Option<(&'static str, Preprocessor)> {
    image(metadata).map(|found| ("Image.NominalPixelRange", found)).or_else(|| {
        let classifies = value(metadata, "task")? == "classify" && value(metadata, "names").is_some();
        classifies.then(|| ("task", Preprocessing::Unit.into()))
    })
}

fn image(metadata: &[(String, String)]) -> Option<Preprocessor> {
    let range = value(metadata, "Image.NominalPixelRange")?.to_ascii_lowercase();
    let kind = match range.as_str() {
        "nominalrange_0_255" => Preprocessing::Byte,
        "normalized_0_1" => Preprocessing::Unit,
        "normalized_1_1" => Preprocessing::Symmetric,
        _ => return None,
    };
    let format = value(metadata, "Image.BitmapPixelFormat").unwrap_or("Rgb8").to_ascii_lowercase();
    match format.as_str() {
        "rgb8" => Some(kind.into()),
        "bgr8" => Some(Preprocessor { channels: crate::model::ChannelOrder::Bgr, ..kind.into() }),
        _ => None,
    }
}

/// The value of a key, ignoring case, as the format's documentation specifies.
fn value<'a>(metadata: &'a [(String, String)], key: &str) -> Option<&'a str> {
    metadata.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ChannelOrder;

    fn metadata(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn an_ultralytics_classifier_takes_unit_pixels_and_names_its_classes() {
        let written = metadata(&[("task", "classify"), ("names", "{0: 'cat', 1: 'dog'}"), ("imgsz", "[224, 224]")]);
        assert_eq!(preprocessor(&written), Some(("task", Preprocessing::Unit.into())));
        assert_eq!(names(&written), Some(("names", vec!["cat".to_owned(), "dog".to_owned()])));
        assert_eq!(preprocessor(&metadata(&[("task", "classify")])), None);
    }

    #[test]
    fn onnx_image_metadata_say_range_and_order() {
        let written =
            metadata(&[("image.bitmappixelformat", "Bgr8"), ("Image.NominalPixelRange", "NominalRange_0_255")]);
        let (_, found) = preprocessor(&written).unwrap();
        assert_eq!((found.channels, found.mean, found.std), (ChannelOrder::Bgr, [0.0; 3], [1.0; 3]));
        for range in ["NominalRange_16_235", "x"] {
            assert_eq!(preprocessor(&metadata(&[("Image.NominalPixelRange", range)])), None, "{range}");
        }
    }

    #[test]
    fn names_are_found_under_each_key_that_is_in_use() {
        for key in NAMES {
            assert_eq!(names(&metadata(&[(key, r#"{"0": "cat"}"#)])), Some((key, vec!["cat".to_owned()])));
        }
        assert_eq!(names(&metadata(&[("names", "nonsense")])), None);
    }
}
