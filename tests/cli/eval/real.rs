//! Evaluation on real frames.

use std::fs;
use std::os::unix::fs::symlink;

use tempfile::tempdir;

use super::fixture::{assert_near, evaluated, figure};
use crate::data::data;

/// Number of frames used per sequence.
const FRAMES: usize = 8;

#[test]
#[ignore = "needs the test data"]
fn the_methods_rank_on_davis_as_they_should() {
    let folder = tempdir().unwrap();
    for (kind, extension) in [("JPEGImages", "jpg"), ("Annotations", "png")] {
        for sequence in ["camel", "dog"] {
            let place = folder.path().join("davis").join(kind).join("480p").join(sequence);
            fs::create_dir_all(&place).unwrap();
            for index in 0..FRAMES {
                let name = format!("{index:05}.{extension}");
                let source = data("davis").join(kind).join("480p").join(sequence).join(&name);
                symlink(source.canonicalize().unwrap(), place.join(name)).unwrap();
            }
        }
    }
    let (_, json) = evaluated(folder.path(), "davis --score fused,uniform --pred truth=davis/Annotations/480p");
    assert_near(figure(&json, "truth", "j_mean"), 1.0);
    assert_near(figure(&json, "truth", "f_mean"), 1.0);
    let (fused, uniform) = (figure(&json, "fused", "j_best"), figure(&json, "uniform", "j_best"));
    assert!(fused > 2.0 * uniform, "fused {fused}, uniform {uniform}");
    assert!(figure(&json, "fused", "mae") < 0.2);
}
