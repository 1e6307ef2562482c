//! The processor and the graphics cards of this machine, without which a measured speed means nothing.

use std::fs;

/// Instruction sets that matter for a network's speed, by their names in the processor's flags.
const FEATURES: [&str; 6] = ["avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_fp16"];

/// A machine's processor and graphics cards.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Which of avx2, avx512f, avx512_bf16, avx512_fp16, amx_bf16 and amx_fp16 the processor has.
    pub features: Vec<&'static str>,
    /// The names of NVIDIA graphics cards.
    pub gpus: Vec<String>,
}

impl Machine {
    /// This machine, as Linux describes it. On other systems, only the number of cores is known.
    pub fn this() -> Self {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let flags: Vec<&str> = value(&processors, "flags").unwrap_or_default().split_whitespace().collect();
        Self {
            cpu: value(&processors, "model name").unwrap_or("unknown processor").to_owned(),
            cores: cores(),
            features: FEATURES.into_iter().filter(|feature| flags.contains(feature)).collect(),
            gpus: gpus(),
        }
    }

    /// Whether the processor computes in bfloat16.
    pub fn has_bf16(&self) -> bool {
        self.features.iter().any(|feature| feature.ends_with("_bf16"))
    }

    /// Whether the processor is known to compute in 16-bit floating point.
    pub fn has_f16(&self) -> bool {
        self.features.contains(&"avx512_fp16")
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}, {} cores", self.cpu, self.cores)?;
        if !self.features.is_empty() {
            write!(f, " ({})", self.features.join(", "))?;
        }
        self.gpus.iter().try_for_each(|gpu| write!(f, ", {gpu}"))
    }
}

/// Number of cores that this process may use: those that the system allows, but no more than a Slurm task was
/// allocated, which many clusters do not enforce.
pub fn cores() -> usize {
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    promised(all, std::env::var("SLURM_CPUS_PER_TASK").ok().as_deref())
}

fn promised(all: usize, task: Option<&str>) -> usize {
    task.and_then(|task| task.parse().ok()).map_or(all, |task: usize| task.clamp(1, all))
}

/// Returns freed memory to the system. Otherwise, the C library keeps it: 76 MB after opening EfficientNet-Lite0, 228
/// MB after ResNet50.
pub fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: this changes only the allocator's own free memory, under the allocator's own locks.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The value of the first line `key : value`.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

/// The graphics cards that NVIDIA's driver lists.
fn gpus() -> Vec<String> {
    let cards = fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
    let facts = cards.filter_map(|metadata| fs::read_to_string(metadata.path().join("information")).ok());
    facts.filter_map(|facts| value(&facts, "Model").map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_key() {
        let text = "model\t\t: 2\nmodel name\t: Some CPU @ 2 GHz: fast\nmodel name\t: another\n";
        assert_eq!(value(text, "model name"), Some("Some CPU @ 2 GHz: fast"));
        assert_eq!(value(text, "name"), None);
    }

    #[test]
    fn a_slurm_task_takes_no_more_cores_than_it_was_promised() {
        let of_eight = |task| promised(8, task);
        assert_eq!([of_eight(None), of_eight(Some("3")), of_eight(Some("64")), of_eight(Some("0"))], [8, 3, 8, 1]);
        assert_eq!(of_eight(Some("many")), 8);
    }

    #[test]
    fn this_machine_has_a_core() {
        let machine = Machine::this();
        assert!(machine.cores >= 1 && !machine.cpu.is_empty());
        assert!(machine.to_string().contains(" cores"));
    }
}
