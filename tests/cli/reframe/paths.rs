//! The path of the window.

use tempfile::tempdir;

use super::fixture::{HEIGHT, OBJECT, PLAIN, WIDTH, clip, column, crossing, cuts, path};
use crate::program::ffmpeg;

/// Largest change of the position that a smooth path has, in pixels per frame: twice the pattern's speed.
const MAX_STEP: i64 = 12;

/// A tenth of the pattern may be outside for a smoother path; twice as much if it moves fast for a short time.
const EDGE: i64 = OBJECT / 10;

#[test]
fn a_moving_object_stays_inside_and_the_window_moves_evenly() {
    let folder = tempdir().unwrap();
    crossing(folder.path(), "in.mp4");
    let (path, _) = path(folder.path(), "in.mp4 -o out.mp4");
    let (x, w) = (column(&path, "x"), column(&path, "w")[0]);
    assert_eq!((x.len(), w), (75, 202));
    for (index, x) in x.iter().enumerate() {
        let object = 40 + 6 * index as i64;
        assert!(*x <= object + EDGE && object + OBJECT <= x + w + EDGE, "frame {index}: {object} in {x} + {w}");
    }
    let steps: Vec<i64> = x.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (0..=MAX_STEP).contains(step)), "{steps:?}");
    // 1.5 widths per second squared are 1.5 pixels per frame squared; rounding adds one or two.
    assert!(steps.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= 3), "{steps:?}");
}

#[test]
fn the_window_jumps_at_cuts_and_only_there() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    // Forty cuts a minute. Backgrounds differ in colours and patterns, as shots do.
    let shots =
        [(20, 90, 160, "40+20*t"), (7, 160, 90, "500-20*t"), (40, 110, 110, "60+20*t"), (12, 170, 150, "480-20*t")];
    let mut list = String::new();
    for (index, (period, cb, cr, x)) in shots.iter().enumerate() {
        let pattern = format!("lum=128+60*sin(X/{period})*cos(Y/{period}):cb={cb}:cr={cr}");
        let background = format!("nullsrc=s=640x360:r=25:d=0.04,geq={pattern},loop=99:1");
        clip(at, &format!("{index}.mp4"), 1.5, &background, &[(*x, "140+20*t")], "");
        list += &format!("file {index}.mp4\n");
    }
    std::fs::write(at.join("list"), list).unwrap();
    ffmpeg(at, "-f concat -i list -r 25 -crf 12 in.mp4");
    let (path, said) = path(at, "in.mp4 -o out.mp4");
    let x = column(&path, "x");
    let jumps: Vec<usize> = (1..x.len()).filter(|&index| (x[index] - x[index - 1]).abs() > MAX_STEP).collect();
    assert_eq!(jumps, cuts(&path), "{x:?}");
    assert_eq!(jumps.len(), 3, "{x:?}");
    assert!(said.contains("in 4 shots"), "{said}");
}

#[test]
fn a_still_scene_has_a_still_window_even_with_noise() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i mandelbrot=s=640x360:start_scale=0.5 -frames:v 1 still.png");
    ffmpeg(at, "-loop 1 -r 25 -i still.png -t 2 -vf noise=alls=12:allf=t -pix_fmt yuv420p -crf 12 in.mp4");
    let (path, _) = path(at, "in.mp4 -o out.mp4 --zoom 1.3");
    for name in ["x", "y"] {
        let values = column(&path, name);
        assert!(values.iter().all(|value| *value == values[0]), "{name}: {values:?}");
    }
}

#[test]
fn nothing_salient_is_the_middle_and_is_said() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i color=gray:s=640x360:r=25:d=1 -pix_fmt yuv420p in.mp4");
    let (path, said) = path(folder.path(), "in.mp4 -o out.mp4");
    let (x, w) = (column(&path, "x"), column(&path, "w")[0]);
    assert!(x.iter().all(|x| (x - (WIDTH - w) / 2).abs() <= 1), "{x:?}");
    assert!(said.contains("nothing stood out in 1 of 1 shots"), "{said}");
    assert_eq!(path["shots"][0]["salient"], false);
}

#[test]
fn two_objects_that_fit_are_both_kept_and_of_two_that_do_not_one_is() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "near.mp4", 2.0, PLAIN, &[("400", "40+60*t"), ("500", "200-60*t")], "");
    let (near, _) = path(at, "near.mp4 -o out.mp4");
    let (x, w) = (column(&near, "x"), column(&near, "w")[0]);
    assert!(x.iter().all(|x| *x <= 402 && 500 + OBJECT <= x + w + 2), "both in {x:?} + {w}");
    clip(at, "far.mp4", 2.0, PLAIN, &[("20", "40+60*t"), ("540", "200-60*t")], "");
    let (far, said) = path(at, "far.mp4 -o out.mp4");
    let x = column(&far, "x");
    let (low, high) = (*x.iter().min().unwrap(), *x.iter().max().unwrap());
    assert!(high - low <= 4, "no change between them: {x:?}");
    assert!(x[0] <= 22 || 540 + OBJECT <= x[0] + w + 2, "one of them: {x:?}");
    assert!(said.contains("do not fit into the window: --pad blur"), "{said}");
}

#[test]
fn a_wide_window_moves_up_and_down() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "in.mp4", 2.0, PLAIN, &[("200+40*t", "20+110*t")], "");
    let (path, _) = path(folder.path(), "in.mp4 -o out.mp4 --aspect 4:1");
    assert_eq!((column(&path, "w")[0], column(&path, "h")[0]), (640, 160));
    assert!(column(&path, "x").iter().all(|x| *x == 0));
    for (index, y) in column(&path, "y").iter().enumerate() {
        let object = 20 + 110 * index as i64 / 25;
        assert!(
            *y <= object + 2 * EDGE && object + OBJECT <= y + 160 + 2 * EDGE,
            "frame {index}: {object} in {y} + 160"
        );
    }
}

#[test]
fn zoom_and_safe_area_keep_the_object_above_the_captions() {
    let folder = tempdir().unwrap();
    clip(folder.path(), "in.mp4", 2.0, PLAIN, &[("200+60*t", "200")], "");
    let (path, _) = path(folder.path(), "in.mp4 -o out.mp4 --zoom 1.5 --safe-area 0.3");
    let (y, h) = (column(&path, "y"), column(&path, "h")[0]);
    assert_eq!(h, 240);
    assert!(y.iter().all(|y| (0..=HEIGHT - h).contains(y)));
    assert!(y.iter().all(|y| *y <= 204 && 200 + OBJECT <= y + h * 7 / 10 + 4), "{y:?}");
}
