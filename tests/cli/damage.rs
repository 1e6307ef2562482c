//! Bytes flipped and cut off in everything that is kept: the cache, models, libraries.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::model::{model, sha256};
use crate::program::{assert_refused, ffmpeg, salstream, text};
use crate::server::Server;

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/onnx-grad/tests/fixtures/small.onnx");
/// A number of threads that disturb each other, so that the load of the machine plays no part.
fn many_threads() -> String {
    format!("--threads {}", std::thread::available_parallelism().unwrap().get() + 1)
}

/// A home folder with ONNX Runtime and a picture.
fn home() -> TempDir {
    let home = tempdir().unwrap();
    symlink(salstream::platform::dirs::libraries(), home.path().join("lib")).unwrap();
    ffmpeg(home.path(), "-f lavfi -i testsrc2=size=160x120 -frames:v 1 in.png");
    home
}

fn command(home: &Path, args: &str) -> Command {
    let mut command = salstream(home);
    command.env("SALSTREAM_HOME", home).args(args.split_whitespace());
    command
}

fn run(home: &Path, args: &str) -> Output {
    let usual = format!("run in.png -o out.png -y --preprocess unit --model {MODEL} {args}");
    command(home, &usual).output().unwrap()
}

/// What a run said that must succeed.
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr)
}

/// The file called `name` of the only entry in the cache.
fn kept(home: &Path, name: &str) -> PathBuf {
    let entries = fs::read_dir(home.join("cache/choices")).unwrap().flatten();
    let found: Vec<_> = entries.map(|entry| entry.path().join(name)).filter(|path| path.is_file()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Flips some bits in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4].iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(path, bytes).unwrap();
}

/// Changes the JSON of a kept file, and gives it a right checksum.
fn forge(path: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(path).unwrap();
    let mut value = serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    change(&mut value);
    let content = serde_json::to_string(&value).unwrap();
    fs::write(path, format!("{{\"sha256\":\"{}\"}}\n{content}", sha256(content.as_bytes()))).unwrap();
}

/// The mean difference of two pictures. Another device or precision may have been chosen, whose values differ a little.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    let [one, other] = [one, other].map(|png| image::load_from_memory(png).unwrap().to_rgb8().into_raw());
    assert_eq!(one.len(), other.len());
    let sum: u64 = one.iter().zip(&other).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / one.len() as f64
}

#[test]
fn a_damaged_entry_of_the_cache_is_made_again_and_that_is_said() {
    let home = home();
    let at = home.path();
    assert!(said(&run(at, &many_threads())).contains("measured here once"));
    let right = fs::read(at.join("out.png")).unwrap();
    assert!(!said(&run(at, &many_threads())).contains("measured here once"));
    let doctor = || text(&command(at, "doctor").output().unwrap().stdout);
    assert!(doctor().contains("1 stored choices") && !doctor().contains("damaged"), "{}", doctor());
    for (name, damage) in [
        ("gradient.onnx", &flip as &dyn Fn(&Path)),
        ("gradient.onnx", &|path| fs::write(path, "").unwrap()),
        ("gradient.onnx", &|path| fs::remove_file(path).unwrap()),
        ("selection.json", &flip),
        // A changed number is still JSON.
        ("selection.json", &|path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen("\"batch\": 1", "\"batch\": 4", 1)).unwrap();
        }),
        ("selection.json", &|path| fs::write(path, "").unwrap()),
    ] {
        damage(&kept(at, "selection.json").with_file_name(name));
        assert!(doctor().contains("1 of them damaged"), "{name}");
        fs::remove_file(at.join("out.png")).unwrap();
        let said = said(&run(at, &many_threads()));
        assert_eq!(said.matches("is damaged (wrong checksum); making it again").count(), 1, "{name}: {said}");
        let difference = difference(&fs::read(at.join("out.png")).unwrap(), &right);
        assert!(difference < 2.0, "{name}: the picture is another one: {difference}");
    }
    flip(&at.join("cache/libraries.json"));
    let said = said(&run(at, &many_threads()));
    assert!(!said.contains("damaged") && !said.contains("measured here once"), "{said}");
}

#[test]
fn a_choice_whose_device_is_gone_is_measured_again() {
    let home = home();
    let at = home.path();
    said(&run(at, &many_threads()));
    forge(&kept(at, "selection.json"), |kept| kept["candidate"]["device"] = "cuda".into());
    let gone = said(&run(at, &many_threads()));
    assert!(gone.contains("the stored choice cuda ") && gone.contains("measured here once"), "{gone}");
    assert!(!said(&run(at, &many_threads())).contains("cuda"));
    // A machine with another number of cores.
    let usual = format!("run in.png -o out.png -y --preprocess unit {} --model {MODEL}", many_threads());
    let other = command(at, &usual).env("SLURM_CPUS_PER_TASK", "1").output().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(said(&other).contains("measured here once"), cores > 1);
}

/// Programs that keep every core busy.
struct Load(Vec<std::process::Child>);

impl Load {
    fn new() -> Self {
        let busy = || Command::new("sh").args(["-c", "while :; do :; done"]).stdin(Stdio::null()).spawn().unwrap();
        let cores = std::thread::available_parallelism().unwrap().get();
        Self((0..2 * cores).map(|_| busy()).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
#[ignore = "needs permission for real-time scheduling"]
fn what_was_measured_beside_other_programs_is_measured_again_on_a_quiet_machine() {
    let home = home();
    let at = home.path();
    let load = Load::new();
    let is_disturbed = |said: &str| said.contains("measured again when the machine is quiet");
    let mut first = said(&run(at, "--threads 1"));
    // So short a measurement may fall between two turns of the busy programs.
    for _ in 0..9 {
        if is_disturbed(&first) {
            break;
        }
        first = said(&run(at, "--threads 1 --remeasure"));
    }
    assert!(
        first.contains("measured here once") && first.contains("measured again when the machine is quiet"),
        "{first}"
    );
    let second = said(&run(at, "--threads 1"));
    assert!(second.contains("it is measured again when") && !second.contains("measured here once"), "{second}");
    // Real-time scheduling makes any machine a quiet one for this program.
    let quiet = || {
        let usual = command(at, "").get_program().to_owned();
        let args = format!("run in.png -o out.png -y --preprocess unit --threads 1 --model {MODEL}");
        let mut command = Command::new("chrt");
        command.current_dir(at).env("SALSTREAM_HOME", at).args(["-f", "1"]).arg(usual).args(args.split_whitespace());
        said(&command.output().unwrap())
    };
    let again = quiet();
    assert!(again.contains("measuring again, because the machine is quiet now"), "{again}");
    assert!(again.contains("measured here once") && !again.contains("other programs ran meanwhile"), "{again}");
    assert!(!quiet().contains("note: the stored choice"), "and then no more");
    drop(load);
}

#[test]
fn a_damaged_library_is_named_before_it_is_loaded() {
    let home = tempdir().unwrap();
    let at = home.path();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120 -frames:v 1 in.png");
    fs::create_dir(at.join("lib")).unwrap();
    let installed = salstream::platform::dirs::libraries();
    let listed = fs::read_to_string(installed.join("SHA256SUMS")).unwrap();
    let name = |line: &str| line.split_whitespace().nth(1).unwrap().to_owned();
    let (main, other) = ("libonnxruntime.so", "libonnxruntime_providers_shared.so");
    let few: Vec<_> = listed.lines().filter(|line| line.contains(main) || line.contains(other)).collect();
    for line in &few {
        fs::copy(installed.join(name(line)), at.join("lib").join(name(line))).unwrap();
    }
    fs::write(at.join("lib/SHA256SUMS"), few.join("\n") + "\n").unwrap();
    let library = at.join("lib").join(name(few.iter().find(|line| line.contains(main)).unwrap()));
    let whole = fs::read(&library).unwrap();
    let doctor = || command(at, "doctor").output().unwrap();
    let is_right = || text(&doctor().stdout).contains("its checksum is correct");

    said(&run(at, "--device cpu"));
    assert!(is_right() && at.join("cache/libraries.json").is_file());
    for damaged in [&library, &at.join("lib").join(other)] {
        let right = fs::read(damaged).unwrap();
        flip(damaged);
        let file = damaged.file_name().unwrap().to_str().unwrap();
        let words = ["ONNX Runtime", file, "is damaged", "SHA256SUMS", "salstream setup"];
        assert_refused(&run(at, "--device cpu"), 1, &words);
        assert!(doctor().status.code() == Some(1) && text(&doctor().stdout).contains("is damaged"));
        fs::write(damaged, right).unwrap();
        said(&run(at, "--device cpu"));
    }
    // Without checksums, a library that is cut off is noticed.
    fs::remove_file(at.join("lib/SHA256SUMS")).unwrap();
    said(&run(at, "--device cpu"));
    assert!(text(&doctor().stdout).contains("its checksum is not known"));
    for length in [whole.len() / 2, whole.len() - 1, 1000, 10, 0] {
        fs::write(&library, &whole[..length]).unwrap();
        assert_refused(&run(at, "--device cpu"), 1, &["ONNX Runtime", library.to_str().unwrap()]);
    }
}

#[test]
fn a_damaged_model_is_refused_and_listed_as_damaged() {
    let home = home();
    let at = home.path();
    fs::create_dir(at.join("models")).unwrap();
    let list = |name: &str| {
        let listed = text(&command(at, "model list").output().unwrap().stdout);
        listed.lines().find(|row| row.starts_with(name)).unwrap().to_owned()
    };
    let usual = "run in.png -o out.png -y --preprocess unit --threads 1";
    for name in ["efficientnet-lite0", "my"] {
        let path = at.join(format!("models/{name}.onnx"));
        match name {
            "my" => {
                let server = Server::always("200 OK", "", &model());
                said(&command(at, &format!("model pull my --url {}", server.address)).output().unwrap());
            }
            _ => drop(fs::copy(salstream::platform::dirs::models().join(format!("{name}.onnx")), &path).unwrap()),
        }
        assert!(list(name).contains("  yes"), "{}", list(name));
        said(&command(at, &format!("{usual} --model {name} --device cpu")).output().unwrap());
        flip(&path);
        assert!(list(name).contains("damaged: "), "{}", list(name));
        for device in ["", "--device cpu"] {
            let output = command(at, &format!("{usual} --model {name} {device}")).output().unwrap();
            assert_refused(&output, 1, &[name, "is damaged", "checksum"]);
        }
        let doctor = command(at, "doctor").output().unwrap();
        assert_eq!(doctor.status.code(), Some(1));
        assert!(text(&doctor.stdout).contains(&format!("{name}.onnx is damaged")), "{}", text(&doctor.stdout));
        fs::remove_file(path).unwrap();
    }
}
