//! A reproducible random stream.

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The splitmix64 stream of a seed, identical to `tests/references/stream.py`.
pub struct Random(pub u64);

impl Random {
    /// The stream of `seed`, starting at value number `offset`.
    pub fn at(seed: u64, offset: u64) -> Self {
        Self(seed.wrapping_add(offset.wrapping_mul(STEP)))
    }

    /// The next value, uniform in [-1, 1).
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    /// The next `count` values.
    pub fn take(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.next()).collect()
    }
}
