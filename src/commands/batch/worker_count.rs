//! The number of workers, and their threads.

use super::config::BatchConfig;
use serde::{Deserialize, Serialize};

use crate::platform::machine::cores;

/// The workers of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkerCount {
    /// Number of workers.
    pub jobs: usize,
    /// Threads of each worker.
    pub threads: usize,
}

impl WorkerCount {
    /// This number of workers. The cores are divided among them, unless the settings fix the threads of each.
    pub(super) fn new(config: &BatchConfig, jobs: usize) -> Self {
        Self { jobs, threads: config.threads.unwrap_or_else(|| (cores() / jobs).max(1)) }
    }
}
