//! Lists of sequences, as in the `ImageSets` of DAVIS.

use std::path::{Path, PathBuf};

use super::folders::folders;
use crate::platform::whole_file;
use crate::{Error, Result};

/// The sequences that `list` names: one per line, or the path of a frame per line, as in DAVIS 2016.
///
/// # Errors
/// [`Error::Usage`] if there is no such list, [`Error::Input`] if it is empty.
pub fn read(root: &Path, list: &Path) -> Result<Vec<String>> {
    let file = find(root, list)?;
    let text = whole_file::read_text(&file)?;
    let mut names: Vec<String> = text.lines().filter_map(sequence).collect();
    names.dedup();
    if names.is_empty() {
        return Err(Error::input(&file, "names no sequence: a list must have one per line"));
    }
    Ok(names)
}

/// `list` itself, or `ImageSets/LIST.txt` or `ImageSets/*/LIST.txt` of the data set.
fn find(root: &Path, list: &Path) -> Result<PathBuf> {
    let sets = root.join("ImageSets");
    let mut places = vec![sets.clone()];
    places.extend(folders(&sets).unwrap_or_default());
    let named = places.iter().flat_map(|place| [place.join(list), place.join(list).with_extension("txt")]);
    let found = std::iter::once(list.to_owned()).chain(named).find(|file| file.is_file());
    found.ok_or_else(|| Error::Usage(format!("{}: no such list, here or in {}", list.display(), sets.display())))
}

/// The sequence in a line: its first word or, if this is the path of a frame, the folder of the frame.
fn sequence(line: &str) -> Option<String> {
    let word = line.split_whitespace().next()?;
    let path = Path::new(word);
    let name = if path.extension().is_some() { path.parent()?.file_name()? } else { path.file_name()? };
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_or_a_frame() {
        assert_eq!(sequence("bike-packing").as_deref(), Some("bike-packing"));
        assert_eq!(
            sequence("/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png").as_deref(),
            Some("bear")
        );
        assert_eq!(sequence("  "), None);
    }
}
