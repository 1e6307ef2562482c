//! A segment of a clip, processed so that its result is the same as within the whole clip.

use serde::{Deserialize, Serialize};

use crate::source::SourceOptions;

/// Which frames go into the result, and which others are read. Times are seconds from the clip's first frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentWindow {
    /// Time of the clip's first frame, in seconds from the file's start.
    pub zero: f64,
    /// Where reading begins: the frames before `from` bring the averages up to date.
    pub pre_roll_start: f64,
    /// Time of the result's first frame.
    pub from: f64,
    /// Time of the first frame after the result; infinite for the last segment.
    pub until: f64,
    /// How long reading continues after that: maps wait for the frames after them.
    pub post_roll: f64,
    /// Times that differ by less than this are equal.
    pub tolerance: f64,
}

/// The start of a segment and of the next one, in seconds from the clip's first frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// Time of its first frame.
    pub first: f64,
    /// Time of its last frame.
    pub last: f64,
    /// Time of the first frame after it; `None` if the clip ends there.
    pub next: Option<f64>,
}

impl SegmentWindow {
    /// Which part of the file to read, for a clip that is itself read with these `options`.
    pub fn options(&self, options: &SourceOptions) -> SourceOptions {
        let end = self.until + self.post_roll;
        let length = options.duration.unwrap_or(f64::INFINITY).min(end) - self.pre_roll_start;
        let start = if self.pre_roll_start > 0.0 {
            Some(self.zero + self.pre_roll_start - self.tolerance)
        } else {
            options.start
        };
        let duration = Some(length).filter(|length| length.is_finite());
        SourceOptions { start, duration, zero: Some(self.zero), ..options.clone() }
    }

    /// Whether the frame at `time` is part of the result.
    pub fn holds(&self, time: f64) -> bool {
        !self.is_before(time) && !self.is_behind(time)
    }

    /// Whether the frame at `time` comes after the result.
    pub fn is_behind(&self, time: f64) -> bool {
        time >= self.until - self.tolerance
    }

    fn is_before(&self, time: f64) -> bool {
        time < self.from - self.tolerance
    }
}
