//! Small changes to an input, as a fuzzer makes them: the same ones in each run.

use std::ops::Range;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

/// The maximum length of an input in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Numbers at the edges of their types, and of what programs expect.
const NUMBERS: [u64; 16] = [
    0,
    1,
    2,
    127,
    128,
    255,
    256,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFFF,
    1 << 40,
    i64::MAX as u64,
    u64::MAX,
];

/// Pieces of text that are special in one format or another.
const WORDS: [&str; 24] = [
    "-1", "0", "1e999", "-1e-999", "NaN", "inf", "null", "true", "\"", "'", "\\u0000", "\\ud800", "\u{feff}",
    "\u{202e}", "é", "\0", "\n", "\r\n", "[[[[[[[[", "{\"a\":", "]]", "}}", "../", "%00",
];

/// Makes changed copies of inputs.
pub struct Mutator(SmallRng);

impl Mutator {
    pub fn new(seed: u64) -> Self {
        Self(SmallRng::seed_from_u64(seed))
    }

    /// `input` with one to four changes, which may bring parts of `other` into it.
    pub fn changed(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut data = input.to_vec();
        for _ in 0..self.0.random_range(1..=4) {
            self.change(&mut data, other);
            data.truncate(MAX_BYTES);
        }
        data
    }

    fn change(&mut self, data: &mut Vec<u8>, other: &[u8]) {
        let part = self.part(data.len());
        match self.0.random_range(0..10) {
            0 => self.flip(data),
            1 => self.overwrite(data),
            2 => drop(data.drain(part)),
            3 => data.truncate(part.start),
            4 => {
                let copy = data[part.clone()].repeat(self.0.random_range(1..=40));
                drop(data.splice(part.end..part.end, copy));
            }
            5 => {
                let from = self.part(other.len());
                drop(data.splice(part, other[from].iter().copied()));
            }
            6 => {
                let from = self.part(other.len());
                let at = part.start..data.len().min(part.start + from.len());
                drop(data.splice(at, other[from].iter().copied()));
            }
            7 => {
                let word = WORDS.choose(&mut self.0).unwrap_or(&"");
                drop(data.splice(part.start..part.start, word.bytes()));
            }
            _ => self.change_number(data),
        }
    }

    /// A part of something that is `length` long; rather a short one.
    fn part(&mut self, length: usize) -> Range<usize> {
        let start = self.0.random_range(0..=length);
        let most = if self.0.random_bool(0.5) { 8 } else { length };
        start..start + self.0.random_range(0..=most.min(length - start))
    }

    fn flip(&mut self, data: &mut [u8]) {
        if !data.is_empty() {
            let at = self.0.random_range(0..data.len());
            data[at] ^= 1 << self.0.random_range(0..8);
        }
    }

    /// Overwrites one to eight bytes with a number, in either byte order.
    fn overwrite(&mut self, data: &mut [u8]) {
        let number = self.number();
        let width = *[1, 2, 4, 8].choose(&mut self.0).unwrap_or(&1);
        let Some(last) = data.len().checked_sub(width) else { return };
        let at = self.0.random_range(0..=last);
        let bytes = if self.0.random_bool(0.5) { number.to_le_bytes() } else { number.reverse_bits().to_be_bytes() };
        data[at..at + width].copy_from_slice(&bytes[..width]);
    }

    /// Replaces a number in digits by another one; bytes, if there is none.
    fn change_number(&mut self, data: &mut Vec<u8>) {
        let start = self.0.random_range(0..=data.len());
        let Some(found) = data[start..].iter().position(u8::is_ascii_digit) else { return self.overwrite(data) };
        let start = start + found;
        let length = data[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = if self.0.random_bool(0.2) { "-" } else { "" };
        let number = format!("{sign}{}", self.number());
        drop(data.splice(start..start + length, number.into_bytes()));
    }

    fn number(&mut self) -> u64 {
        let near = NUMBERS.choose(&mut self.0).copied().unwrap_or(0);
        near.wrapping_add(self.0.random_range(0..3)).wrapping_sub(1)
    }
}
