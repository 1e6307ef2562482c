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

/// Like [`linear`], smoothed before shrinking: a filter as wide as an output averages the inputs. The filter is cubic with
/// the coefficient `a`, or else linear. `scale` is the number of outputs per input.
pub fn smoothed(input: usize, coordinates: &[f32], scale: f32, a: Option<f64>, exclude_outside: bool) -> Vec<f64> {
    // No output is wider than the input; a scale that states otherwise would take forever.
    let width = f64::from(1.0 / scale).clamp(1.0, 2.0 * input as f64 + 1.0);
    let filter = |distance: f64| match (a, distance.abs()) {
        (Some(a), distance) if distance < 2.0 => keys(a, distance),
        (None, distance) if distance < 1.0 => 1.0 - distance,
        _ => 0.0,
    };
    let reach = if a.is_some() { 2.0 * width } else { width };
    let taps = |at: f64| {
        let (first, last) = ((at - reach).floor() as i64, (at + reach).ceil() as i64);
        normalised((first..=last).map(|tap| (tap, filter((tap as f64 - at) / width))), input, exclude_outside)
    };
    matrix(input, coordinates, taps)
}

/// The weight of an input at a distance up to 2 in cubic convolution.
fn keys(a: f64, distance: f64) -> f64 {
    match distance {
        d if d <= 1.0 => ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0,
        d => ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a,
    }
}

/// The taps with weights that sum to one, without those outside if `exclude_outside` is set.
fn normalised(taps: impl Iterator<Item = (i64, f64)>, input: usize, exclude_outside: bool) -> Vec<(i64, f64)> {
    let inside = |(tap, _): &(i64, f64)| !exclude_outside || (0..input as i64).contains(tap);
    let taps: Vec<(i64, f64)> = taps.filter(inside).collect();
    let total: f64 = taps.iter().map(|(_, weight)| weight).sum();
    taps.into_iter().map(|(tap, weight)| (tap, weight / total)).collect()
}

/// Cubic convolution (Keys 1981) at `coordinates` with the coefficient `a`, in the format of
/// [`linear`]. Inputs outside repeat the border, or have no weight if `exclude_outside` is set.
pub fn cubic(input: usize, coordinates: &[f32], a: f64, exclude_outside: bool) -> Vec<f64> {
    let taps = |at: f64| {
        let first = at.floor() as i64 - 1;
        normalised((first..first + 4).map(|tap| (tap, keys(a, (at - tap as f64).abs()))), input, exclude_outside)
    };
    matrix(input, coordinates, taps)
}

/// The positions of `output` outputs on the part from `start` to `end` of an axis of `input` inputs, as fractions of its
/// length (`tf_crop_and_resize`).
pub fn cropped(input: usize, output: usize, (start, end): (f32, f32)) -> Vec<f32> {
    let last = input as f32 - 1.0;
    let step = if output > 1 { (end - start) * last / (output as f32 - 1.0) } else { 0.0 };
    let first = if output > 1 { start * last } else { 0.5 * (start + end) * last };
    (0..output).map(|o| first + o as f32 * step).collect()
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
