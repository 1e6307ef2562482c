//! Parsers for flag values that are neither names nor plain numbers.

use std::time::Duration;

use onnx_grad::MAX_SIDE;

use crate::commands::live::segments::KeepLimit;

/// A number from 0 to 1.
pub fn unit_interval(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "must be from 0 to 1".into())
}

/// A factor from 1 to 8.
pub fn zoom(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (1.0..=8.0).contains(value)).ok_or_else(|| "must be from 1 to 8".into())
}

/// A share of the height, up to a half.
pub fn safe_area(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=0.5).contains(value)).ok_or_else(|| "must be from 0 to 0.5".into())
}

/// Seconds from `12.5`, `1:02.5` or `1:00:02`.
pub fn moment(text: &str) -> Result<f64, String> {
    let problem = || "must be seconds or [h:]mm:ss, such as 12.5 or 1:02".to_string();
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return Err(problem());
    }
    let number = |part: &&str| part.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    let numbers: Option<Vec<f64>> = parts.iter().map(number).collect();
    let seconds = numbers.ok_or_else(problem)?.iter().fold(0.0, |seconds, part| seconds * 60.0 + part);
    if seconds.is_finite() { Ok(seconds) } else { Err(problem()) }
}

/// A time in the same forms that is longer than 0.
pub fn span(text: &str) -> Result<f64, String> {
    moment(text).and_then(|seconds| if seconds > 0.0 { Ok(seconds) } else { Err("must be longer than 0".into()) })
}

/// A size such as `500MB` or `20GB`, or a time such as `90m`, `48h` or `7d`.
pub fn keep_limit(text: &str) -> Result<KeepLimit, String> {
    let problem = || "must be a size such as 500MB, 20GB, 1TB, or a time such as 90m, 48h, 7d".to_owned();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(problem)?;
    let number: f64 = text[..end].trim_end().parse().map_err(|_| problem())?;
    let unit = text[end..].to_ascii_lowercase();
    let (factor, is_size) = match unit.as_str() {
        "kb" => (1e3, true),
        "mb" => (1e6, true),
        "gb" => (1e9, true),
        "tb" => (1e12, true),
        "s" => (1.0, false),
        "m" => (60.0, false),
        "h" => (3600.0, false),
        "d" => (86_400.0, false),
        _ => return Err(problem()),
    };
    let amount = number * factor;
    match is_size {
        true if (1.0..1e18).contains(&amount) => Ok(KeepLimit::Bytes(amount as u64)),
        false if (1.0..1e10).contains(&amount) => Ok(KeepLimit::Age(Duration::from_secs_f64(amount))),
        _ => Err(problem()),
    }
}

/// Height and width from `320x240` or `224`.
pub fn size(text: &str) -> Result<[usize; 2], String> {
    let (width, height) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| text.parse().ok().filter(|side| (1..=MAX_SIDE).contains(side));
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok([height, width]),
        _ => Err(format!("must be WIDTHxHEIGHT or one number, each from 1 to {MAX_SIDE}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_seconds_or_clock_times() {
        assert_eq!(["12.5", "1:02.5", "1:00:02"].map(|text| moment(text).unwrap()), [12.5, 62.5, 3602.0]);
        for text in ["", "x", "-1", "1:2:3:4", "inf", "1::2", "1e308:0"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_kept_is_a_size_or_a_time() {
        let hours = |hours: u64| Ok(KeepLimit::Age(Duration::from_secs(3600 * hours)));
        assert_eq!(["48h", "7d", "90m"].map(keep_limit)[..2], [hours(48), hours(168)]);
        assert_eq!(["20GB", "1.5 mb"].map(keep_limit), [20_000_000_000, 1_500_000].map(|b| Ok(KeepLimit::Bytes(b))));
        for text in ["", "20", "GB", "-1GB", "0h", "5x", "1e99GB", "nanGB", "infd"] {
            assert!(keep_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_width_by_height() {
        assert_eq!([size("320x240"), size("224")], [Ok([240, 320]), Ok([224, 224])]);
        for text in ["", "x", "0", "3x", "10x-1", "5000"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
