//! The ONNX package's own node tests: every operator that a floating-point number flows through, each of its published
//! cases differentiated with respect to each of its floating-point inputs, against finite differences.

mod case;
mod outcome;
mod table;

use std::path::{Path, PathBuf};

use case::{Case, FreeInput};
use outcome::{Outcome, compare};
use table::Table;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python/onnx/backend/test/data/node")
}

/// The operator that a test is about. A test whose name ends in `_expanded` has the body of a function in its place.
fn subject(name: &str, case: &Case) -> String {
    let original = name.split_once("_expanded").and_then(|(name, _)| Case::read(&folder().join(name)));
    match original.and_then(|original| original.operator()) {
        Some(operator) => format!("{operator}, written out"),
        None => case.operator().unwrap_or_else(|| "several nodes".into()),
    }
}

/// Compares at the opset before the newest types if the runtime has no newer kernel.
fn in_any_runtime(input: &FreeInput) -> Outcome {
    let outcome = compare(input);
    match input.with_fewer_types().filter(|_| outcome == Outcome::NotRun) {
        Some(case) => compare(&input.of(&case)),
        None => outcome,
    }
}

/// None may be wrong. `NODE_TESTS.md` counts the others; set `SALSTREAM_REGENERATE=1` to write it again.
#[test]
#[ignore = "needs Python packages in target/python, which scripts/test installs"]
fn published_node_tests_are_right_or_refused() {
    let entries = folder().read_dir().expect("the node tests").flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let mut table = Table::default();
    let mut wrong = Vec::new();
    for name in &names {
        let case = Case::read(&folder().join(name)).expect("a node test");
        let subject = subject(name, &case);
        for input in case.free_inputs() {
            let outcome = in_any_runtime(&input);
            println!("@ {name} [{subject}] {}: {outcome:?}", input.name());
            if let Outcome::Wrong(problem) = &outcome {
                wrong.push(format!("{name}, input {}: {problem}", input.name()));
            }
            table.add(&subject, outcome);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (made, committed) = (table.to_string(), Path::new(env!("CARGO_MANIFEST_DIR")).join("NODE_TESTS.md"));
    if std::env::var_os("SALSTREAM_REGENERATE").is_some() {
        std::fs::write(&committed, &made).expect("the table is written");
    }
    assert_eq!(std::fs::read_to_string(committed).expect("the table"), made);
}
