//! Camera motion over a flat world.

use std::f64::consts::TAU;

/// A hand's shake: frequency in hertz, share of the amplitude, and phase in x and y.
const SHAKE: [(f64, f64, [f64; 2]); 3] = [(1.3, 0.7, [0.0, 1.9]), (3.1, 0.35, [0.8, 3.0]), (7.7, 0.12, [2.2, 5.1])];
/// Rotation of the picture, in radians, per pixel of shake.
const TURN: f64 = 4e-4;

/// Speeds of a camera; the default is a still camera.
#[derive(Clone, Copy, Default)]
pub struct Camera {
    /// Pixels per second.
    pub pan: [f64; 2],
    /// Growth per second: 0.2 is a fifth larger each second, compounded.
    pub zoom: f64,
    /// Radians per second.
    pub turn: f64,
    /// Amplitude in pixels.
    pub shake: f64,
    /// Seconds from the exposure of the first row to that of the last: a rolling shutter.
    pub readout: f64,
}

/// Where a camera looks at one time.
pub struct Pose {
    shift: [f64; 2],
    zoom: f64,
    sin_cos: (f64, f64),
}

impl Camera {
    /// The pose at `time` for a row that lies `row` picture heights below the centre.
    pub fn pose(&self, time: f64, row: f64) -> Pose {
        let time = time + self.readout * row;
        // Paths pass the world's centre after 0.75 s, half-way through most clips.
        let from_middle = time - 0.75;
        let shake = |axis: usize| -> f64 {
            let wave = |&(hertz, part, phase): &(f64, f64, [f64; 2])| part * (TAU * hertz * time + phase[axis]).sin();
            self.shake * SHAKE.iter().map(wave).sum::<f64>()
        };
        let shift = [0, 1].map(|axis| self.pan[axis] * from_middle + shake(axis));
        let turn = self.turn * from_middle + TURN * shake(1);
        Pose { shift, zoom: (1.0 + self.zoom).powf(from_middle), sin_cos: turn.sin_cos() }
    }
}

impl Pose {
    /// The point seen at (x, y); both are relative to the centre, of the world and of the picture.
    pub fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = self.sin_cos;
        [(cos * x - sin * y) / self.zoom + self.shift[0], (sin * x + cos * y) / self.zoom + self.shift[1]]
    }
}
