//! The table of the main figures.

use std::fmt::Write;

use super::Evaluation;
use crate::commands::eval::columns::aligned;
use crate::commands::eval::config::EvalConfig;
use crate::commands::eval::measure::MeasureKind;
use crate::commands::eval::metric::mask::{Protocol, Scale};
use crate::commands::eval::summary::SequenceFigures;

/// The measures in the table; the files have more.
const SHOWN: &[&str] = &[
    "j_mean",
    "j_recall",
    "j_decay",
    "f_mean",
    "j_and_f",
    "j_best",
    "j_otsu",
    "mae",
    "f_beta_max",
    "f_beta_weighted",
    "s_measure",
    "e_max",
    "warping_error",
    "pointing",
];
/// A difference counts as significant if equally good methods would give it with a smaller probability than this.
const SIGNIFICANT: f64 = 0.05;
/// The minimum number of pairs with which the test can find this: with five, even five wins give p = 1/16.
const TELLING: usize = 6;
/// A smaller difference is not visible in the table.
const SAME: f64 = 5e-4;

/// Whether the table has a column for the measure with the index `at`: only if it has a value somewhere.
fn shows(evaluation: &Evaluation, at: usize) -> bool {
    let listed = evaluation.kind == MeasureKind::Fixations || SHOWN.contains(&evaluation.kind.measures()[at].id);
    listed && evaluation.methods.iter().any(|method| method.total[at].is_some())
}

/// The figures of the methods, those of the first one by sequence, and its comparison with the others.
pub fn table(evaluation: &Evaluation, config: &EvalConfig) -> String {
    let parts = [heading(evaluation, config), methods(evaluation), sequences(evaluation), comparisons(evaluation)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The first lines: what was scored, and how.
pub fn heading(evaluation: &Evaluation, config: &EvalConfig) -> String {
    let dataset = &evaluation.dataset;
    let made = evaluation.classifier.as_ref().map(|name| format!("; maps by {name}")).unwrap_or_default();
    let units = if dataset.is_stills() { "pictures" } else { "sequences" };
    if evaluation.kind == MeasureKind::Fixations {
        let frames = dataset.frames();
        return format!(
            "{} ({}): {} {units}, {frames} frames{made}\n",
            config.root.display(),
            dataset.layout,
            dataset.sequences.len()
        );
    }
    let counted = if config.protocol == Protocol::All { "all counted" } else { "first and last of each not counted" };
    let scale = if config.scale == Scale::MinMax { ", maps stretched from MAE on" } else { "" };
    format!(
        "{} ({}): {} {units}, {} frames, {counted}; threshold {}{scale}{made}\n",
        config.root.display(),
        dataset.layout,
        dataset.sequences.len(),
        dataset.frames(),
        config.threshold,
    )
}

/// One row per method, with means over sequences.
fn methods(evaluation: &Evaluation) -> String {
    let measures = evaluation.kind.measures();
    let shown: Vec<usize> = (0..measures.len()).filter(|at| shows(evaluation, *at)).collect();
    let title = |at: &usize| {
        let measure = &measures[*at];
        if measure.is_error { format!("{} v", measure.title) } else { measure.title.to_owned() }
    };
    let mut rows = vec![["method".to_owned()].into_iter().chain(shown.iter().map(title)).collect::<Vec<_>>()];
    for method in &evaluation.methods {
        let cells = shown.iter().map(|at| number(method.total[*at].map(|total| total.mean)));
        rows.push([method.name.clone()].into_iter().chain(cells).collect());
    }
    aligned(&rows) + "Means over sequences of means over frames; v: lower is better.\n"
}

/// The main measure of the first method: its interval, and its value for each sequence.
fn sequences(evaluation: &Evaluation) -> String {
    let Some(method) = evaluation.methods.first() else { return String::new() };
    let title = evaluation.kind.measures()[0].title;
    let mut text = String::new();
    if !evaluation.dataset.is_stills() {
        let mut rows: Vec<Vec<String>> = vec![["sequence", "frames", title].map(str::to_owned).into()];
        let sequences = evaluation.dataset.sequences.iter().zip(&method.sequences).zip(&method.series);
        rows.extend(sequences.map(|((sequence, figures), series)| {
            vec![sequence.name.clone(), series.frames.len().to_string(), number(figures[0])]
        }));
        text = format!("{} by sequence\n{}", method.name, aligned(&rows));
    }
    if let Some((mean, interval)) = method.total[0].and_then(|total| Some((total.mean, total.interval?))) {
        let (name, low, high, units) = (&method.name, interval.low, interval.high, units(evaluation));
        let _ =
            writeln!(text, "{name}: {title} {mean:.3}, 95 % interval {low:.3} to {high:.3} (bootstrap over {units})");
    }
    text
}

/// Comparisons of the first method with every other, one per line.
pub fn comparisons(evaluation: &Evaluation) -> String {
    let Some((first, others)) = evaluation.methods.split_first() else { return String::new() };
    let title = evaluation.kind.measures()[0].title;
    others.iter().filter_map(|other| comparison(first, other, title, units(evaluation))).collect()
}

/// The units that are resampled.
fn units(evaluation: &Evaluation) -> &'static str {
    match evaluation.dataset.sequences.len() {
        1 => "blocks of frames",
        _ if evaluation.dataset.is_stills() => "pictures",
        _ => "sequences",
    }
}

/// One comparison as text.
fn comparison(first: &SequenceFigures, other: &SequenceFigures, title: &str, units: &str) -> Option<String> {
    let found = first.against(other, 0)?;
    let verdict = match found {
        found if found.difference.abs() < SAME => "the same to three digits",
        found if found.pairs < TELLING => "too few for a test",
        found if found.p >= SIGNIFICANT => "no significant difference",
        found if found.difference > 0.0 => "better",
        _ => "worse",
    };
    let bounds = found.interval.map(|i| format!(" (95 % {:+.3} to {:+.3})", i.low, i.high)).unwrap_or_default();
    let test = if found.exact { "exact" } else { "10,000 random patterns" };
    Some(format!(
        "{} against {}: {verdict}; {title} {:+.3}{bounds}, p = {:.4} (sign-flip test over {} {units}, {test})\n",
        first.name, other.name, found.difference, found.p, found.pairs
    ))
}

/// A figure with three decimals.
pub fn number(value: Option<f64>) -> String {
    // Avoids a sign in front of a rounded zero.
    let shown = |value: f64| if value.abs() < SAME { "0.000".into() } else { format!("{value:.3}") };
    value.map_or("-".into(), shown)
}
