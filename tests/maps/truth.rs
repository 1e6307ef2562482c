//! Synthetic clips: camera motion alone leaves nothing bright, and independent motion is found.

use std::fmt::{self, Display, Formatter};

use opencv::core::{Mat, Moments};
use opencv::imgproc;
use opencv::prelude::*;
use salstream::frame::Gradient;
use salstream::fuse::Fusion;

use crate::SETTLED;
use crate::chain::{Chain, gradient};
use crate::gradients::Gradients;
use crate::scene::mean;
use crate::synthetic::{Clip, Ground, Shown, catalogue};

/// The same threshold for all fused maps.
const THRESHOLD: f32 = 0.55;
/// Maximum mean of the motion map under camera motion alone. The fused map then shows what the classifier looks at.
const MOST_MOTION: f64 = 0.005;
/// Minimum region similarity with the objects.
const LEAST_J: f64 = 0.75;
/// Known failures: an object that has stopped fades as what the classifier looks at takes over, and with the camera
/// panned over a car, the flow errs at the car's edges (0.0064).
const KNOWN: [&str; 2] = ["object-stops", "camera-pan-car"];
/// The clips measured unless SALSTREAM_FULL is set.
const QUICK: [&str; 12] = [
    "camera-all",
    "camera-pan-car",
    "camera-windowbox",
    "camera-compressed",
    "camera-flash",
    "object-all",
    "object-pillarbox",
    "object-flash",
    "object-fade",
    "object-frozen",
    "object-pulldown",
    "object-48x48",
];

/// Results of a clip, averaged over its frames once the maps have settled.
#[derive(Debug, Default)]
struct Measured {
    /// Share of the pixels above the threshold in the fused map.
    lit: f64,
    /// Mean of the motion map.
    motion: f64,
    /// Region similarity between the fused map and the objects.
    j: f64,
    /// The same for the motion map at a threshold of 0.5.
    motion_j: f64,
    /// The frame with the lowest similarity.
    worst: (f64, u64),
    cuts: Vec<u64>,
}

impl Display for Measured {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Self { lit, motion, j, motion_j, worst: (worst, at), cuts } = self;
        write!(f, "lit {:6.3} %  motion {motion:.4}  J {j:.3} (worst {worst:.3} at {at})  ", 100.0 * lit)?;
        write!(f, "motion J {motion_j:.3}  cuts {cuts:?}")
    }
}

/// Measures `clip`.
fn measure(clip: &Clip) -> Measured {
    let frames = clip.frames();
    let mut classifier = match clip.ground {
        Ground::Photograph(_) => Some(Gradients::open()),
        Ground::Texture(_) => None,
    };
    let mut chain = Chain::at(Fusion::Adaptive, clip.rate);
    let mut measured = Measured { worst: (1.0, 0), ..Measured::default() };
    let count = (frames.len() - SETTLED - 1) as f64;
    for shown in &frames {
        let gradient = classifier.as_mut().map_or_else(|| lit(shown), |classifier| classifier.of(&shown.frame));
        let (motion, maps) = chain.step(&shown.frame, Some(&gradient));
        if motion.cut {
            measured.cuts.push(motion.index);
        }
        if motion.index as usize <= SETTLED {
            continue;
        }
        let (fused, moving) = (large(&maps.fused.0, shown), large(&maps.motion.0, shown));
        let above = fused.data_typed::<f32>().unwrap().iter().filter(|value| **value > THRESHOLD).count();
        measured.lit += above as f64 / fused.total() as f64 / count;
        measured.motion += mean(&moving) / count;
        let j = similarity(&fused, &shown.mask, THRESHOLD);
        measured.j += j / count;
        measured.motion_j += similarity(&moving, &shown.mask, 0.5) / count;
        if j < measured.worst.0 {
            measured.worst = (j, motion.index);
        }
    }
    measured
}

/// A gradient of noise, amplified around the objects, or around the centre if there are none.
fn lit(shown: &Shown) -> Gradient {
    let Moments { m00, m10, m01, .. } = imgproc::moments(&shown.mask, true).unwrap();
    let (width, height) = (shown.mask.cols() as f32, shown.mask.rows() as f32);
    let (x, y) = if m00 > 0.0 { ((m10 / m00) as f32 / width, (m01 / m00) as f32 / height) } else { (0.5, 0.5) };
    gradient(&shown.frame, 3.0, x, y)
}

fn large(map: &Mat, shown: &Shown) -> Mat {
    let mut large = Mat::default();
    let size = shown.mask.size().unwrap();
    imgproc::resize(map, &mut large, size, 0.0, 0.0, imgproc::INTER_LINEAR).unwrap();
    large
}

fn similarity(map: &Mat, truth: &Mat, threshold: f32) -> f64 {
    let pairs = map.data_typed::<f32>().unwrap().iter().zip(truth.data_typed::<u8>().unwrap());
    let (both, either) = pairs.fold((0u32, 0u32), |(both, either), (&value, &truth)| {
        let (found, is_object) = (value > threshold, truth > 0);
        (both + u32::from(found && is_object), either + u32::from(found || is_object))
    });
    if either == 0 { 1.0 } else { f64::from(both) / f64::from(either) }
}

/// Prints the results of the clips that `chosen` selects, and returns those that miss their goals.
fn missed(chosen: impl Fn(&Clip) -> bool) -> Vec<String> {
    let full = std::env::var_os("SALSTREAM_FULL").is_some();
    let mut missed = Vec::new();
    for clip in catalogue::all().into_iter().filter(|clip| full || QUICK.contains(&clip.name.as_str())).filter(chosen) {
        let found = measure(&clip);
        eprintln!("{:20} {found}", clip.name);
        let dark = found.motion < MOST_MOTION;
        let reached = if clip.objects.is_empty() { dark } else { found.j >= LEAST_J };
        if !reached && !KNOWN.contains(&clip.name.as_str()) {
            missed.push(format!("{} {found}", clip.name));
        }
    }
    missed
}

#[test]
fn a_camera_alone_is_no_motion() {
    assert_eq!(missed(|clip| clip.objects.is_empty() && !clip.has_photographs()), [""; 0]);
}

#[test]
fn what_moves_by_itself_is_found() {
    assert_eq!(missed(|clip| !clip.objects.is_empty() && !clip.has_photographs()), [""; 0]);
}

#[test]
#[ignore = "needs the test data"]
fn photographs_are_measured_alike() {
    assert_eq!(missed(Clip::has_photographs), [""; 0]);
}
