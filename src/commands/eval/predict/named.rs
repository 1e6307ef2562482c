//! Other methods' maps, as named on the command line.

use std::path::PathBuf;

/// A folder of another method's maps, as typed: `NAME=DIR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name of the method in tables.
    pub name: String,
    /// The folder of its maps.
    pub folder: PathBuf,
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, folder)) if !name.is_empty() && !folder.is_empty() => {
                Ok(Self { name: name.to_owned(), folder: folder.into() })
            }
            _ => Err("must be NAME=DIR, such as mine=results/480p".into()),
        }
    }
}
