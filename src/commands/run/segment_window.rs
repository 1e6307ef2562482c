//! A piece of a clip that is worked on by itself, as if the rest had been there.

use serde::{Deserialize, Serialize};

use crate::source::SourceOptions;

/// Which frames become part of the result, and which others are seen. Seconds from the clip's first frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SegmentWindow {
    /// The clip's first frame, in seconds from the file's start.
    pub zero: f64,
    /// Where reading begins: the frames up to `from` bring averages to where they would be.
    pub pre_roll_start: f64,
    /// The first frame of the result.
    pub from: f64,
    /// The first frame that is not part of it any more; infinite in the last piece.
    pub until: f64,
    /// How long reading goes on then: for the maps that wait for the frames behind them.
    pub post_roll: f64,
    /// Times closer than this are the same.
    pub tolerance: f64,
}

/// Where a piece begins, and where the next one does: in seconds from the clip's first frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpan {
    /// Time of its first frame.
    pub first: f64,
    /// Time of its last frame.
    pub last: f64,
    /// Time of the first frame behind it; none where the clip ends.
    pub next: Option<f64>,
}

impl SegmentWindow {
    /// What is to be read of a clip that is itself read with these `options`.
    pub fn options(&self, options: &SourceOptions) -> SourceOptions {
        let end = self.until + self.post_roll;
        let length = options.duration.unwrap_or(f64::INFINITY).min(end) - self.pre_roll_start;
        let start = if self.pre_roll_start > 0.0 {
            Some(self.zero + self.pre_roll_start - self.tolerance)
        } else {
            options.start
        };
        let duration = Some(length).filter(|length| length.is_finite());
        SourceOptions { start, duration, zero: Some(self.zero), ..*options }
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
