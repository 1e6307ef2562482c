//! `--progress`.

use std::io::IsTerminal;

use crate::choice::choices;
use crate::reporting::mode::ReportMode;

choices! {
    /// `--progress`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ProgressMode {
        /// A bar on a terminal, otherwise notes and a summary line
        Auto = "auto",
        /// One JSON object per line, for other programs
        Json = "json",
        /// Notes and a summary line, without a bar
        None = "none",
    }
}

impl ProgressMode {
    /// The report mode that `--progress` and `--quiet` ask for.
    pub fn report(self, quiet: bool) -> ReportMode {
        match self {
            _ if quiet => ReportMode::Quiet,
            Self::Json => ReportMode::Json,
            Self::Auto if std::io::stderr().is_terminal() => ReportMode::Bar,
            Self::Auto | Self::None => ReportMode::Lines,
        }
    }
}
