//! Counts the files in an input folder that are not read.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

use super::paths;

/// Maximum number of file endings that are named.
const MAX_NAMED_ENDINGS: usize = 6;

/// The number of files that were passed over, by their ending.
#[derive(Debug, Default)]
pub struct PassedOver(BTreeMap<String, usize>);

impl PassedOver {
    /// Counts a file.
    pub fn add(&mut self, file: &Path) {
        *self.0.entry(paths::extension(file)).or_default() += 1;
    }

    /// A note for the user, such as `passed over 12 files: 10 .txt, 2 .jpg`; `None` if there are none.
    pub fn note(&self) -> Option<String> {
        let (files, endings) = (self.0.values().sum::<usize>(), self.0.len());
        let mut counts: Vec<_> = self.0.iter().collect();
        counts.sort_by_key(|&(_, count)| Reverse(count));
        let named = counts.iter().take(MAX_NAMED_ENDINGS).map(|(ending, count)| match ending.as_str() {
            "" => format!("{count} without an ending"),
            ending => format!("{count} .{ending}"),
        });
        let mut named: Vec<String> = named.collect();
        if endings > MAX_NAMED_ENDINGS {
            let others: usize = counts[MAX_NAMED_ENDINGS..].iter().map(|(_, count)| *count).sum();
            named.push(format!("{others} others"));
        }
        let what = if files == 1 { "file" } else { "files" };
        (files > 0).then(|| format!("passed over {files} {what}: {}", named.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(names: &[&str]) -> Option<String> {
        let mut passed_over = PassedOver::default();
        names.iter().for_each(|name| passed_over.add(Path::new(name)));
        passed_over.note()
    }

    #[test]
    fn files_are_counted_by_their_ending() {
        assert_eq!(note(&[]), None);
        assert_eq!(note(&["a.TXT"]).as_deref(), Some("passed over 1 file: 1 .txt"));
        assert_eq!(
            note(&["a.jpg", "b.txt", "c.txt", "README"]).as_deref(),
            Some("passed over 4 files: 2 .txt, 1 without an ending, 1 .jpg")
        );
        let many = note(&["x.a", "x.b", "x.c", "x.d", "x.e", "x.f", "x.g", "y.g", "x.h"]).unwrap();
        assert_eq!(many, "passed over 9 files: 2 .g, 1 .a, 1 .b, 1 .c, 1 .d, 1 .e, 2 others");
    }
}
