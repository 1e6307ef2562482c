//! Time per frame of each stage of the pipeline alone, at three picture sizes:
//! `cargo bench --bench stages [-- FILTER]`.
//!
//! Frames are those of the sample, scaled. The stages run as in `salstream run`, each on one frame after another.

use std::path::Path;
use std::time::Duration;

use clap::Parser;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use opencv::core::{Mat, Size, set_num_threads};
use opencv::imgproc;
use salstream::annotate::Annotator;
use salstream::cli::{Cli, Command};
use salstream::colour::ColourTags;
use salstream::commands::run::config::RunConfig;
use salstream::frame::{Frame, Gradient, Maps, VideoInfo};
use salstream::fuse::{Fuser, InverseWarp, look_ahead};
use salstream::motion::{FrameMotion, MotionEstimator};
use salstream::saliency::StaticSaliency;
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::source;

const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/sample.mp4");
const FRAMES: usize = 50;
const SIZES: [Size; 3] = [Size::new(854, 480), Size::new(1920, 1080), Size::new(3840, 2160)];

/// The settings of `salstream run` on the sample.
fn config() -> RunConfig {
    match Cli::parse_from(["salstream", "run", CLIP]).command {
        Command::Run(args) => RunConfig::try_from(*args).expect("the defaults are valid"),
        _ => unreachable!("the command is run"),
    }
}

/// The first frames of the sample, resized to `size`.
fn frames(config: &RunConfig, size: Size) -> (Vec<Frame>, VideoInfo) {
    let mut source = source::open(&config.input, &config.source).expect("the sample opens");
    let mut frames = Vec::new();
    while let (true, Some(frame)) = (frames.len() < FRAMES, source.read().expect("the sample is whole")) {
        let mut image = Mat::default();
        imgproc::resize(&frame.image, &mut image, size, 0.0, 0.0, imgproc::INTER_CUBIC)
            .expect("the frame can be resized");
        frames.push(Frame { image, ..frame });
    }
    (frames, VideoInfo { size, ..source.info().clone() })
}

/// Measures `step`, which is called with the index of each frame in turn.
fn each(group: &mut BenchmarkGroup<WallTime>, name: &str, mut step: impl FnMut(usize)) {
    let mut turn = (0..FRAMES).cycle();
    group.bench_function(name, |b| b.iter(|| step(turn.next().unwrap_or(0))));
}

fn stages(criterion: &mut Criterion) {
    let config = config();
    set_num_threads(config.threads as i32).expect("OpenCV accepts a number of threads");
    let mut classifier = StaticSaliency::open(&config.model).expect("salstream setup installs a model");
    for size in SIZES {
        let (frames, info) = frames(&config, size);
        let group = &mut criterion.benchmark_group(format!("{}x{}", size.width, size.height));
        let batch = classifier.batch();
        let explain = |classifier: &mut StaticSaliency, from: usize| -> Vec<Gradient> {
            let chosen: Vec<&Frame> = (from..from + batch).map(|index| &frames[index % FRAMES]).collect();
            classifier.gradients(&chosen).expect("the classifier runs")
        };
        each(group, &format!("static, {batch} at once"), |index| drop(explain(&mut classifier, index)));
        let gradients: Vec<Gradient> =
            (0..FRAMES).map(|index| explain(&mut classifier, index).swap_remove(0)).collect();
        let mut motion = MotionEstimator::new(info.rate).expect("OpenCV has optical flow");
        each(group, "motion", |index| drop(motion.step(&frames[index]).expect("frames can be followed")));
        let motions: Vec<FrameMotion> =
            frames.iter().map(|frame| motion.step(frame).expect("frames can be followed")).collect();
        let mut fuser = Fuser::new(config.fusion);
        let mut fuse = |index: usize| fuser.step(&motions[index], Some(&gradients[index])).expect("maps can be fused");
        each(group, "fuse", |index| drop(fuse(index)));
        let maps: Vec<Maps> = (0..FRAMES).map(&mut fuse).collect();
        let sight = |index: usize| InverseWarp::of(&motions[index]).expect("the flow can be inverted");
        let sights: Vec<InverseWarp> = (0..FRAMES).map(sight).collect();
        each(group, "look ahead", |index| {
            let own = sight(index);
            let later = (index + 1..FRAMES.min(index + 3)).map(|next| (&motions[next], &maps[next], &sights[next]));
            let frames = std::iter::once((&motions[index], &maps[index], &own)).chain(later);
            drop(look_ahead(frames).expect("maps can be warped"));
        });
        let mut annotator = Annotator::new(config.style, &info, 1).expect("the colour map is available");
        let label = ["a label 50 %".to_owned()];
        let mut draw =
            |index: usize| annotator.draw(frames[index].clone(), &maps[index], &label).expect("maps can be drawn");
        each(group, "draw", |index| drop(draw(index)));
        let pictures: Vec<Mat> = (0..FRAMES).map(draw).collect();
        encode(group, &info, &pictures);
    }
}

/// Measures the encoder. Its full pipe sets the pace.
fn encode(group: &mut BenchmarkGroup<WallTime>, info: &VideoInfo, pictures: &[Mat]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options =
        EncodeOptions { format: None, crf: 20, overwrite: true, passthrough: None, colour: ColourTags::BT709 };
    let path: &Path = &folder.path().join("bench.mp4");
    let mut sink = VideoSink::create(path, info.size, info.rate, options).expect("the encoder starts");
    let mut count = 0;
    each(group, "encode", |index| {
        sink.write(&pictures[index], f64::from(count) * info.rate.interval()).expect("the encoder accepts the picture");
        count += 1;
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = stages
}
criterion_main!(benches);
