//! Milliseconds a frame of the motion and the fusion step: `cargo bench --bench maps`.
//!
//! Prints the median over a made-up clip of a panning camera, for each picture size and fusion mode.

use std::time::Instant;

use clap::ValueEnum;
use opencv::core::{self, BORDER_REFLECT, CV_8UC3, CV_32FC1, Mat, RNG, Scalar, Size};
use opencv::imgproc::{self, INTER_CUBIC, INTER_LINEAR};
use opencv::prelude::*;
use salstream::Result;
use salstream::frame::{Frame, Gradient, Prediction, Rate};
use salstream::fuse::{FuseOptions, Fuser, Fusion};
use salstream::motion::MotionEstimator;

const FRAMES: u64 = 40;
const RATE: Rate = Rate { num: 24, den: 1 };
/// OpenCV's threads: what the pipeline gives each stage on a small machine.
const THREADS: i32 = 2;

fn main() -> Result<()> {
    core::set_num_threads(THREADS)?;
    for size in [Size::new(854, 480), Size::new(1920, 1080)] {
        for mode in Fusion::value_variants() {
            let (motion, fusion) = medians(size, *mode)?;
            println!("{}x{} {mode:?}: motion {motion:.2} ms, fusion {fusion:.2} ms", size.width, size.height);
        }
    }
    Ok(())
}

/// Median milliseconds of a motion and of a fusion step.
fn medians(size: Size, mode: Fusion) -> Result<(f64, f64)> {
    let mut random = RNG::new(1)?;
    let texture = noise(&mut random, Size::new(100, 56), CV_8UC3)?;
    let mut estimator = MotionEstimator::new(RATE)?;
    let mut fuser = Fuser::new(FuseOptions { mode, ..FuseOptions::default() });
    let (mut motions, mut fusions) = (Vec::new(), Vec::new());
    for index in 0..FRAMES {
        let frame = Frame { index, time: index as f64 * RATE.interval(), image: view(&texture, size, index)? };
        let map = noise(&mut random, Size::new(224, 224), CV_32FC1)?;
        let gradient = Gradient { index, map, prediction: Prediction::default(), features: None, others: Vec::new() };
        let (motion, spent) = timed(|| estimator.step(&frame))?;
        motions.push(spent);
        fusions.push(timed(|| fuser.step(&motion, Some(&gradient)))?.1);
    }
    Ok((median(motions), median(fusions)))
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let start = Instant::now();
    let value = work()?;
    Ok((value, start.elapsed().as_secs_f64() * 1e3))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn noise(random: &mut RNG, size: Size, kind: i32) -> Result<Mat> {
    let mut out = Mat::new_size_with_default(size, kind, Scalar::default())?;
    random.fill(&mut out, core::RNG_UNIFORM, &0.0, &255.0, false)?;
    Ok(out)
}

/// The texture, enlarged and panned by 3 pixels a frame.
fn view(texture: &Mat, size: Size, index: u64) -> Result<Mat> {
    let mut large = Mat::default();
    imgproc::resize(texture, &mut large, size, 0.0, 0.0, INTER_CUBIC)?;
    let pan = Mat::from_slice_2d(&[[1.0, 0.0, 3.0 * index as f64], [0.0, 1.0, index as f64]])?;
    let mut out = Mat::default();
    imgproc::warp_affine(&large, &mut out, &pan, size, INTER_LINEAR, BORDER_REFLECT, Scalar::default())?;
    Ok(out)
}
