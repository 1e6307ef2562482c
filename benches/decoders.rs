//! Frames per second of both decoders, in turns, on the sample at three sizes (8-bit H.264 in BT.709):
//! `cargo bench --bench decoders`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use salstream::source::{self, DecoderKind, Input, SourceOptions};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/sample.mp4");
const SIZES: [(u32, u32); 3] = [(854, 480), (1920, 1080), (3840, 2160)];
const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    println!("{:<10} {:>12} {:>12} {:>8}", "size", "opencv fps", "ffmpeg fps", "ratio");
    for (width, height) in SIZES {
        let clip = folder.path().join(format!("{height}.mp4"));
        scaled(&clip, width, height);
        let mut fps = [DecoderKind::OpenCv, DecoderKind::Ffmpeg].map(|decoder| (decoder, Vec::new()));
        for _ in 0..ROUNDS {
            fps.iter_mut().for_each(|(decoder, rounds)| rounds.push(read(&clip, *decoder)));
        }
        let [opencv, ffmpeg] = fps.map(|(_, rounds)| median(rounds));
        println!("{:<10} {opencv:>12.1} {ffmpeg:>12.1} {:>8.2}", format!("{width}x{height}"), ffmpeg / opencv);
    }
}

/// Writes the first four seconds of the sample, scaled, to `clip`.
fn scaled(clip: &Path, width: u32, height: u32) {
    let filter = format!("scale={width}:{height}:out_color_matrix=bt709");
    let coded = ["-t", "4", "-an", "-vf", &filter, "-colorspace", "bt709", "-c:v", "libx264", "-preset", "veryfast"];
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-y", "-i", SAMPLE]).args(coded).arg(clip);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success());
}

/// Frames per second of reading all of `clip`, with opening it.
fn read(clip: &Path, decoder: DecoderKind) -> f64 {
    let options = SourceOptions { decoder, ..SourceOptions::default() };
    let started = Instant::now();
    let mut source = source::open(&Input::Video(clip.to_owned()), &options).expect("the clip opens");
    let mut frames = 0;
    while source.read().expect("the clip is whole").is_some() {
        frames += 1;
    }
    assert!(frames > 90, "{decoder:?}: {frames} frames");
    f64::from(frames) / started.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
