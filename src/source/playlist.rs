//! Lists of other files, which are opened only if the user names a list.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result, platform::paths};

/// Extensions of files that list other files.
const EXTENSIONS: [&str; 6] = ["m3u8", "m3u", "mpd", "ffconcat", "concat", "sdp"];

/// The kinds of lists that FFmpeg knows by the start of their text.
const KINDS: [(&str, &str); 6] = [
    ("#EXTM3U", "an HLS playlist"),
    ("ffconcat version", "a list of files for FFmpeg"),
    ("<MPD", "a DASH manifest"),
    ("<SmoothStreamingMedia", "a Smooth Streaming manifest"),
    ("<CompositionPlaylist", "an IMF playlist"),
    ("v=0", "a session description (SDP)"),
];

/// Refuses a list of other files whose name does not say so: it could bring any file of this machine into the result.
///
/// # Errors
/// [`Error::Input`] if `path` is one.
pub fn refuse_hidden(path: &Path) -> Result<()> {
    if EXTENSIONS.contains(&paths::extension(path).as_str()) {
        return Ok(());
    }
    let mut head = Vec::new();
    // A file that cannot be read is reported when it is opened.
    let _ = File::open(path).and_then(|file| file.take(2048).read_to_end(&mut head));
    match kind(&head) {
        Some(kind) => {
            let problem = format!("is {kind}, which leads to other files: if you trust it, rename it to end in .m3u8");
            Err(Error::input(path, problem.replace(".m3u8", extension(kind))))
        }
        None => Ok(()),
    }
}

/// The kind of list that `head` is the start of.
pub fn kind(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let found = KINDS.into_iter().find(|(start, _)| {
        if start.starts_with('<') { text.starts_with('<') && text.contains(start) } else { text.starts_with(start) }
    });
    found.map(|(_, kind)| kind)
}

/// The extension for a kind of list.
fn extension(kind: &str) -> &'static str {
    match kind {
        "a DASH manifest" => ".mpd",
        "a list of files for FFmpeg" => ".ffconcat",
        "a session description (SDP)" => ".sdp",
        _ => ".m3u8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_known_by_their_text() {
        for (text, expected) in [
            ("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", Some("an HLS playlist")),
            ("\u{feff}  ffconcat version 1.0\nfile x\n", Some("a list of files for FFmpeg")),
            ("<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg\">", Some("a DASH manifest")),
            ("v=0\r\no=- 0 0 IN IP4 127.0.0.1", Some("a session description (SDP)")),
            ("\0\0\0\u{1c}ftypisom", None),
            ("YUV4MPEG2 W4 H4", None),
        ] {
            assert_eq!(kind(text.as_bytes()), expected, "{text}");
        }
    }
}
