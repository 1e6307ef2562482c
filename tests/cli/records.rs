//! The records of a run: what they say of a frame, as JSON lines, as CSV and on standard output.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Output, Stdio};

use crate::program::{assert_refused, ffmpeg, names, probe, salstream, text};
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// Seconds, frames per second and size of the clip.
const CLIP: &str = "duration=0.8:rate=25:size=320x180";
/// Pixels per second at which the square moves to the right.
const SPEED: f64 = 100.0;

/// A clip in which a textured square moves over a still texture.
fn moving_square() -> TempDir {
    let folder = tempdir().unwrap();
    let source = format!(
        "-f lavfi -i nullsrc={CLIP},geq=lum='128+60*sin(X/3)*cos(Y/4)':cb=128:cr=128 \
         -f lavfi -i nullsrc=duration=0.8:rate=25:size=60x60,geq=lum='60+mod(X*7+Y*13\\,160)':cb=90:cr=170 \
         -filter_complex [0][1]overlay=x=60+{SPEED}*t:y=60:eval=frame,format=yuv420p"
    );
    ffmpeg(folder.path(), &format!("{source} -c:v libx264 -crf 10 clip.mp4"));
    folder
}

fn run(folder: &Path, args: &str) -> Output {
    let args = format!("run clip.mp4 -y --device cpu {args}");
    let output = salstream(folder).args(args.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    output
}

fn parse(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn magnitudes_scores_and_regions_are_recorded() {
    let folder = moving_square();
    let at = folder.path();
    run(at, "-o out.mp4 --records out.jsonl");
    let records = parse(&fs::read_to_string(at.join("out.jsonl")).unwrap());
    assert_eq!(records.len(), 20);
    assert!(records[0]["motion_speed_mean"].is_null(), "the first frame's motion is unknown");
    for record in &records {
        let [mean, peak] = ["gradient_mean", "gradient_peak"].map(|key| number(&record[key]));
        assert!(0.0 < mean && mean < peak && peak != 1.0, "{record}");
        let (probability, logit) = (number(&record["probability"]), number(&record["logit"]));
        assert!((0.0..=1.0).contains(&probability) && logit > probability.ln(), "{record}");
    }
    let gradients: Vec<f64> = records.iter().map(|record| number(&record["gradient_peak"])).collect();
    assert!(gradients.iter().any(|value| *value != gradients[0]), "{gradients:?}");
    for (index, record) in records.iter().enumerate().skip(6) {
        let [mean, peak] = ["motion_speed_mean", "motion_speed_peak"].map(|key| number(&record[key]));
        assert!((0.7 * SPEED..2.0 * SPEED).contains(&peak), "frame {index}: {peak} pixels per second");
        // The square covers a sixteenth of the picture.
        assert!((0.02 * SPEED..0.3 * SPEED).contains(&mean), "frame {index}: {mean} pixels per second");
        let regions = record["regions"].as_array().unwrap();
        let [x, y, width, height] = [0, 1, 2, 3].map(|i| number(&regions[0]["box"][i]));
        let middle = 60.0 + 30.0 + SPEED * number(&record["time"]);
        assert!((x + width / 2.0 - middle).abs() < 15.0 && (y + height / 2.0 - 90.0).abs() < 15.0, "{record}");
        assert!((40.0..100.0).contains(&width) && (40.0..100.0).contains(&height), "{record}");
        let [cx, cy] = [0, 1].map(|i| number(&regions[0]["centroid"][i]));
        assert!((cx - middle).abs() < 12.0 && (cy - 90.0).abs() < 12.0, "{record}");
        let area = number(&regions[0]["area"]);
        assert!(area <= width * height / (320.0 * 180.0) && area > 0.4 / 16.0, "{record}");
        let strength = |region: &Value| number(&region["mean"]) * number(&region["area"]);
        assert!(regions.is_sorted_by(|a, b| strength(a) >= strength(b)), "{record}");
        assert!(regions.iter().all(|region| number(&region["mean"]) > 0.5), "{record}");
    }
}

#[test]
fn csv_holds_the_same_records() {
    let folder = moving_square();
    let at = folder.path();
    run(at, "-o out.mp4 --records out.jsonl");
    run(at, "-o out.mp4 --records out.csv");
    let lines = parse(&fs::read_to_string(at.join("out.jsonl")).unwrap());
    let mut table = csv::Reader::from_path(at.join("out.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!((lines.len(), rows.len(), header.len()), (20, 20, lines[0].as_object().unwrap().len()));
    for (line, row) in lines.iter().zip(&rows) {
        for (key, cell) in header.iter().zip(row).filter(|(key, _)| !key.starts_with("ms_")) {
            match &line[key] {
                Value::Null => assert_eq!(cell, "", "{key}"),
                Value::String(text) => assert_eq!(cell, text, "{key}"),
                value => assert_eq!(&serde_json::from_str::<Value>(cell).expect(cell), value, "{key}"),
            }
        }
    }
    assert!(rows.iter().any(|row| row.iter().next_back().unwrap().starts_with(r#"[{"box":["#)));
}

#[test]
fn a_clip_in_which_nothing_stands_out_has_no_regions() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i color=gray:size=160x120:rate=25 -frames:v 3 -pix_fmt yuv420p clip.mp4");
    run(folder.path(), "-o out.mp4 --records out.jsonl");
    for record in parse(&fs::read_to_string(folder.path().join("out.jsonl")).unwrap()) {
        assert_eq!((record["regions"].as_array().unwrap().len(), number(&record["fused_peak"]) <= 0.5), (0, true));
    }
}

#[test]
fn records_on_standard_output_are_the_same_and_nothing_else_is_there() {
    let folder = moving_square();
    let at = folder.path();
    run(at, "-o out.mp4 --records out.jsonl");
    let streamed = run(at, "-o out.mp4 --records -");
    let untimed = |text: &str| {
        let mut records = parse(text);
        for record in &mut records {
            record.as_object_mut().unwrap().retain(|key, _| !key.starts_with("ms_"));
        }
        records
    };
    let file = fs::read_to_string(at.join("out.jsonl")).unwrap();
    assert_eq!(untimed(&text(&streamed.stdout)), untimed(&file));
    assert!(text(&streamed.stderr).contains("20 frames in "), "messages stay on standard error");
    assert_eq!(names(at), ["clip.mp4", "out.jsonl", "out.mp4"]);
}

#[test]
fn a_reader_of_the_records_may_leave_early() {
    let folder = moving_square();
    let args = "run clip.mp4 -y --device cpu -o out.mp4 --records -";
    let mut child = salstream(folder.path());
    let child = child.args(args.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    assert_eq!(parse(&first)[0]["index"], 0);
    assert!(!folder.path().join("out.mp4").exists(), "the first record comes before the end of the run");
    drop(lines);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
    assert!(!said.contains("error") && !said.contains("panicked"), "{said}");
    assert_eq!(probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets"), "20");
}

#[test]
fn a_full_standard_output_is_an_error() {
    let folder = moving_square();
    let args = "run clip.mp4 --device cpu -o out.mp4 --records -";
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = salstream(folder.path()).args(args.split_whitespace()).stdout(full).output().unwrap();
    assert_refused(&output, 1, &["standard output"]);
    assert_eq!(names(folder.path()), ["clip.mp4"]);
}

#[test]
fn two_outputs_cannot_share_standard_output() {
    let folder = moving_square();
    let output = salstream(folder.path()).args(["run", "clip.mp4", "-o", "-", "--records", "-"]).output().unwrap();
    assert_refused(&output, 2, &["-o -", "--records -", "standard output"]);
    assert!(output.stdout.is_empty());
}
