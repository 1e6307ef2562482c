//! Files that are taken for models and are something else.

/// What a file is that is certainly no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAModel {
    /// What Git keeps in the place of a large file.
    LfsPointer,
    /// HTML or XML.
    WebPage,
}

impl NotAModel {
    /// Looks at a file's first bytes.
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
