//! The secret that viewers need: random for each session, or fixed in a file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

const MIN_CHARACTERS: usize = 16;
const MAX_CHARACTERS: usize = 256;
/// Fewer different characters are not random.
const MIN_DIFFERENT: usize = 5;

/// A token. Its debug form does not show it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// 128 random bits in hexadecimal.
    ///
    /// # Errors
    /// An error if the system has no random bytes.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; 16];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The token in a file, without the line break at its end.
    ///
    /// # Errors
    /// [`Error::Usage`] if the file cannot be read, if other users can read it, or if its content can be guessed or
    /// cannot be part of an address.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = |problem: &str| Error::Usage(format!("--token-file {}: {problem}", path.display()));
        let unreadable = |error: io::Error| wrong(&error.to_string());
        // A pipe is not opened: that could wait forever.
        if !path.metadata().map_err(unreadable)?.is_file() {
            return Err(wrong("is not a file"));
        }
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.permissions().mode() & 0o007 != 0 {
            return Err(wrong("other users can open it: run chmod o-rwx on it"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_CHARACTERS as u64 + 3).read_to_end(&mut bytes).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("is not text"))?;
        let token = text.strip_suffix('\n').map_or(&text[..], |line| line.strip_suffix('\r').unwrap_or(line));
        check(token).map_err(|problem| wrong(&problem))?;
        Ok(Self(token.to_owned()))
    }

    /// Compares with what a client has sent, in constant time.
    pub(super) fn is(&self, given: &str) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(given)
    }

    /// The value of the cookie for this token, from which the token cannot be computed.
    pub(super) fn cookie(&self) -> Self {
        Self(hex::encode(Sha256::digest(format!("salstream cookie {}", self.0))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// Whether a token can be guessed, or has characters other than those of bearer tokens (RFC 6750).
fn check(token: &str) -> Result<(), String> {
    let remedy = "make one with `openssl rand -hex 16`";
    if token.len() < MIN_CHARACTERS || token.chars().collect::<BTreeSet<_>>().len() < MIN_DIFFERENT {
        return Err(format!("the token is too easy to guess, it needs {MIN_CHARACTERS} random characters: {remedy}"));
    }
    if token.len() > MAX_CHARACTERS {
        return Err(format!("the token is longer than {MAX_CHARACTERS} characters: {remedy}"));
    }
    if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte)) {
        return Err(format!("the token must be one line of letters, digits and -._~+/=: {remedy}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_file_is_long_and_varied_and_only_its_owners() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            Token::read(file.path()).map(|token| token.0).map_err(|error| error.to_string())
        };
        assert_eq!(read("0123456789abcdef"), Ok("0123456789abcdef".into()));
        assert_eq!(read("ab+/0123456789==\r\n"), Ok("ab+/0123456789==".into()));
        for (text, word) in [
            ("", "guess"),
            ("short\n", "guess"),
            ("abababababababababab", "guess"),
            ("0123456789abcdef\n\n", "one line"),
            ("0123456789 abcdef", "one line"),
            ("0123456789abcdef&a=b", "one line"),
            (&"0123456789".repeat(26), "longer"),
            (&"0123456789".repeat(100_000), "longer"),
        ] {
            assert!(read(text).is_err_and(|error| error.contains(word)), "{text:.30}: {:?}", read(text));
        }
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read("0123456789abcdef").is_err_and(|error| error.contains("chmod o-rwx")));
        assert!(Token::read(Path::new("/dev/null")).is_err_and(|error| error.to_string().contains("is not a file")));
        assert!(Token::read(Path::new("/no/such")).is_err());
    }

    #[test]
    fn tokens_are_random_and_secret() {
        let token = Token::random().unwrap();
        assert!(token.is(token.as_str()) && !token.is(&token.as_str().to_uppercase()) && !token.is(""));
        assert!(!token.is(Token::random().unwrap().as_str()) && !token.is(token.cookie().as_str()));
        assert!(check(token.as_str()).is_ok() && !format!("{token:?}").contains(token.as_str()));
    }
}
