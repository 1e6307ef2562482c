//! Hides passwords and tokens in addresses, wherever text that may contain an address is shown.

use std::borrow::Cow;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";
/// Parts of the names of parameters whose values are secrets.
const SECRET_NAMES: [&str; 11] =
    ["pass", "pwd", "token", "secret", "key", "sig", "auth", "cred", "user", "usr", "login"];

/// `text` with `***` in place of the user names, passwords and secret parameters of the addresses in it.
///
/// It rather hides too much than too little: an `@` after the host may belong to a password that contains a slash.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    if !text.contains(['@', '=']) && !text.contains("%40") {
        return text.into();
    }
    let (mut shown, mut rest) = (String::new(), text);
    while !rest.is_empty() {
        let space = rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len());
        let (space, after) = rest.split_at(space);
        let (word, after) = after.split_at(word_length(after));
        shown += space;
        shown += &word_without_secrets(word);
        rest = after;
    }
    shown.into()
}

/// The length of the first word. A password may contain spaces: then the word extends to its `@`.
fn word_length(text: &str) -> usize {
    let end = |from: usize| text[from..].find(char::is_whitespace).map_or(text.len(), |at| from + at);
    let word = &text[..end(0)];
    match text.find('@') {
        Some(at) if at >= word.len() && ends_in_a_password(word) => end(at),
        _ => word.len(),
    }
}

/// Whether an address breaks off after `user:pass`: what follows the colon is not a port.
fn ends_in_a_password(word: &str) -> bool {
    let Some((_, rest)) = word.split_once("://") else { return false };
    let host = authority(rest).rsplit(']').next().unwrap_or_default();
    host.rsplit_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What comes before the path of an address without its scheme.
fn authority(rest: &str) -> &str {
    &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
}

fn word_without_secrets(word: &str) -> String {
    let (word, mark) = word.split_at(word.trim_end_matches([':', '\'', '"']).len());
    let (scheme, rest, login) = match word.find("://") {
        Some(at) => (&word[..at + 3], &word[at + 3..], login_length(&word[at + 3..])),
        None => ("", word, bare_login_length(word)),
    };
    let (login, rest) = rest.split_at(login);
    // An empty one means a multicast group, as in `udp://@239.0.0.1`.
    let login = if login.len() > 1 { format!("{HIDDEN}@") } else { login.to_owned() };
    let has_parameters = !scheme.is_empty() || rest.contains('?');
    let rest = if has_parameters { parameters_without_secrets(rest) } else { rest.to_owned() };
    format!("{scheme}{login}{rest}{mark}")
}

/// The length of `user:password@` in an address without its scheme.
fn login_length(rest: &str) -> usize {
    let authority = authority(rest);
    // After `user:`, everything may be part of the password.
    let until = if authority.contains(':') { rest.len() } else { rest.find(['?', '#']).unwrap_or(rest.len()) };
    let plain = rest[..until].rfind('@').map_or(0, |at| at + 1);
    plain.max(authority.rfind("%40").map_or(0, |at| at + 3))
}

/// The same for an address whose scheme was forgotten. A file's name that looks like one can be written as `./NAME`.
fn bare_login_length(word: &str) -> usize {
    let is_login = |at: usize| word[..at].split('/').next().is_some_and(|start| start.contains(':'));
    word.rfind('@').filter(|&at| is_login(at)).map_or(0, |at| at + 1)
}

fn parameters_without_secrets(text: &str) -> String {
    let mut shown = String::new();
    let mut is_hiding = false;
    for part in text.split_inclusive(['?', '&', ';', '#']) {
        let body = part.trim_end_matches(['?', '&', ';', '#']);
        match body.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                shown += &format!("{name}={HIDDEN}{}", &part[body.len()..]);
                is_hiding = true;
            }
            // The rest of a password that contains a separator.
            None if is_hiding => {}
            _ => {
                shown += part;
                is_hiding = false;
            }
        }
    }
    shown
}

fn is_secret(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_hidden_in_all_forms() {
        for (address, shown) in [
            ("rtsp://me:S3CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3/CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3@CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3@CR/ET@cam:554/live", "rtsp://***@cam:554/live"),
            ("rtsp://me:S3?CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3#CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3 CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:12/S3CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:12?S3CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3%40CRET%2F@cam/live", "rtsp://***@cam/live"),
            ("rtsp://me:S3CRET%40cam/live", "rtsp://***@cam/live"),
            ("rtsp://S3CRET@cam/live", "rtsp://***@cam/live"),
            ("rtsp://S3/CRET@cam/live", "rtsp://***@cam/live"),
            ("me:S3CRET@cam/live", "***@cam/live"),
            ("me:S3/CR@ET@cam/live", "***@cam/live"),
            ("rtsp:/me:S3CRET@cam/live", "***@cam/live"),
            ("'http://me:S3CRET@[::1]:80/'", "'http://***@[::1]:80/'"),
            ("lost rtsp://me:S3CRET@cam/live: 3 s", "lost rtsp://***@cam/live: 3 s"),
            ("a://me:S3CRET@b c://me:S3CRET@d", "a://***@b c://***@d"),
        ] {
            assert_eq!(without_secrets(address), shown, "{address}");
        }
    }

    #[test]
    fn secret_parameters_are_hidden() {
        for (address, shown) in [
            ("http://cam/v?channel=1&password=S3CRET&fps=5", "http://cam/v?channel=1&password=***&fps=5"),
            ("http://cam/v?loginpas=S3&CRET", "http://cam/v?loginpas=***&"),
            ("https://cam/v.m3u8?X-Amz-Signature=S3/CRET==", "https://cam/v.m3u8?X-Amz-Signature=***"),
            ("rtsp://cam/user=admin_password=S3CRET_channel=1", "rtsp://cam/user=***"),
            ("srt://cam:9000?passphrase=S3CRET", "srt://cam:9000?passphrase=***"),
            ("cam/v?TOKEN=S3CRET", "cam/v?TOKEN=***"),
            ("'http://cam/?pwd=S3CRET': lost", "'http://cam/?pwd=***': lost"),
        ] {
            assert_eq!(without_secrets(address), shown, "{address}");
        }
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "http://cam:8080/video",
            "https://host/clip.mp4?start=3",
            "rtsp://cam/live: lost, trying again",
            "rtsp://cam:554/live: lost, ask admin@example.org",
            "udp://@239.0.0.1:5000",
            "./10:30@cam.mp4: cannot be read",
            "folder/10:30@cam.mp4",
            "--static-every=4",
            "  a  b@c \n",
            "",
        ] {
            assert_eq!(without_secrets(text), text);
        }
    }
}
