//! How much of the salient mass each position of the window loses.

/// Number of positions along an axis, from one end to the other.
pub(super) const POSITIONS: usize = 193;
/// The least mass of a frame that counts, as a share of the picture's area: smaller ones are specks.
pub(super) const MIN_MASS: f64 = 1e-3;

/// For each frame of a shot and each position of the window, the share of the salient mass outside the window.
pub(super) struct LossTable {
    shares: Vec<[f32; POSITIONS]>,
}

/// A window along one axis, in shares of the picture's side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    /// Length of the window.
    pub length: f64,
    /// Length of its part, from its start, in which the salient object shall be.
    pub wanted: f64,
}

impl Slot {
    /// The last position of the window's start.
    pub fn limit(self) -> f64 {
        (1.0 - self.length).max(0.0)
    }

    /// The position with this index in a [`LossTable`].
    pub fn position(self, index: usize) -> f64 {
        self.limit() * index as f64 / (POSITIONS - 1) as f64
    }
}

impl LossTable {
    /// The table for the `profiles` of the frames. Losses are shares of the frame's mass, or of the shot's median mass
    /// if that is larger: a frame that shows less than usual is less certain.
    pub fn new(profiles: &[Vec<f64>], slot: Slot) -> Self {
        let mut masses: Vec<f64> = profiles.iter().map(|profile| profile.iter().sum()).collect();
        let of_frame = masses.clone();
        masses.sort_by(f64::total_cmp);
        let usual = masses.get(masses.len() / 2).copied().unwrap_or(0.0).max(MIN_MASS);
        let row = |(profile, mass): (&Vec<f64>, &f64)| {
            let sums = Sums::new(profile);
            std::array::from_fn(|index| {
                let start = slot.position(index);
                ((mass - sums.between(start, start + slot.wanted)) / mass.max(usual)) as f32
            })
        };
        Self { shares: profiles.iter().zip(&of_frame).map(row).collect() }
    }

    /// The losses of all frames.
    pub fn frames(&self) -> &[[f32; POSITIONS]] {
        &self.shares
    }
}

/// The sums of a profile from its start.
pub(super) struct Sums(Vec<f64>);

impl Sums {
    pub fn new(profile: &[f64]) -> Self {
        let mut sum = 0.0;
        let sums = profile.iter().map(|mass| {
            sum += mass;
            sum
        });
        Self([0.0].into_iter().chain(sums).collect())
    }

    /// The mass from `start` to `end`, both in shares of the whole length.
    pub fn between(&self, start: f64, end: f64) -> f64 {
        self.until(end) - self.until(start)
    }

    fn until(&self, share: f64) -> f64 {
        let last = self.0.len() - 1;
        let place = share.clamp(0.0, 1.0) * last as f64;
        let before = place.floor() as usize;
        let (low, high) = (self.0[before], self.0[(before + 1).min(last)]);
        low + (high - low) * (place - before as f64)
    }
}
