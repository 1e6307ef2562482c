//! How many workers, of how many threads.

use super::config::BatchConfig;
use serde::{Deserialize, Serialize};

use crate::platform::machine::cores;

/// The workers of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WorkerCount {
    /// How many.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
}

impl WorkerCount {
    /// So many workers, among whom the cores are shared out, unless the settings give each its threads.
    pub(super) fn new(config: &BatchConfig, jobs: usize) -> Self {
        Self { jobs, threads: config.threads.unwrap_or_else(|| (cores() / jobs).max(1)) }
    }
}
