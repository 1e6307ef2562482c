//! Chooses the key frames: their gradient is computed, and the static map is carried along between them.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

/// The longest interval that is chosen automatically.
const MAX_INTERVAL: u64 = 64;
/// How often the frame rate is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(1);
/// The share of the target rate that counts as reached: frames are cut off at the end of a period.
const REACHED: f64 = 0.93;
/// Number of good periods before the interval is shortened: at first, and at most. It is doubled each time the shorter
/// interval was too short.
const GOOD_PERIODS: [u32; 2] = [3, 60];

/// `--static-every`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticEvery {
    /// Every Nth frame, at least 1.
    Frames(u64),
    /// As often as the target frame rate allows.
    Auto,
}

impl FromStr for StaticEvery {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(interval @ 1..=1000) => Ok(Self::Frames(interval)),
            _ if text == "auto" => Ok(Self::Auto),
            _ => Err("must be 1 to 1000, or auto".into()),
        }
    }
}

impl fmt::Display for StaticEvery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frames(interval) => interval.fmt(f),
            Self::Auto => f.write_str("auto"),
        }
    }
}

/// Chooses key frames, one frame after the other.
#[derive(Debug, Clone)]
pub struct KeyFrames {
    interval: u64,
    next: u64,
    auto: Option<AutoInterval>,
}

impl KeyFrames {
    /// Key frames according to `every`; for auto, with the target rate `fps`.
    pub fn new(every: StaticEvery, fps: f64) -> Self {
        match every {
            StaticEvery::Frames(interval) => Self { interval: interval.max(1), next: 0, auto: None },
            StaticEvery::Auto => Self { interval: 1, next: 0, auto: Some(AutoInterval::new(fps)) },
        }
    }

    /// Whether every frame is a key frame, permanently.
    pub fn are_all(&self) -> bool {
        self.interval == 1 && self.auto.is_none()
    }

    /// Whether frame `index` is a key frame. The index must increase from call to call.
    pub fn is_key(&mut self, index: u64) -> bool {
        let key = index >= self.next;
        if key {
            self.next = index + self.interval;
        }
        key
    }

    /// Takes note that `done` frames have been processed since the start. `offered` returns the frame rate of the
    /// source, if it has one; it is called only at the end of a period.
    pub fn learn(&mut self, done: u64, offered: impl FnOnce() -> Option<f64>) {
        if let Some(auto) = &mut self.auto {
            self.interval = auto.interval(self.interval, done, offered, Instant::now());
        }
    }
}

impl fmt::Display for KeyFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.auto {
            Some(auto) => write!(f, "auto at {} fps", auto.fps),
            None => self.interval.fmt(f),
        }
    }
}

/// Finds the shortest interval that keeps the target rate. The interval is doubled at once if the rate is missed,
/// shortened by one after some good periods, and lengthened again if that was too short.
#[derive(Debug, Clone)]
struct AutoInterval {
    fps: f64,
    /// Start of the current period, and the frames done then; `None` before the first frame.
    period: Option<(Instant, u64)>,
    /// Number of good periods in a row, and how many are needed.
    good: u32,
    patience: u32,
    /// Whether the last change shortened the interval.
    closer: bool,
}

impl AutoInterval {
    fn new(fps: f64) -> Self {
        Self { fps, period: None, good: 0, patience: GOOD_PERIODS[0], closer: false }
    }

    fn interval(&mut self, interval: u64, done: u64, offered: impl FnOnce() -> Option<f64>, now: Instant) -> u64 {
        // The first frame waits for other things, such as the compilation of the graph, so its time says nothing about
        // later ones.
        let Some((began, before)) = self.period else {
            self.period = (done > 0).then_some((now, done));
            return interval;
        };
        let elapsed = now - began;
        if elapsed < MEASURE_INTERVAL {
            return interval;
        }
        self.period = Some((now, done));
        let wanted = offered().map_or(self.fps, |offered| offered.min(self.fps));
        if ((done - before) as f64) < REACHED * wanted * elapsed.as_secs_f64() {
            self.good = 0;
            if std::mem::take(&mut self.closer) {
                self.patience = (self.patience * 2).min(GOOD_PERIODS[1]);
                return interval + 1;
            }
            return (interval * 2).min(MAX_INTERVAL);
        }
        self.good += 1;
        if self.good < self.patience || interval == 1 {
            return interval;
        }
        (self.good, self.closer) = (0, true);
        interval - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The intervals over 120 s on a machine on which a frame takes 20 ms and a gradient `gradient` ms.
    fn settle(gradient: f64, fps: f64, offered: Option<f64>) -> Vec<u64> {
        let mut auto = AutoInterval::new(fps);
        let (mut now, mut done, mut interval) = (Instant::now(), 0.0, 1);
        let mut intervals = Vec::new();
        for _ in 0..1200 {
            let possible = 1e3 / (20.0 + gradient / interval as f64);
            done += offered.map_or(possible, |offered| offered.min(possible)) / 10.0;
            now += Duration::from_millis(100);
            interval = auto.interval(interval, done as u64, || offered, now);
            intervals.push(interval);
        }
        intervals
    }

    #[test]
    fn key_frames_are_so_far_apart() {
        let mut frames = KeyFrames::new(StaticEvery::Frames(3), 25.0);
        let keys: Vec<u64> = (0..10).filter(|index| frames.is_key(*index)).collect();
        assert_eq!(keys, [0, 3, 6, 9]);
        frames.learn(1, || None);
        assert!(!frames.is_key(10), "a number is kept, however slow it is");
    }

    #[test]
    fn auto_finds_the_shortest_distance_that_keeps_the_pace() {
        // 1000 / (20 + 100 / N) >= 25 from N = 5 on.
        let intervals = settle(100.0, 25.0, None);
        let late = &intervals[600..];
        let kept = late.iter().filter(|interval| (5..=6).contains(*interval)).count();
        assert!(kept > late.len() * 8 / 10, "{late:?}");
        assert!(settle(5.0, 25.0, None).iter().all(|interval| *interval == 1), "nothing is given up without need");
    }

    #[test]
    fn auto_asks_no_more_than_the_source_offers() {
        // A camera with 15 frames per second: 1000 / (20 + 100 / N) >= 15 from N = 3 on.
        let intervals = settle(100.0, 25.0, Some(15.0));
        assert!((2..=3).contains(intervals.last().unwrap()), "{intervals:?}");
    }

    #[test]
    fn a_machine_that_cannot_ends_at_the_farthest() {
        assert_eq!(settle(1e4, 60.0, None).last(), Some(&MAX_INTERVAL));
    }
}
