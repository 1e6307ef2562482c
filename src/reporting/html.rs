//! Escaping of text for web pages.

use std::ffi::OsStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The characters that a URL path keeps, including the separator.
const ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `text` with HTML's special characters escaped.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

/// A path as a URL, for use in an attribute.
pub fn link(path: impl AsRef<OsStr>) -> String {
    percent_encode(path.as_ref().as_encoded_bytes(), ADDRESS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_read_as_markup_or_address() {
        assert_eq!(escaped("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
        assert_eq!(link("a b/50% #1?.mp4"), "a%20b/50%25%20%231%3F.mp4");
    }
}
