//! Values that can be computed by hand.

use std::fs;

use tempfile::tempdir;

use super::fixture::{
    FRAMES, HEIGHT, SIDE, WIDTH, arrays, assert_near, davis, deep_maps, eval, evaluated, figure, frames, masks,
    palette_masks,
};
use crate::program::{names, text};

/// The share of a frame that the object covers.
const SHARE: f64 = (SIDE * SIDE) as f64 / (WIDTH * HEIGHT) as f64;

#[test]
fn a_perfect_map_a_shifted_one_and_the_baselines() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    davis(at);
    for name in ["left", "right"] {
        masks(&at.join("perfect").join(name), 0, 255);
        masks(&at.join("shifted").join(name), 5, 255);
    }
    let (table, json) = evaluated(
        at,
        "davis --score centre,uniform,flow --pred perfect=perfect --pred shifted=shifted --csv figures.csv",
    );
    for measure in ["j_mean", "f_mean", "j_and_f", "j_best", "j_otsu", "f_beta_max", "j_recall"] {
        assert_near(figure(&json, "perfect", measure), 1.0);
    }
    assert_near(figure(&json, "perfect", "mae"), 0.0);
    // The intersection has 15 columns, the union 25.
    assert_near(figure(&json, "shifted", "j_mean"), 0.6);
    assert_near(figure(&json, "shifted", "mae"), f64::from(2 * 5 * SIDE) / f64::from(WIDTH * HEIGHT));
    assert_near(figure(&json, "uniform", "j_mean"), SHARE);
    assert_near(figure(&json, "uniform", "mae"), 1.0 - SHARE);
    assert_near(figure(&json, "uniform", "warping_error"), 0.0);
    // If several pixels share the maximum, the share of them on the object counts.
    assert_near(figure(&json, "perfect", "pointing"), 1.0);
    assert_near(figure(&json, "shifted", "pointing"), 0.75);
    assert_near(figure(&json, "uniform", "pointing"), SHARE);
    assert!(figure(&json, "centre", "j_best") > figure(&json, "uniform", "j_best"));

    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert_eq!(row("perfect").split_whitespace().nth(1), Some("1.000"));
    assert_eq!(row("shifted").split_whitespace().nth(1), Some("0.600"));
    assert!(table.contains("centre by sequence") && table.contains("centre against perfect"), "{table}");

    let method = &json["methods"][4];
    assert_eq!((&method["name"], &method["sequences"][1]["name"]), (&"shifted".into(), &"right".into()));
    assert_eq!(method["sequences"][1]["frames"].as_array().unwrap().len(), FRAMES as usize);
    assert_near(method["sequences"][1]["frames"][2]["j"].as_f64().unwrap(), 0.6);
    assert!(method["sequences"][0]["frames"][0]["warping_error"].is_null(), "a first frame has no frame before it");
    assert_eq!(method["curves"]["j"].as_array().unwrap().len(), 256);
    let against = json["comparisons"].as_array().unwrap();
    let against = against.iter().find(|one| one["other"] == "perfect" && one["measure"] == "j_mean").unwrap();
    assert_eq!((&against["pairs"], &against["exact"]), (&2.into(), &true.into()));
    assert_near(against["p"].as_f64().unwrap(), 0.5);

    let mut rows = csv::Reader::from_path(at.join("figures.csv")).unwrap();
    assert_eq!(rows.headers().unwrap(), vec!["method", "sequence", "frame", "measure", "value", "low", "high"]);
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let j = rows.iter().filter(|row| &row[0] == "shifted" && &row[3] == "j").count();
    assert_eq!(j, 2 * FRAMES as usize);
}

#[test]
fn every_kind_of_file_says_the_same() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    masks(&at.join("byte"), 0, 255);
    masks(&at.join("one"), 0, 1);
    palette_masks(&at.join("palette"));
    masks(&at.join("maps8"), 5, 255);
    deep_maps(&at.join("maps16"), 5);
    arrays(&at.join("floats"), 5, 1.0);
    for truth in ["byte", "one", "palette"] {
        let args = format!("frames --truth {truth} --score none --pred a=maps8 --pred b=maps16 --pred c=floats");
        let (_, json) = evaluated(at, &args);
        ["a", "b", "c"].iter().for_each(|name| assert_near(figure(&json, name, "j_mean"), 0.6));
    }
}

#[test]
fn the_threshold_the_ends_and_the_choice_of_sequences() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    davis(at);
    ["left", "right"].iter().for_each(|name| arrays(&at.join("half").join(name), 5, 0.5));
    let run = |args: &str| evaluated(at, &format!("davis --score none --pred half=half {args}")).1;
    assert_near(figure(&run(""), "half", "j_mean"), 0.0);
    assert_near(figure(&run(""), "half", "j_best"), 0.6);
    assert_near(figure(&run("--threshold 0.5"), "half", "j_mean"), 0.6);
    assert_near(figure(&run("--stretch"), "half", "mae"), 200.0 / f64::from(WIDTH * HEIGHT));
    let inner = run("--skip-ends --sequence right");
    let sequences = inner["methods"][0]["sequences"].as_array().unwrap();
    assert_eq!((sequences.len(), &sequences[0]["name"]), (1, &"right".into()));
    let scored: Vec<_> = sequences[0]["frames"].as_array().unwrap().iter().map(|frame| &frame["name"]).collect();
    assert_eq!(scored, ["00001", "00002"]);
    fs::create_dir_all(at.join("davis/ImageSets/480p")).unwrap();
    fs::write(at.join("davis/ImageSets/480p/val.txt"), "/JPEGImages/480p/left/00000.jpg /Annotations/x.png\n").unwrap();
    assert_eq!(run("--list val")["dataset"]["sequences"][0]["name"], "left");
}

#[test]
fn kept_maps_score_the_same_again() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    davis(at);
    let (table, first) = evaluated(at, "davis --score fused,static,motion --keep-maps kept");
    assert!(table.contains("efficientnet-lite0"), "{table}");
    assert_eq!(names(at), ["davis", "figures.json", "kept"]);
    assert_eq!(names(&at.join("kept/static/right")), ["00000.png", "00001.png", "00002.png", "00003.png"]);
    let (_, again) = evaluated(at, "davis --score none --pred fused=kept/fused --pred static=kept/static");
    for (method, measure) in
        [("fused", "j_mean"), ("static", "mae"), ("static", "j_best"), ("fused", "f_beta_weighted")]
    {
        let (first, again) = (figure(&first, method, measure), figure(&again, method, measure));
        assert!((first - again).abs() < 2e-3, "{method} {measure}: {first} and then {again}");
    }
}

#[test]
fn fixations_have_measures_of_their_own() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("set/stimuli"));
    masks(&at.join("set/fixation_maps"), 0, 255);
    masks(&at.join("perfect"), 0, 255);
    let (table, json) = evaluated(at, "set --score centre,uniform --pred perfect=perfect --keep-maps kept");
    assert!(table.contains("4 pictures") && table.contains("NSS") && !table.contains("J-rec"), "{table}");
    assert_near(figure(&json, "perfect", "cc"), 1.0);
    assert_near(figure(&json, "perfect", "sim"), 1.0);
    // The map has two values: its mean is the object's share, and the object lies this many standard deviations above
    // it.
    assert_near(figure(&json, "perfect", "nss"), ((1.0 - SHARE) / SHARE).sqrt());
    assert_near(figure(&json, "uniform", "nss"), 0.0);
    assert_near(figure(&json, "uniform", "auc"), 0.5);
    assert_eq!(names(&at.join("kept/centre")), ["00000.png", "00001.png", "00002.png", "00003.png"]);
}

#[test]
fn the_page_stands_alone() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    davis(at);
    ["left", "right"].iter().for_each(|name| masks(&at.join("a & <b>").join(name), 5, 255));
    let mut command = crate::program::salstream(at);
    let args = ["eval", "davis", "--score", "centre", "--pred", "x<y=a & <b>", "--html", "report.html"];
    let output = command.args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = fs::read_to_string(at.join("report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 3, "two charts of curves, one of bars");
    assert_eq!(page.matches("src='data:image/jpeg;base64,").count(), 4, "two sequences, best and worst");
    assert!(page.contains("x&lt;y") && !page.contains("x<y"), "names are escaped");
    for outside in ["http", "<link", "<script", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn a_centre_prior_weighs_what_is_made_of_the_pictures_alone() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("set/stimuli"));
    masks(&at.join("set/fixation_maps"), 0, 255);
    let (_, plain) = evaluated(at, "set --score flow,centre,uniform");
    let (_, weighed) = evaluated(at, "set --score flow,centre,uniform --centre-prior");
    for baseline in ["centre", "uniform"] {
        assert_near(figure(&weighed, baseline, "nss"), figure(&plain, baseline, "nss"));
    }
    // The flow of a still picture is zero, so what remains is half of the prior.
    assert_near(figure(&plain, "flow", "nss"), 0.0);
    assert!((figure(&weighed, "flow", "nss") - figure(&plain, "centre", "nss")).abs() < 1e-6);
}

#[test]
fn maps_of_another_size_are_scaled_and_it_is_said() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    masks(&at.join("truth"), 0, 255);
    masks(&at.join("large"), 0, 255);
    for file in fs::read_dir(at.join("large")).unwrap() {
        let path = file.unwrap().path();
        let image = image::open(&path).unwrap();
        image.resize(WIDTH / 2, HEIGHT / 2, image::imageops::FilterType::Nearest).save(&path).unwrap();
    }
    let output = eval(at, "frames --truth truth --score none --pred small=large");
    assert!(output.status.success() && text(&output.stderr).contains("scaled"), "{}", text(&output.stderr));
    let row = text(&output.stdout).lines().find(|line| line.starts_with("small")).unwrap().to_owned();
    let j: f64 = row.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(j > 0.8 && j <= 1.0, "{row}");
}
