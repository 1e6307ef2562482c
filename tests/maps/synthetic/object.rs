//! Objects with independent motion.

use opencv::core::{Mat, Scalar, Size};

use super::ground;

/// A flat object with its own path through the world.
#[derive(Clone)]
pub struct Object {
    pub radius: f64,
    /// Deviation of the outline from a circle, as a share of the radius.
    pub uneven: f64,
    /// Path, below the data folder, of the photograph that the object is cut out of; `None` for a texture.
    pub photograph: Option<&'static str>,
    pub path: Path,
}

/// A straight path; positions are relative to the world's centre.
#[derive(Clone, Copy)]
pub struct Path {
    pub from: [f64; 2],
    /// Pixels per second.
    pub speed: [f64; 2],
    /// Time at which the object comes to rest.
    pub until: f64,
}

impl Path {
    pub fn at(&self, time: f64) -> [f64; 2] {
        [0, 1].map(|axis| self.from[axis] + self.speed[axis] * time.min(self.until))
    }
}

impl Object {
    /// A textured disc.
    pub fn disc(from: [f64; 2], speed: [f64; 2]) -> Self {
        let path = Path { from, speed, until: f64::INFINITY };
        Self { radius: 55.0, uneven: 0.0, photograph: None, path }
    }

    /// Its surface, where a reference pixel is `unit` pixels.
    pub fn skin(&self, unit: f64) -> Mat {
        let side = (3.0 * self.radius * unit).ceil() as i32;
        match self.photograph {
            Some(name) => ground::photograph(name, Size::new(side, side)),
            None => {
                let size = Size::new((1280.0 * unit) as i32, (720.0 * unit) as i32);
                ground::texture(1000, Scalar::new(60.0, 90.0, 190.0, 0.0), size)
            }
        }
    }

    /// The share of the pixel at (x, y), in pixels from the object's centre, that the object covers: 0 to 1.
    pub fn cover(&self, x: f32, y: f32, unit: f32) -> f32 {
        let angle = y.atan2(x);
        let outline = 1.0 + self.uneven as f32 * (0.6 * (3.0 * angle).sin() + 0.4 * (5.0 * angle + 1.0).cos());
        (self.radius as f32 * unit * outline - x.hypot(y) + 0.5).clamp(0.0, 1.0)
    }
}
