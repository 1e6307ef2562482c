//! The line for GNU parallel from the docs, verbatim, with this machine in place of several.

use std::process::Command;

use crate::program::text;
use crate::{batch, clips, counts, relative, run, salstream};

const DOCS: &str = include_str!("../../docs/batch.md");

#[test]
#[ignore = "needs GNU parallel"]
fn gnu_parallel_shares_a_list_out_among_machines() {
    let folder = clips(5);
    let at = folder.path();
    let line = DOCS.split('`').find(|code| code.starts_with("parallel ")).unwrap();
    let program = batch(at, "");
    let words = [program.get_program()].into_iter().chain(program.get_args()).map(|word| word.to_string_lossy());
    let ours = words.collect::<Vec<_>>().join(" ");
    let line =
        line.replace("a,b,c", ":").replace("salstream batch", &ours).replace("clips", "in").replace("results", "out");
    let output = Command::new("sh").current_dir(at).args(["-c", &line]).env("PARALLEL_HOME", at).output().unwrap();
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    let merged = salstream(at).args(["batch", "--merge", "out"]).output().unwrap();
    assert!(merged.status.success() && counts(&merged) == [5, 0, 0], "{}", text(&merged.stderr));
    assert!(run(at, "in -o whole").status.success());
    assert!(relative(&at.join("out")) == relative(&at.join("whole")), "the same bytes");
}
