//! The part of the list that this machine processes. It is computed from the list alone, so that machines do not need
//! to communicate.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::str::FromStr;

/// Part `index` (from 0) of `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

/// The environment variables in which job engines give a task its index, the lowest index, and the number of tasks.
const ENGINES: [(&str, Option<&str>, &str); 4] = [
    ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_MIN"), "SLURM_ARRAY_TASK_COUNT"),
    ("JOB_COMPLETION_INDEX", None, "JOB_COMPLETIONS"),
    ("SGE_TASK_ID", Some("SGE_TASK_FIRST"), "SGE_TASK_LAST"),
    ("PBS_ARRAY_INDEX", None, "PBS_ARRAY_COUNT"),
];

impl Shard {
    /// The whole list.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// The part given by the engine that started this task, read with `variable`.
    fn of_engine(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str| variable(name).and_then(|text| text.trim().parse::<usize>().ok());
        for (id, first, count) in ENGINES {
            let Some(id_value) = number(id) else { continue };
            let first_value = first.and_then(number).unwrap_or(0);
            let given = number(count)
                .ok_or_else(|| format!("auto: {id} is set, and {count} is not: set it, or use --shard I/N"))?;
            // SGE gives the last index instead of the number of tasks.
            let count = if count.ends_with("LAST") { (given + 1).saturating_sub(first_value) } else { given };
            return Self::new(id_value.wrapping_sub(first_value), count);
        }
        Err("auto: this is not a job array of Slurm, Kubernetes, SGE or PBS: use --shard I/N".into())
    }

    fn new(index: usize, count: usize) -> Result<Self, String> {
        if index < count { Ok(Self { index, count }) } else { Err(format!("parts go from 1 to {count}")) }
    }

    /// The indices in `sizes` of this part's files: the largest file first, each assigned to the part that has least so
    /// far. The result is the same on every machine.
    pub fn part(self, sizes: &[u64]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_by_key(|&index| (Reverse(sizes[index]), index));
        let mut loads: BinaryHeap<Reverse<(u64, usize)>> = (0..self.count).map(|part| Reverse((0, part))).collect();
        let mut mine = Vec::new();
        for index in order {
            let Some(Reverse((load, part))) = loads.pop() else { break };
            // An empty file costs time too.
            loads.push(Reverse((load.saturating_add(sizes[index].max(1)), part)));
            if part == self.index {
                mine.push(index);
            }
        }
        mine.sort_unstable();
        mine
    }

    /// The file name of this part's summary: `summary.json`, or `summary-2-of-8.json`.
    pub fn summary(self) -> String {
        if self.count == 1 {
            "summary.json".into()
        } else {
            format!("summary-{}-of-{}.json", self.index + 1, self.count)
        }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Self::of_engine(|name| std::env::var(name).ok());
        }
        let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        let (index, count): (usize, usize) = parts.ok_or("must be I/N, such as 2/8, or auto")?;
        Self::new(index.wrapping_sub(1), count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_disjoint_whole_and_balanced() {
        let sizes: Vec<u64> = (0..1000).map(|i| (i * 7919) % 10_007).collect();
        let parts: Vec<Vec<usize>> = (0..7).map(|index| Shard { index, count: 7 }.part(&sizes)).collect();
        let mut all = parts.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1000).collect::<Vec<_>>());
        let loads = parts.iter().map(|part| part.iter().map(|&i| sizes[i]).sum::<u64>());
        let (least, most) = loads.fold((u64::MAX, 0), |(least, most), load| (least.min(load), most.max(load)));
        assert!(most - least < 10_007, "{least} to {most}");
        assert_eq!(Shard { index: 0, count: 3 }.part(&[0, 0, 0]), [0]);
    }

    #[test]
    fn engines_are_understood() {
        let of = |pairs: &[(&str, &str)]| {
            Shard::of_engine(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
        };
        let slurm = [("SLURM_ARRAY_TASK_ID", "12"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(of(&slurm), Ok(Shard { index: 2, count: 4 }));
        assert_eq!(of(&[("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "3")]), Ok(Shard { index: 0, count: 3 }));
        let sge = [("SGE_TASK_ID", "2"), ("SGE_TASK_FIRST", "1"), ("SGE_TASK_LAST", "5")];
        assert_eq!(of(&sge), Ok(Shard { index: 1, count: 5 }));
        // Outside an array, SGE sets "undefined".
        assert!(of(&[("SGE_TASK_ID", "undefined")]).is_err());
        assert!(of(&[("PBS_ARRAY_INDEX", "1")]).unwrap_err().contains("PBS_ARRAY_COUNT"));
        assert!(of(&[]).unwrap_err().contains("I/N"));
    }

    #[test]
    fn parts_are_counted_from_one() {
        assert_eq!("2/8".parse(), Ok(Shard { index: 1, count: 8 }));
        for text in ["0/8", "9/8", "1/0", "x", "1", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
