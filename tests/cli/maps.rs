//! The maps of a run as one array for the whole clip, and their size.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::program::{assert_refused, ffmpeg, interrupt, names, probe, salstream, text};
use half::f16;
use tempfile::{TempDir, tempdir};

/// A NumPy array of any shape.
struct Array {
    dtype: String,
    shape: Vec<usize>,
    data: Vec<u8>,
}

impl Array {
    /// Reads a file of format version 1.0, whose data must be as long as its header says.
    fn read(file: &Path) -> Self {
        let bytes = fs::read(file).unwrap();
        assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00", "{}", file.display());
        let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let (header, data) = bytes[10..].split_at(length);
        assert_eq!((10 + length) % 64, 0);
        let header = String::from_utf8(header.to_vec()).unwrap();
        let between = |from: &str, to: &str| header.split(from).nth(1).unwrap().split(to).next().unwrap().to_owned();
        assert_eq!(between("'fortran_order': ", ","), "False");
        let dtype = between("'descr': '", "'");
        let shape: Vec<usize> =
            between("'shape': (", ")").split(", ").filter(|n| !n.is_empty()).map(|n| n.parse().unwrap()).collect();
        let width = dtype[2..].parse::<usize>().unwrap();
        assert_eq!(data.len(), shape.iter().product::<usize>() * width, "{}: {header}", file.display());
        Self { dtype, shape, data: data.to_vec() }
    }

    /// The values; bytes are divided by 255.
    fn values(&self) -> Vec<f32> {
        match self.dtype.as_str() {
            "<f4" => self.data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
            "<f2" => self.data.chunks_exact(2).map(|b| f16::from_le_bytes(b.try_into().unwrap()).to_f32()).collect(),
            "|u1" => self.data.iter().map(|&byte| f32::from(byte) / 255.0).collect(),
            other => panic!("{other}"),
        }
    }
}

/// Six frames of a moving test picture of 320 x 180 pixels.
fn clip() -> TempDir {
    let folder = tempdir().unwrap();
    let source = "-f lavfi -i testsrc2=size=320x180:rate=25 -frames:v 6 -pix_fmt yuv420p";
    ffmpeg(folder.path(), &format!("{source} clip.mp4"));
    folder
}

fn run(folder: &Path, args: &str) -> Output {
    let args = format!("run {args} -o out.mp4 -y --device cpu");
    salstream(folder).args(args.split_whitespace()).output().unwrap()
}

fn succeed(folder: &Path, args: &str) {
    let output = run(folder, args);
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn one_array_holds_the_maps_of_all_frames() {
    let folder = clip();
    let at = folder.path();
    for (size, shape) in [("source", [180, 320]), ("native", [135, 240])] {
        succeed(at, &format!("clip.mp4 --maps {size} --map-format npy --map-size {size}"));
        succeed(at, &format!("clip.mp4 --maps {size}-half.npy --map-size {size}"));
        succeed(at, &format!("clip.mp4 --maps {size}-byte.npy --map-size {size} --map-dtype uint8"));
        let maps: Vec<Array> =
            names(&at.join(size)).iter().map(|name| Array::read(&at.join(size).join(name))).collect();
        assert!(maps.len() == 6 && maps.iter().all(|map| map.shape == shape && map.dtype == "<f4"), "{size}");
        let values: Vec<f32> = maps.iter().flat_map(Array::values).collect();
        assert!(values.iter().any(|value| *value > 0.5), "{size}: the maps are dark");
        // Half precision has 11 significant bits; bytes are rounded.
        for (kind, dtype, precision) in [("half", "<f2", 0.5f32.powi(12)), ("byte", "|u1", 0.501 / 255.0)] {
            let array = Array::read(&at.join(format!("{size}-{kind}.npy")));
            assert_eq!((array.dtype.as_str(), &array.shape[..]), (dtype, &[6, shape[0], shape[1]][..]));
            let off = largest_difference(&array.values(), &values);
            assert!(off <= precision, "{size} {kind}: {off}");
        }
    }
    assert_eq!(names(at).len(), 2 + 6, "{:?}", names(at));
}

#[test]
fn maps_of_native_size_can_be_pictures_and_keep_their_size_between_bars() {
    let folder = clip();
    let at = folder.path();
    succeed(at, "clip.mp4 --maps maps --map-size native");
    let picture = image::open(at.join("maps/000003.png")).unwrap();
    assert_eq!((picture.width(), picture.height()), (240, 135));
    // A picture of 120 x 180 between bars is analysed at a height of 240.
    let bars = "scale=640:360,crop=240:360,scale=120:180,pad=320:180:100:0";
    ffmpeg(at, &format!("-i clip.mp4 -vf {bars} -crf 10 bars.mp4"));
    succeed(at, "bars.mp4 --maps bars.npy --map-size native");
    let array = Array::read(&at.join("bars.npy"));
    assert_eq!(array.shape, [6, 135, 240]);
    let last = &array.values()[5 * 135 * 240..];
    let bars = last.chunks_exact(240).flat_map(|row| row[..70].iter().chain(&row[170..]));
    assert_eq!(bars.fold(0.0, |peak: f32, value| peak.max(*value)), 0.0, "the bars are left out of the analysis");
    assert!(last.iter().any(|value| *value > 0.0));
}

#[test]
fn a_batch_writes_maps_of_native_size() {
    let folder = clip();
    let args = "batch clip.mp4 -o out --device cpu --jobs 1 --maps --map-format npy --map-size native";
    let output = salstream(folder.path()).args(args.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let maps = folder.path().join("out/clip.maps");
    assert_eq!(names(&maps).len(), 6);
    assert_eq!(Array::read(&maps.join("000005.npy")).shape, [135, 240]);
}

#[test]
fn a_clip_that_breaks_off_leaves_a_shorter_array() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 4 in/%d.png");
    fs::write(at.join("in/3.png"), "no image").unwrap();
    assert_refused(&run(at, "in --maps maps.npy"), 1, &["3.png", "out.mp4"]);
    assert_eq!(Array::read(&at.join("maps.npy")).shape, [2, 120, 160]);
    succeed(at, "in --maps maps.npy --duration 0.04");
    assert_eq!(Array::read(&at.join("maps.npy")).shape, [1, 120, 160], "-y replaces the array");
    assert_eq!(names(at), ["in", "maps.npy", "out.mp4"]);
}

#[test]
fn an_interrupted_run_leaves_an_array_as_long_as_its_video() {
    let folder = tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sample.mp4");
    let mut command = salstream(folder.path());
    command.arg("run").arg(sample).args(["-o", "out.mp4", "--maps", "maps.npy", "--map-dtype", "uint8"]);
    let mut child = command.args(["--progress", "json"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.by_ref().map(Result::unwrap).find(|line| line.contains(r#""event":"progress""#)).expect("progress");
    interrupt(&child.id().to_string());
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let frames: usize = probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets").parse().unwrap();
    assert!((1..250).contains(&frames), "{frames} frames");
    assert_eq!(Array::read(&folder.path().join("maps.npy")).shape, [frames, 480, 854]);
}

#[test]
fn a_name_that_does_not_fit_the_format_is_refused_before_the_work() {
    let folder = clip();
    let at = folder.path();
    fs::write(at.join("old.npy"), "precious").unwrap();
    fs::create_dir(at.join("folder.npy")).unwrap();
    // The model is missing too; its error would come first if any work were done.
    for (args, words) in [
        ("--maps maps.npy --map-format png", ["--map-format png", "folder"]),
        ("--maps maps --map-dtype uint8", ["--map-dtype", ".npy"]),
        ("--maps folder.npy --map-dtype uint8", ["--map-dtype", ".npy"]),
        ("--maps old.npy", ["old.npy", "exists"]),
        ("--maps missing/maps.npy", ["missing", "folder"]),
    ] {
        let args = format!("run clip.mp4 -o out.mp4 --model missing.onnx {args}");
        let output = salstream(at).args(args.split_whitespace()).output().unwrap();
        let status = if args.contains("missing/") { 1 } else { 2 };
        assert_refused(&output, status, &words);
    }
    assert_eq!(names(at), ["clip.mp4", "folder.npy", "old.npy"]);
    succeed(at, "clip.mp4 --maps folder.npy --duration 0.04");
    assert_eq!(names(&at.join("folder.npy")), ["000000.png"], "an existing folder is a folder");
}
