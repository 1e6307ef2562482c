//! The energies of a clip of any length in bounded memory.

use super::energy::MapEnergy;

/// Maximum number of columns kept; even.
const MAX_COLUMNS: usize = 2048;

/// Energies over time: one column per frame, or per 2, 4, 8 ... frames of a longer clip.
pub struct EnergyFold {
    columns: Vec<MapEnergy>,
    /// Number of frames in a full column.
    per: u64,
    /// Number of frames in the last column.
    held: u64,
}

impl Default for EnergyFold {
    /// A fold without frames.
    fn default() -> Self {
        Self { columns: Vec::new(), per: 1, held: 1 }
    }
}

impl EnergyFold {
    /// Adds the next frame.
    pub fn push(&mut self, energy: MapEnergy) {
        if self.held == self.per && self.columns.len() == MAX_COLUMNS {
            self.columns = self.columns.chunks(2).filter_map(|pair| pair.iter().copied().reduce(mean)).collect();
            self.per *= 2;
            self.held = self.per;
        }
        match self.columns.last_mut() {
            Some(last) if self.held < self.per => {
                self.held += 1;
                *last = joined(*last, energy, 1.0 / self.held as f64);
            }
            _ => {
                self.columns.push(energy);
                self.held = 1;
            }
        }
    }

    /// The columns so far, each with the time of its first frame and the means over its frames. A column has a cut if
    /// any of its frames has one.
    pub fn columns(&self) -> &[MapEnergy] {
        &self.columns
    }
}

/// Merges two columns of equal length.
fn mean(a: MapEnergy, b: MapEnergy) -> MapEnergy {
    joined(a, b, 0.5)
}

/// Merges `a` and the following `b` into one column in which `b` has the weight `share`.
fn joined(a: MapEnergy, b: MapEnergy, share: f64) -> MapEnergy {
    MapEnergy {
        time: a.time,
        static_: a.static_ + (b.static_ - a.static_) * share,
        motion: a.motion + (b.motion - a.motion) * share,
        fused: a.fused + (b.fused - a.fused) * share,
        cut: a.cut || b.cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_clips_are_folded_without_losing_means_or_cuts() {
        let mut fold = EnergyFold::default();
        let frames = 3 * MAX_COLUMNS + 1;
        for i in 0..frames {
            let half = if i < frames / 2 { 0.0 } else { 1.0 };
            fold.push(MapEnergy { time: i as f64, static_: half, motion: (i % 2) as f64, fused: half, cut: i == 4001 });
        }
        let columns = fold.columns();
        assert_eq!(columns.len(), (3 * MAX_COLUMNS).div_ceil(4) + 1);
        assert!(columns.iter().enumerate().all(|(k, column)| column.time == 4.0 * k as f64));
        assert!(columns[..columns.len() - 1].iter().all(|column| column.motion == 0.5));
        assert_eq!(columns.iter().position(|column| column.cut), Some(1000));
        assert_eq!((columns[0].static_, columns[columns.len() - 1].static_), (0.0, 1.0));
    }

    #[test]
    fn short_clips_keep_every_frame() {
        let mut fold = EnergyFold::default();
        let energies: Vec<MapEnergy> = (0..9)
            .map(|i| MapEnergy { time: i as f64, static_: 0.1 * i as f64, motion: 0.0, fused: 0.0, cut: false })
            .collect();
        energies.iter().for_each(|&energy| fold.push(energy));
        assert_eq!(fold.columns(), energies);
    }
}
