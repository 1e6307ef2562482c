//! Resampling along one axis as a linear map: the positions of outputs between inputs, and the
//! weights of the inputs.

/// The positions of `output` outputs on an axis of `input` inputs, by the operator's
/// `coordinate_transformation_mode`, in single precision as in runtimes. `None` for an unknown
/// mode. `scale` is the number of outputs per input.
pub fn coordinates(mode: &str, input: usize, output: usize, scale: f32) -> Option<Vec<f32>> {
    let (inputs, outputs) = (input as f32, output as f32);
    let half_pixel = |o: f32| (o + 0.5) / scale - 0.5;
    let place: Box<dyn Fn(f32) -> f32> = match mode {
        "half_pixel" => Box::new(half_pixel),
        "pytorch_half_pixel" => Box::new(move |o| if output > 1 { half_pixel(o) } else { 0.0 }),
        "align_corners" => Box::new(move |o| if output > 1 { o * (inputs - 1.0) / (outputs - 1.0) } else { 0.0 }),
        "asymmetric" => Box::new(move |o| o / scale),
        "tf_half_pixel_for_nn" => Box::new(move |o| (o + 0.5) / scale),
        "half_pixel_symmetric" => {
            let offset = inputs / 2.0 * (1.0 - outputs / (scale * inputs));
            Box::new(move |o| offset + half_pixel(o))
        }
        _ => return None,
    };
    Some((0..output).map(|o| place(o as f32)).collect())
}

/// Linear interpolation at `coordinates`: the weights of all `input` inputs for each coordinate, in
/// row-major order. Positions outside use the value at the border.
pub fn linear(input: usize, coordinates: &[f32]) -> Vec<f64> {
    let taps = |at: f64| {
        let at = at.clamp(0.0, input as f64 - 1.0);
        vec![(at.floor() as i64, 1.0 - at.fract()), (at.floor() as i64 + 1, at.fract())]
    };
    matrix(input, coordinates, taps)
}

/// Cubic convolution (Keys 1981) at `coordinates` with the coefficient `a`, in the format of
/// [`linear`]. Inputs outside repeat the border, or have no weight if `exclude_outside` is set.
pub fn cubic(input: usize, coordinates: &[f32], a: f64, exclude_outside: bool) -> Vec<f64> {
    let weight = |distance: f64| match distance {
        d if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        d => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
    };
    let taps = |at: f64| {
        let first = at.floor() as i64 - 1;
        let tap = |tap: i64| (tap, weight((at - tap as f64).abs()));
        let inside = |(tap, _): &(i64, f64)| !exclude_outside || (0..input as i64).contains(tap);
        let taps: Vec<(i64, f64)> = (first..first + 4).map(tap).filter(inside).collect();
        let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
        taps.into_iter().map(|(tap, weight)| (tap, weight / total)).collect()
    };
    matrix(input, coordinates, taps)
}

/// The input nearest to each of `coordinates`, by the operator's `nearest_mode`. `None` for an
/// unknown mode.
pub fn nearest(input: usize, coordinates: &[f32], mode: &str) -> Option<Vec<Option<usize>>> {
    let round: fn(f32) -> f32 = match mode {
        "round_prefer_floor" => |at| if at - at.floor() == 0.5 { at.floor() } else { at.round() },
        "round_prefer_ceil" => f32::round,
        "floor" => f32::floor,
        "ceil" => f32::ceil,
        _ => return None,
    };
    Some(coordinates.iter().map(|at| Some((round(*at).max(0.0) as usize).min(input.saturating_sub(1)))).collect())
}

/// One row per coordinate: the weights of its taps. Weights outside are added to the border's
/// weight.
fn matrix(input: usize, coordinates: &[f32], taps: impl Fn(f64) -> Vec<(i64, f64)>) -> Vec<f64> {
    let mut rows = vec![0.0; coordinates.len() * input];
    for (row, at) in rows.chunks_mut(input.max(1)).zip(coordinates) {
        for (tap, weight) in taps(f64::from(*at)) {
            row[tap.clamp(0, input as i64 - 1) as usize] += weight;
        }
    }
    rows
}
