//! Frame times from the decoder's timestamps: strictly increasing, exact for constant frame rates, unchanged for
//! variable ones.

use crate::frame::Rate;

/// Plausible frame times in seconds. Streams without timestamps report times thousands of years before their start.
const PLAUSIBLE: std::ops::Range<f64> = -86_400.0..1e9;

/// Turns reported presentation timestamps into exact ones, frame by frame.
///
/// OpenCV 4.6 reports 0 for the last frames of a stream with B-frames, and containers such as Matroska round timestamps
/// to milliseconds. So a timestamp that does not increase is replaced, and one that lies within a container tick of the
/// frame grid k/rate is moved onto it.
#[derive(Debug)]
pub struct TimestampCorrector {
    rate: Rate,
    tick: f64,
    last: Option<f64>,
    steady: bool,
}

impl TimestampCorrector {
    /// Creates a corrector for frames at the nominal rate `rate`, in a container with ticks of `tick` seconds.
    pub fn new(rate: Rate, tick: f64) -> Self {
        Self { rate, tick, last: None, steady: true }
    }

    /// The time in seconds of a frame that the decoder reports at `reported`, or `None` if that is impossible.
    pub fn accept(&mut self, reported: f64) -> Option<f64> {
        let time = self.snap(reported);
        let increases = self.last.is_none_or(|last| time > last + 1e-6);
        (PLAUSIBLE.contains(&time) && increases).then(|| self.advance(time))
    }

    /// The time of a frame without a usable timestamp: one nominal interval after the last frame.
    pub fn guess(&mut self) -> f64 {
        let time = self.last.map_or(0.0, |last| self.snap(last + self.rate.interval()));
        self.advance(time)
    }

    /// Whether all frames so far follow each other at the nominal rate, which makes a guess exact.
    pub fn is_steady(&self) -> bool {
        self.steady
    }

    /// Time of the last frame.
    pub fn last(&self) -> Option<f64> {
        self.last
    }

    /// Forgets all frames, for a clip that is read again from its start.
    pub fn restart(&mut self) {
        (self.last, self.steady) = (None, true);
    }

    fn advance(&mut self, time: f64) -> f64 {
        let interval = self.rate.interval();
        self.steady &= self.last.is_none_or(|last| (time - last - interval).abs() < 1e-6);
        self.last = Some(time);
        time
    }

    /// The grid point k/rate that rounding to a container tick would have turned into `time`, otherwise `time`.
    fn snap(&self, time: f64) -> f64 {
        let grid = (time * self.rate.fps()).round() * self.rate.interval();
        if (grid - time).abs() < self.tick.max(2e-6) { grid } else { time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NTSC: Rate = Rate { num: 30000, den: 1001 };

    #[test]
    fn millisecond_times_of_a_constant_rate_come_out_exact() {
        let mut clock = TimestampCorrector::new(NTSC, 0.001);
        for k in 0..500 {
            let exact = f64::from(k) * 1001.0 / 30000.0;
            let time = clock.accept((exact * 1000.0).round() / 1000.0);
            assert!((time.unwrap_or(-1.0) - exact).abs() < 1e-9, "frame {k}");
        }
        assert!(clock.is_steady());
    }

    #[test]
    fn variable_times_stay_true() {
        let mut clock = TimestampCorrector::new(Rate { num: 30, den: 1 }, 1.0 / 90000.0);
        for time in [0.0, 0.0171, 0.0512, 0.3] {
            assert!((clock.accept(time).unwrap_or(-1.0) - time).abs() < 1e-4);
        }
        assert!(!clock.is_steady());
    }

    #[test]
    fn a_time_that_goes_back_is_refused_and_guessed() {
        let mut clock = TimestampCorrector::new(Rate { num: 25, den: 1 }, 0.0);
        assert_eq!(clock.accept(0.0), Some(0.0));
        assert_eq!(clock.accept(0.04), Some(0.04));
        assert_eq!(clock.accept(0.0), None);
        assert!((clock.guess() - 0.08).abs() < 1e-12);
        assert_eq!(clock.accept(f64::NAN), None);
    }
}
