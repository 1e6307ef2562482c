//! Windows of `salstream reframe`, scored on masks.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;
use tempfile::tempdir;

use super::fixture::{assert_near, davis, eval, evaluated};
use crate::data::data;
use crate::program::{assert_refused, text};

fn figure(json: &Value, name: &str) -> f64 {
    json["figures"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {json}"))
}

#[test]
fn figures_of_a_window_in_the_middle_can_be_computed_by_hand() {
    let folder = tempdir().unwrap();
    davis(folder.path());
    // The window is 16 pixels wide, from 24. Of the 20 columns of the square, 4, 6, 8 and 10 are inside; at best 16.
    let (table, json) = evaluated(folder.path(), "davis --reframe 1:3 --score centre");
    assert!(table.contains("2 sequences, 8 frames, windows of 1:3") && table.contains("\nmean "), "{table}");
    assert_near(figure(&json, "centre_kept"), 0.35);
    assert_near(figure(&json, "best_kept"), 0.8);
    assert_near(figure(&json, "kept"), 0.35);
    for name in ["good", "centre_good", "best_good", "step", "max_step", "max_acceleration"] {
        assert_near(figure(&json, name), 0.0);
    }
    let (_, json) = evaluated(folder.path(), "davis --reframe 1:1 --score centre");
    assert_near(figure(&json, "kept"), 1.0);
    assert_near(figure(&json, "good"), 1.0);
}

#[test]
fn other_outputs_and_wrong_aspects_are_refused() {
    let folder = tempdir().unwrap();
    davis(folder.path());
    for flags in ["--reframe 0:1", "--reframe 1:1 --html a.html", "--reframe 1:1 --pred a=b", "--reframe"] {
        let output = eval(folder.path(), &format!("davis {flags}"));
        assert_eq!(output.status.code(), Some(2), "{flags}: {}", text(&output.stderr));
    }
    let output = eval(folder.path(), "davis --reframe 1:1 --sequence up");
    assert_refused(&output, 2, &["up", "left, right"]);
}

#[test]
#[ignore = "needs the test data"]
fn windows_on_davis_keep_nearly_as_much_as_the_best_ones() {
    let folder = tempdir().unwrap();
    for (kind, extension) in [("JPEGImages", "jpg"), ("Annotations", "png")] {
        let place = folder.path().join("davis").join(kind).join("480p/horsejump-high");
        fs::create_dir_all(&place).unwrap();
        for index in 0..24 {
            let name = format!("{index:05}.{extension}");
            let source = data("davis").join(kind).join("480p/horsejump-high").join(&name);
            symlink(source.canonicalize().unwrap(), place.join(name)).unwrap();
        }
    }
    let (_, json) = evaluated(folder.path(), "davis --reframe 9:16");
    let [kept, centre, best] = ["kept", "centre_kept", "best_kept"].map(|name| figure(&json, name));
    assert!(kept > best - 0.05 && kept > centre + 0.1, "{kept}; centre {centre}, best {best}");
    assert!(figure(&json, "step") < 0.6 && figure(&json, "max_acceleration") < 0.6, "{json}");
}
