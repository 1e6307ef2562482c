//! Temporal stability: how much a map changes, apart from motion.

use ndarray::ArrayView3;

use crate::commands::eval::metric::MapView;

/// A flow field with the shape (height, width, 2): for each pixel, the distance in pixels along x and y to its content
/// in another frame.
pub type FlowView<'a> = ArrayView3<'a, f64>;

/// The mean absolute difference between a map and its predecessor, which is warped along `backward` (from this frame to
/// the previous one), over the pixels with a valid flow; `None` if there are none. All have the same height and width.
///
/// A flow is valid if it is finite and leads to a place inside the frame. If `forward` (from the previous frame to this
/// one) is given, it must also lead back: |b + f|^2 < 0.01 (|b|^2 + |f|^2) + 0.5 with f taken where b leads. This
/// excludes uncovered pixels (Ruder et al., "Artistic Style Transfer for Videos", GCPR 2016).
///
/// The idea is from Bonneel et al. ("Blind Video Temporal Consistency", SIGGRAPH Asia 2015) and Lai et al. ("Learning
/// Blind Video Temporal Consistency", ECCV 2018). They square the differences; here, they stay in the unit of the map.
pub fn warping_error(map: MapView, previous: MapView, backward: FlowView, forward: Option<FlowView>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_u32);
    for ((row, column), value) in map.indexed_iter() {
        let flow = [backward[(row, column, 0)], backward[(row, column, 1)]];
        let Some(place) = WarpPlace::of(column as f64 + flow[0], row as f64 + flow[1], previous.dim()) else {
            continue;
        };
        if forward.is_none_or(|forward| leads_back(flow, &place, forward)) {
            sum += (value - place.sample(|row, column| previous[(row, column)])).abs();
            count += 1;
        }
    }
    (count > 0).then(|| sum / f64::from(count))
}

/// Whether the forward flow at `place`, where `back` leads, returns to the start.
fn leads_back(back: [f64; 2], place: &WarpPlace, forward: FlowView) -> bool {
    let forth = [0, 1].map(|axis| place.sample(|row, column| forward[(row, column, axis)]));
    let squared = |vector: [f64; 2]| vector[0] * vector[0] + vector[1] * vector[1];
    squared([back[0] + forth[0], back[1] + forth[1]]) < 0.01 * (squared(back) + squared(forth)) + 0.5
}

/// A place between four pixels.
struct WarpPlace {
    rows: [usize; 2],
    columns: [usize; 2],
    /// The relative distance from the first row and column towards the second, in 0..1.
    part: [f64; 2],
}

impl WarpPlace {
    /// The place at (`x`, `y`), if it is inside a raster of this `height` and `width`.
    fn of(x: f64, y: f64, (height, width): (usize, usize)) -> Option<Self> {
        let inside = |at: f64, length: usize| at >= 0.0 && at <= length as f64 - 1.0;
        let pair = |at: f64, length: usize| [at as usize, (at as usize + 1).min(length - 1)];
        (inside(x, width) && inside(y, height)).then(|| Self {
            rows: pair(y, height),
            columns: pair(x, width),
            part: [y.fract(), x.fract()],
        })
    }

    /// Bilinear interpolation of the values that `value` returns for rows and columns.
    fn sample(&self, value: impl Fn(usize, usize) -> f64) -> f64 {
        let across = self.rows.map(|row| mix(value(row, self.columns[0]), value(row, self.columns[1]), self.part[1]));
        mix(across[0], across[1], self.part[0])
    }
}

fn mix(from: f64, to: f64, part: f64) -> f64 {
    from + (to - from) * part
}
