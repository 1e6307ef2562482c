//! How long this process has to wait for the processor, because other programs use it.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The share of waiting from which a measured speed says little about a quiet machine.
pub const MAX_WAITING: f64 = 0.1;
/// How long [`waiting_now`] keeps the cores busy.
const PROBE_DURATION: Duration = Duration::from_millis(50);

/// Nanoseconds that the threads of this process ran, and that they waited for a core.
#[derive(Debug, Clone, Copy)]
pub struct CpuTime {
    running: u64,
    waiting: u64,
}

impl CpuTime {
    /// The times since the threads began, if the system tells them (Linux). Threads that have ended do not count.
    pub fn of_this_process() -> Option<Self> {
        let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
        let times = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            let mut numbers = text.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        let times: Vec<(u64, u64)> = times.collect();
        let sum = |of: fn(&(u64, u64)) -> u64| times.iter().map(of).sum();
        (!times.is_empty()).then(|| Self { running: sum(|time| time.0), waiting: sum(|time| time.1) })
    }

    /// The share of the time since `before` that was waiting, 0 to 1; `None` if there is nothing to go by.
    pub fn waiting_since(&self, before: &Self) -> Option<f64> {
        let (running, waiting) = (self.running.checked_sub(before.running)?, self.waiting.checked_sub(before.waiting)?);
        (running > 0).then(|| waiting as f64 / (running + waiting) as f64)
    }
}

/// The share of the time that `threads` busy threads wait for a core at the moment. It takes 50 ms.
pub fn waiting_now(threads: usize) -> Option<f64> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop()
                }
            });
        }
        let (began, before) = (Instant::now(), CpuTime::of_this_process());
        while began.elapsed() < PROBE_DURATION {}
        let after = CpuTime::of_this_process();
        over.store(true, Ordering::Relaxed);
        after?.waiting_since(&before?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_a_share_of_the_time() {
        let before = CpuTime { running: 100, waiting: 50 };
        assert_eq!(CpuTime { running: 160, waiting: 70 }.waiting_since(&before), Some(0.25));
        assert_eq!(CpuTime { running: 100, waiting: 70 }.waiting_since(&before), None);
        assert_eq!(CpuTime { running: 90, waiting: 70 }.waiting_since(&before), None, "a thread has ended");
    }

    #[test]
    fn more_threads_than_cores_wait_for_each_other() {
        let cores = std::thread::available_parallelism().unwrap().get();
        let waiting = waiting_now(cores * 4).expect("Linux tells it");
        assert!(waiting > 0.5 && waiting < 1.0, "{waiting}");
    }
}
