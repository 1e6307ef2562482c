//! Measures rates and latencies over the last few seconds, so that the figures are current.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time over which a rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Maximum number of events that are stored: five seconds of a fast camera.
const MAX_BINS: usize = 1024;

/// Counts events.
#[derive(Debug, Default)]
pub struct RateMeter {
    recent: VecDeque<Instant>,
    total: u64,
}

impl RateMeter {
    /// Counts one event, now.
    pub fn count(&mut self) {
        let now = Instant::now();
        self.recent.push_back(now);
        self.total += 1;
        while self.recent.len() > MAX_BINS || self.recent.front().is_some_and(|first| now - *first > RATE_WINDOW) {
            self.recent.pop_front();
        }
    }

    /// Events per second. It falls to 0 if no event comes.
    pub fn per_second(&self) -> f32 {
        let now = Instant::now();
        let recent = self.recent.iter().filter(|time| now - **time <= RATE_WINDOW).count();
        let span = self
            .recent
            .iter()
            .find(|time| now - **time <= RATE_WINDOW)
            .map_or(0.0, |first| (now - *first).as_secs_f32());
        if recent < 2 { 0.0 } else { recent as f32 / span.max(1e-3) }
    }

    /// The number of all events.
    pub fn total(&self) -> u64 {
        self.total
    }
}

/// Collects latencies.
#[derive(Debug, Default)]
pub struct LatencyMeter {
    recent: VecDeque<f32>,
    /// A histogram of all latencies in milliseconds, so that the quantiles of a whole day need no more memory.
    histogram: Vec<u64>,
}

/// The longest latency that the histogram resolves, in milliseconds.
const LONGEST: usize = 10_000;
/// The number of recent latencies that [`LatencyMeter::recent`] uses.
const RECENT: usize = 150;

impl LatencyMeter {
    /// Adds one latency, in milliseconds.
    pub fn push(&mut self, milliseconds: f32) {
        self.recent.push_back(milliseconds);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
        self.histogram.resize(LONGEST + 1, 0);
        self.histogram[(milliseconds.max(0.0) as usize).min(LONGEST)] += 1;
    }

    /// The quantile `part` (0..=1) of the recent latencies, in milliseconds; 0 if there are none.
    pub fn recent(&self, part: f32) -> f32 {
        let mut sorted: Vec<f32> = self.recent.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f32 * part).round() as usize).copied().unwrap_or(0.0)
    }

    /// The quantile `part` (0..=1) of all latencies, in whole milliseconds.
    pub fn overall(&self, part: f64) -> usize {
        let wanted = self.histogram.iter().sum::<u64>() as f64 * part;
        let mut seen = 0.0;
        let reached = |count: &u64| {
            seen += *count as f64;
            seen >= wanted
        };
        self.histogram.iter().position(reached).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_events_a_second() {
        let mut rate = RateMeter::default();
        assert_eq!(rate.per_second(), 0.0);
        for _ in 0..20 {
            rate.count();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!((50.0..=220.0).contains(&rate.per_second()), "{}", rate.per_second());
        assert_eq!(rate.total(), 20);
    }

    #[test]
    fn quantiles_are_of_what_was_seen() {
        let mut latencies = LatencyMeter::default();
        (1..=100).for_each(|ms| latencies.push(ms as f32));
        assert_eq!((latencies.recent(0.5), latencies.recent(0.95)), (51.0, 95.0));
        assert_eq!((latencies.overall(0.5), latencies.overall(0.95)), (50, 95));
        (0..1000).for_each(|_| latencies.push(7.0));
        assert_eq!((latencies.recent(0.5), latencies.overall(0.5)), (7.0, 7));
        latencies.push(1e9);
        assert_eq!(latencies.overall(1.0), LONGEST);
    }
}
