//! Detects files that are not models but are often saved in their place.

/// The kind of a file that is certainly not a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAModel {
    /// The small text file that Git LFS stores in place of a large file.
    LfsPointer,
    /// HTML or XML.
    WebPage,
}

impl NotAModel {
    /// Detects the kind from the first bytes of a file.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        let head = &head[..head.len().min(256)];
        let text = String::from_utf8_lossy(head).trim_start().to_ascii_lowercase();
        if text.starts_with("version https://git-lfs") {
            return Some(Self::LfsPointer);
        }
        ["<!doctype", "<html", "<?xml"].iter().any(|tag| text.starts_with(tag)).then_some(Self::WebPage)
    }
}

impl std::fmt::Display for NotAModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::LfsPointer => "a Git LFS pointer",
            Self::WebPage => "a web page",
        })
    }
}
