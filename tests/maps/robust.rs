//! Synthetic clips: a camera alone leaves nothing bright, and what moves by itself is found.

use opencv::core::{Mat, Moments};
use opencv::imgproc;
use opencv::prelude::*;
use salstream::frame::Gradient;
use salstream::fuse::Fusion;

use crate::gradients::Gradients;
use crate::scene::mean;
use crate::synthetic::{Clip, Ground, Shown, catalogue};
use crate::{Chain, SETTLED, gradient};

/// The one threshold of fused maps.
const THRESHOLD: f32 = 0.55;

/// What the maps of a clip come to, on average over its frames once settled.
#[derive(Debug, Default)]
struct Measured {
    /// Part of the pixels above the threshold, and the mean of the fused map.
    lit: f64,
    mean: f64,
    /// Region similarity of the fused map with the objects.
    j: f64,
    /// The same of the motion map at 0.5.
    motion_j: f64,
    /// The frame of least similarity.
    worst: (f64, u64),
    cuts: Vec<u64>,
}

/// Measures `clip`; none where its photographs or the classifier are not at hand.
fn measure(clip: &Clip) -> Option<Measured> {
    let frames = clip.frames()?;
    let mut classifier = match clip.ground {
        Ground::Photograph(_) => Some(Gradients::open()?),
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
        measured.mean += mean(&fused) / count;
        let j = similarity(&fused, &shown.mask, THRESHOLD);
        measured.j += j / count;
        measured.motion_j += similarity(&moving, &shown.mask, 0.5) / count;
        if j < measured.worst.0 {
            measured.worst = (j, motion.index);
        }
    }
    Some(measured)
}

/// A gradient that is noise, stronger about the objects, or the middle where there are none.
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

#[test]
fn table() {
    let only = std::env::var("ONLY").unwrap_or_default();
    for clip in catalogue::all().iter().filter(|clip| clip.name.contains(&only)) {
        let Some(m) = measure(clip) else { continue };
        let ok = if clip.objects.is_empty() { m.lit <= 0.005 && m.mean < 0.01 } else { m.j >= 0.75 };
        let mark = if ok { " " } else { "!" };
        eprintln!(
            "{mark} {:24} lit {:6.3} %  mean {:.4}  J {:.3} (worst {:.3} at {:2})  motion J {:.3}  cuts {:?}",
            clip.name, 100.0 * m.lit, m.mean, m.j, m.worst.0, m.worst.1, m.motion_j, m.cuts
        );
    }
}
