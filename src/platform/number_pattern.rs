//! Names of numbered files, such as `frame_%04d.png`.

/// A file name with one printf conversion of an integer, such as `%d` or `%04d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberPattern<'a> {
    before: &'a str,
    /// Minimum number of digits; shorter numbers have zeros before them.
    width: usize,
    after: &'a str,
}

impl<'a> NumberPattern<'a> {
    /// The pattern in `name`, if it has one.
    pub fn parse(name: &'a str) -> Option<Self> {
        name.match_indices('%').find_map(|(at, _)| {
            let rest = &name[at + 1..];
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let width =
                if digits == 0 { 1 } else { rest[..digits].parse().ok().filter(|&width| width <= MAX_WIDTH)? };
            Some(Self { before: &name[..at], width, after: rest[digits..].strip_prefix('d')? })
        })
    }

    /// The number in `name`, if it has this pattern.
    pub fn number(self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(self.before)?.strip_suffix(self.after)?;
        let is_number = digits.len() >= self.width && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| is_number)
    }

    /// The name with this number.
    pub fn name(self, number: u64) -> String {
        let Self { before, width, after } = self;
        format!("{before}{number:0width$}{after}")
    }
}

/// Maximum number of digits that may be asked for.
const MAX_WIDTH: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_and_read() {
        let pattern = NumberPattern::parse("frame_%04d.png").unwrap();
        assert_eq!(pattern.name(7), "frame_0007.png");
        assert_eq!(pattern.number("frame_0007.png"), Some(7));
        assert_eq!(pattern.number("frame_12345.png"), Some(12345));
        assert_eq!(pattern.number("frame_7.png"), None);
        assert_eq!(NumberPattern::parse("100%.png"), None);
        assert_eq!(NumberPattern::parse("%999999999d.png"), None);
    }
}
