//! Motion and fusion on synthetic scenes with known ground truth, and on real ones against the reference.

mod chain;
#[path = "../support/data.rs"]
mod data;
mod davis;
mod gradients;
mod scene;
mod synthetic;
mod truth;

use opencv::core::{Mat, Point, Point2f, Scalar, Size};
use opencv::prelude::*;
use salstream::frame::{Frame, Maps};
use salstream::fuse::{FuseOptions, Fuser, Fusion};
use salstream::motion::MotionEstimator;

use chain::{Chain, RATE, gradient};
use scene::{STILL, Scene, View, iou, mean};

/// Number of frames after which a scene has settled.
const SETTLED: usize = 5;

/// Mean results of a clip of a still scene, once settled. The classifier looks at the centre.
#[derive(Default)]
struct Settled {
    /// Mean of the motion map.
    motion: f64,
    /// Fused saliency in the centre and at the left border.
    middle: f64,
    border: f64,
}

fn settled(views: impl Iterator<Item = View>, noise: f64) -> Settled {
    let (mut scene, mut chain) = (Scene::new(7), Chain::new(Fusion::Adaptive));
    let mut found = Settled::default();
    let mut count = 0.0;
    for (index, view) in views.enumerate() {
        let mut frame = scene.frame(index as u64, view, None);
        if noise > 0.0 {
            scene.add_noise(&mut frame, noise);
        }
        let (motion, maps) = chain.step(&frame, Some(&gradient(&frame, 3.0, 0.5, 0.5)));
        assert!(!motion.cut, "cut at {index}");
        if index >= SETTLED {
            count += 1.0;
            let at = |x: f64| mean_about(&maps.fused.0, x);
            let now = [mean(&maps.motion.0), at(0.5), at(0.05)];
            let sums = [&mut found.motion, &mut found.middle, &mut found.border];
            sums.into_iter().zip(now).for_each(|(sum, now)| *sum += now);
        }
    }
    Settled { motion: found.motion / count, middle: found.middle / count, border: found.border / count }
}

/// The mean of a map around a point in the middle row, with `x` in 0..=1.
fn mean_about(map: &Mat, x: f64) -> f64 {
    let size = map.size().unwrap();
    let column = (x * f64::from(size.width)) as i32;
    let part = opencv::core::Rect::new(column - 8, size.height / 2 - 8, 16, 16);
    mean(&Mat::roi(map, part).unwrap().try_clone().unwrap())
}

fn pan(index: i32) -> View {
    View { shift: Point2f::new(3.3 * index as f32 - 23.0, 1.3 * index as f32 - 9.0), ..STILL }
}

/// Asserts that nothing moves by itself and what the classifier looks at is bright.
fn assert_stands(found: &Settled, most_motion: f64) {
    let Settled { motion, middle, border } = *found;
    assert!(motion < most_motion, "motion {motion}");
    assert!(middle > 0.6 && border < 0.2, "middle {middle}, border {border}");
}

#[test]
fn a_still_scene_shows_what_the_classifier_looks_at() {
    assert_stands(&settled((0..20).map(|_| STILL), 0.0), 1e-6);
}

#[test]
fn noise_is_no_motion() {
    assert_stands(&settled((0..20).map(|_| STILL), 6.0), 0.003);
}

#[test]
fn a_pan_is_no_motion() {
    assert_stands(&settled((0..14).map(pan), 0.0), 0.005);
}

#[test]
fn a_zoom_is_no_motion() {
    assert_stands(&settled((0..14).map(|k| View { zoom: 1.15 + 0.012 * k as f32, ..STILL }), 0.0), 0.005);
}

#[test]
fn a_wall_is_dark() {
    let mut chain = Chain::new(Fusion::Adaptive);
    for index in 0..12 {
        let image = Mat::new_size_with_default(Size::new(640, 360), 16, Scalar::all(180.0)).unwrap();
        let frame = Frame { index, time: index as f64 / 24.0, image };
        let (_, maps) = chain.step(&frame, Some(&gradient(&frame, 0.0, 0.5, 0.5)));
        assert!(mean(&maps.fused.0) < 0.02, "frame {index}: {}", mean(&maps.fused.0));
    }
}

#[test]
fn no_history_locks_in() {
    // An object crosses the scene and leaves it: three seconds later the map is the same as without it.
    let scene = Scene::new(5);
    let (mut long, mut fresh) = (Chain::new(Fusion::Adaptive), Chain::new(Fusion::Adaptive));
    let mut last = [Mat::default(), Mat::default()];
    for index in 0..100 {
        let object = (index < 20).then(|| disc(index));
        let frame = scene.frame(index as u64, STILL, object);
        let gradient = gradient(&frame, 3.0, 0.5, 0.5);
        last[0] = long.step(&frame, Some(&gradient)).1.fused.0;
        if index >= 25 {
            last[1] = fresh.step(&frame, Some(&gradient)).1.fused.0;
        }
    }
    let difference = opencv::core::norm2(&last[0], &last[1], opencv::core::NORM_L1, &opencv::core::no_array()).unwrap();
    let part = difference / last[1].total() as f64 / mean(&last[1]);
    assert!(part < 0.2, "{part}");
}

fn disc(index: i32) -> Point {
    Point::new(180 + 9 * index, 150 + 3 * index)
}

#[test]
fn an_object_that_moves_against_a_pan_is_bright() {
    let (scene, mut chain) = (Scene::new(3), Chain::new(Fusion::Adaptive));
    for index in 0..16 {
        let place = disc(index);
        let frame = scene.frame(index as u64, pan(-index), Some(place));
        let lit = gradient(&frame, 3.0, place.x as f32 / 640.0, place.y as f32 / 360.0);
        let (_, maps) = chain.step(&frame, Some(&lit));
        if index as usize > SETTLED {
            let (moving, fused) = (iou(&maps.motion.0, place, 0.5), iou(&maps.fused.0, place, 0.55));
            assert!(moving > 0.7 && fused > 0.85, "frame {index}: motion {moving}, fused {fused}");
        }
    }
}

#[test]
fn a_cut_is_found_once_and_clears_all_memory() {
    let scenes = [Scene::new(11), Scene::new(12)];
    let mut chain = Chain::new(Fusion::Adaptive);
    let mut fresh = Chain::new(Fusion::Adaptive);
    let mut cuts = Vec::new();
    for index in 0..16 {
        let shot = index / 8;
        let frame = scenes[shot as usize].frame(index as u64, pan(index), Some(disc(index)));
        let gradient = gradient(&frame, 2.0, 0.4, 0.5);
        let (motion, maps) = chain.step(&frame, Some(&gradient));
        assert_eq!(motion.first, index % 8 == 0);
        assert_eq!(motion.cut, maps.cut);
        if motion.cut {
            cuts.push(index);
        }
        if shot == 1 {
            let (_, expected) = fresh.step(&frame, Some(&gradient));
            assert_same(&maps, &expected);
        }
    }
    assert_eq!(cuts, [8]);
}

fn assert_same(a: &Maps, b: &Maps) {
    for (a, b) in [(&a.static_, &b.static_), (&a.motion, &b.motion), (&a.fused, &b.fused)] {
        assert_eq!(a.0.data_typed::<f32>().unwrap(), b.0.data_typed::<f32>().unwrap());
    }
    assert_eq!(a.motion_weight, b.motion_weight);
}

#[test]
fn a_flash_is_no_cut() {
    let (scene, mut chain) = (Scene::new(5), Chain::new(Fusion::Adaptive));
    for index in 0..8 {
        let mut frame = scene.frame(index as u64, pan(index), None);
        if index == 4 {
            let mut bright = Mat::default();
            frame.image.convert_to(&mut bright, -1, 0.7, 90.0).unwrap();
            frame.image = bright;
        }
        assert!(!chain.step(&frame, None).0.cut, "cut at {index}");
    }
}

#[test]
fn the_same_frames_give_the_same_maps() {
    let run = || {
        let (scene, mut chain) = (Scene::new(9), Chain::new(Fusion::Adaptive));
        (0..6).fold(None, |_, index| {
            let frame = scene.frame(index as u64, pan(index), Some(disc(index)));
            Some(chain.step(&frame, Some(&gradient(&frame, 2.0, 0.4, 0.5))).1)
        })
    };
    assert_same(&run().unwrap(), &run().unwrap());
}

#[test]
fn half_the_frames_have_the_same_residual() {
    let scene = Scene::new(13);
    let residual = |step: usize| {
        let mut estimator = MotionEstimator::new(RATE).unwrap();
        let frames = (0..=8).step_by(step).map(|k| scene.frame(k as u64, STILL, Some(Point::new(200 + 4 * k, 180))));
        let last = frames.map(|frame| estimator.step(&frame).unwrap()).last().unwrap();
        let mut at_disc = Mat::default();
        last.residual.copy_to(&mut at_disc).unwrap();
        *at_disc.at_2d::<f32>(68, 87).unwrap()
    };
    let (all, half) = (residual(1), residual(2));
    assert!((all - 3.0).abs() < 0.3 && (half - all).abs() < 0.3, "{all} {half}");
}

#[test]
fn between_key_frames_the_static_map_is_carried() {
    let (scene, mut chain) = (Scene::new(17), Chain::new(Fusion::Static));
    let mut first = None;
    for index in 0..10 {
        let frame = scene.frame(index as u64, pan(4 * index), None);
        let key = (index == 0).then(|| gradient(&frame, 6.0, 0.4, 0.5));
        let (_, maps) = chain.step(&frame, key.as_ref());
        let peak = peak(&maps.static_.0);
        // The guided filter moves the peak, so it is compared with its first position.
        let first = *first.get_or_insert(peak);
        assert!((first.x as f32 - 0.4 * 240.0).abs() < 15.0, "{first:?}");
        let moved = pan(4 * index).shift.x - pan(0).shift.x;
        let expected = first.x as f32 + moved * 240.0 / 640.0;
        assert!((peak.x as f32 - expected).abs() < 6.0, "frame {index}: peak {peak:?}, expected x {expected}");
    }
}

#[test]
fn without_smoothing_a_static_map_is_the_frames_own() {
    let scene = Scene::new(3);
    let fuser = |smooth| Fuser::new(FuseOptions { smooth, ..FuseOptions::default() });
    let mut estimator = MotionEstimator::new(RATE).unwrap();
    let (mut own, mut averaged) = (fuser(0.0), fuser(0.5));
    for index in 0..4 {
        let frame = scene.frame(index, pan(index as i32), None);
        let motion = estimator.step(&frame).unwrap();
        let gradient = gradient(&frame, 3.0, 0.3, 0.5);
        let map = |fuser: &mut Fuser| fuser.step(&motion, Some(&gradient)).unwrap().static_.0;
        let alone = map(&mut fuser(0.85));
        let is_own = |other: Mat| alone.data_typed::<f32>().unwrap() == other.data_typed::<f32>().unwrap();
        assert!(is_own(map(&mut own)), "frame {index}");
        assert_eq!(is_own(map(&mut averaged)), index == 0, "frame {index}");
    }
}

#[test]
fn a_gradient_of_the_shot_before_is_left_out() {
    let scenes = [Scene::new(11), Scene::new(12)];
    let mut chain = Chain::new(Fusion::Static);
    let mut late = None;
    for index in 0..8 {
        let frame = scenes[index / 5].frame(index as u64, STILL, None);
        let (motion, maps) = chain.step(&frame, late.as_ref());
        assert_eq!(motion.cut, index == 5);
        assert_eq!(mean(&maps.static_.0) > 0.0, (2..5).contains(&index) || index == 7, "frame {index}");
        // Two frames late: frames 5 and 6 get gradients of the first shot.
        late = (index > 0).then(|| gradient(&scenes[0].frame(index as u64 - 1, STILL, None), 3.0, 0.5, 0.5));
    }
}

#[test]
fn both_stages_can_live_on_threads_of_their_own() {
    fn on_a_thread<T: Send>(_: &T) {}
    let chain = Chain::new(Fusion::Adaptive);
    on_a_thread(&chain.motion);
    on_a_thread(&chain.fuser);
}

fn peak(map: &Mat) -> Point {
    let mut place = Point::default();
    let smooth = {
        let mut out = Mat::default();
        let border = opencv::core::BORDER_DEFAULT;
        opencv::imgproc::gaussian_blur(map, &mut out, Size::default(), 6.0, 6.0, border).unwrap();
        out
    };
    opencv::core::min_max_loc(&smooth, None, None, None, Some(&mut place), &opencv::core::no_array()).unwrap();
    place
}

#[test]
fn any_picture_size_works() {
    for (width, height) in [(16, 16), (2000, 100), (100, 2000), (1, 1), (33, 7), (641, 359), (180, 320)] {
        let mut chain = Chain::new(Fusion::Adaptive);
        for index in 0..4 {
            let mut image = Mat::new_size_with_default(Size::new(width, height), 16, Scalar::all(80.0)).unwrap();
            opencv::core::randu(&mut image, &0.0, &255.0).unwrap();
            let frame = Frame { index, time: index as f64 / 24.0, image };
            chain.step(&frame, Some(&gradient(&frame, 1.0, 0.5, 0.5)));
        }
    }
}

#[test]
fn a_change_of_size_starts_afresh() {
    let mut chain = Chain::new(Fusion::Adaptive);
    for (index, width) in [320, 320, 240, 240].into_iter().enumerate() {
        let image = Mat::new_size_with_default(Size::new(width, 180), 16, Scalar::all(80.0)).unwrap();
        let (motion, _) = chain.step(&Frame { index: index as u64, time: index as f64 / 24.0, image }, None);
        assert_eq!((motion.first, motion.cut), ([true, false, true, false][index], index == 2));
    }
}

#[test]
fn an_empty_picture_is_an_error() {
    let frame = Frame { index: 0, time: 0.0, image: Mat::default() };
    assert!(MotionEstimator::new(RATE).unwrap().step(&frame).is_err());
}

#[test]
fn the_simple_modes_follow_their_formulas() {
    let scene = Scene::new(19);
    let [max, mean, product, static_, motion] =
        [Fusion::Max, Fusion::Mean, Fusion::Product, Fusion::Static, Fusion::Motion].map(|mode| {
            let mut chain = Chain::new(mode);
            let frames = (0..4).map(|k| scene.frame(k as u64, STILL, Some(disc(k))));
            frames.map(|frame| chain.step(&frame, Some(&gradient(&frame, 2.0, 0.4, 0.5))).1).last().unwrap()
        });
    let w = max.motion_weight;
    let values = |map: &Mat| map.data_typed::<f32>().unwrap().to_vec();
    let (s, m) = (values(&static_.fused.0), values(&motion.fused.0));
    assert_eq!((&s, &m), (&values(&max.static_.0), &values(&max.motion.0)));
    assert!(w > 0.0 && m.iter().any(|&m| m > 0.9) && s.iter().any(|&s| s > 0.6));
    for (i, (&s, &m)) in s.iter().zip(&m).enumerate() {
        assert!((values_at(&max, i) - s.max(w * m)).abs() < 1e-6);
        assert!((values_at(&mean, i) - (s + w * m) / (1.0 + w)).abs() < 1e-6);
        assert!((values_at(&product, i) - s * m).abs() < 1e-6);
    }
}

fn values_at(maps: &Maps, index: usize) -> f32 {
    maps.fused.0.data_typed::<f32>().unwrap()[index]
}
