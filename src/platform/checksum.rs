//! Checksums.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// How much of a file is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 16;
/// How much is read at each of the three places of a sample, in bytes.
const SAMPLE_BYTES: u64 = 1 << 14;

/// SHA-256 of `bytes`, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn file_sha256(path: &Path) -> Result<String> {
    let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(Error::io(path))?);
    let mut hasher = Sha256::new();
    loop {
        let part = file.fill_buf().map_err(Error::io(path))?;
        if part.is_empty() {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(part);
        let length = part.len();
        file.consume(length);
    }
}

/// SHA-256 of the first, the middle and the last [`SAMPLE_BYTES`] of a file, in hexadecimal. It takes a few
/// milliseconds, whatever the size of the file, and shows that a file is empty or cut off inside, though its size is
/// right, as it may be after a power failure. It does not show a damaged byte elsewhere.
///
/// # Errors
/// [`Error::Io`] if it cannot be read.
pub fn sampled_sha256(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(Error::io(path))?;
    let length = file.metadata().map_err(Error::io(path))?.len();
    let size = length.min(SAMPLE_BYTES);
    let mut sample = vec![0; size as usize];
    let mut hasher = Sha256::new();
    for start in [0, (length - size) / 2, length - size] {
        file.read_exact_at(&mut sample, start).map_err(Error::io(path))?;
        hasher.update(&sample);
    }
    Ok(hex::encode(hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_what_a_power_failure_leaves() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            sampled_sha256(file.path()).unwrap()
        };
        let whole: Vec<u8> = (0..10 * SAMPLE_BYTES).map(|i| (i % 251) as u8 + 1).collect();
        let sample = of(&whole);
        for kept in [0, 1, 4, 8] {
            let mut cut = whole.clone();
            cut[kept * SAMPLE_BYTES as usize..].fill(0);
            assert_ne!(of(&cut), sample, "{kept} tenths are kept");
        }
        assert_eq!(of(&whole), sample);
        assert_ne!(of(b"x"), of(b""));
    }

    #[test]
    fn a_file_has_the_checksum_of_its_bytes() {
        let bytes = vec![7; BUFFER_BYTES + 1];
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &bytes).unwrap();
        assert_eq!(file_sha256(file.path()).unwrap(), sha256(&bytes));
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
