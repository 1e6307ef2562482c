//! All figures as JSON.

use serde_json::{Map, Value, json};

use super::Evaluation;
use crate::commands::eval::config::EvalConfig;
use crate::commands::eval::measure::Series;
use crate::commands::eval::metric::mask::{LEVELS, Protocol, Scale};
use crate::commands::eval::summary::SequenceFigures;
use crate::{Error, Result};

/// An object of:
///
/// - `version` of this program; `dataset`: `path`, `layout`, `sequences` of `name` and `frames` (a number);
/// - `protocol`: `threshold`, `frames` ("all" or "inner"), `scale` ("as-is" or "min-max"), `fps`, `fusion`, `classifier`;
/// - `measures`: for each the `id` that it has elsewhere, its `title`, and whether `lower_is_better`;
/// - `methods`: for each its `name`, `figures` (by measure the `mean` over sequences, and the bounds `low` and `high` of
///   its 95 % interval), `levels` (the 8-bit thresholds of `j_best`, `f_beta_max` and `e_max`), `curves` (256 values by
///   8-bit threshold: `j`, `precision`, `recall`, `f_beta`, `e`), and `sequences`, each of `name`, `figures` and
///   `frames`, each of `name` and its own figures;
/// - `comparisons` of the first method with every other by each measure: `method`, `other`, `measure`, `difference`,
///   its bounds `low` and `high`, `p`, `exact`, `pairs`.
///
/// A number that does not exist is null or left out.
///
/// # Errors
/// An error if it cannot be serialised.
pub fn json(evaluation: &Evaluation, config: &EvalConfig) -> Result<Vec<u8>> {
    let Evaluation { kind, dataset, methods, classifier, .. } = evaluation;
    let sequences = dataset.sequences.iter();
    let sequences: Vec<Value> =
        sequences.map(|sequence| json!({ "name": sequence.name, "frames": sequence.frames.len() })).collect();
    let measures = kind.measures().iter();
    let measures: Vec<Value> = measures
        .map(|measure| json!({ "id": measure.id, "title": measure.title, "lower_is_better": measure.is_error }))
        .collect();
    let whole = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "dataset": { "path": config.root.display().to_string(), "layout": dataset.layout, "sequences": sequences },
        "protocol": {
            "threshold": config.threshold,
            "frames": if config.protocol == Protocol::All { "all" } else { "inner" },
            "scale": if config.scale == Scale::AsIs { "as-is" } else { "min-max" },
            "fps": config.maker.rate.fps(),
            "fusion": format!("{:?}", config.maker.fusion.mode).to_lowercase(),
            "classifier": classifier,
        },
        "measures": measures,
        "methods": methods.iter().map(|method| of_method(evaluation, method)).collect::<Vec<_>>(),
        "comparisons": comparisons(evaluation),
    });
    serde_json::to_vec_pretty(&whole).map_err(|e| Error::Usage(format!("the JSON cannot be written: {e}")))
}

fn of_method(evaluation: &Evaluation, method: &SequenceFigures) -> Value {
    let measures = evaluation.kind.measures();
    let total = measures.iter().zip(&method.total).filter_map(|(measure, total)| {
        let total = (*total)?;
        let (low, high) = total.interval.map(|interval| (interval.low, interval.high)).unzip();
        Some((measure.id.to_owned(), json!({ "mean": total.mean, "low": low, "high": high })))
    });
    let curves = method.mean.as_ref().map(|mean| {
        json!({ "levels": LEVELS, "j": mean.region_curve, "precision": mean.precision, "recall": mean.recall,
            "f_beta": mean.f_curve, "e": mean.e_curve })
    });
    let sequences = evaluation.dataset.sequences.iter().zip(&method.sequences).zip(&method.series);
    let sequences = sequences.map(|((sequence, figures), series)| {
        let ids = measures.iter().map(|measure| measure.id);
        json!({ "name": sequence.name, "figures": named(ids, figures), "frames": frames(evaluation, sequence, series) })
    });
    json!({
        "name": method.name,
        "figures": total.collect::<Map<_, _>>(),
        "levels": { "j_best": method.levels.region, "f_beta_max": method.levels.f, "e_max": method.levels.e },
        "curves": curves,
        "sequences": sequences.collect::<Vec<_>>(),
    })
}

fn frames(evaluation: &Evaluation, sequence: &crate::commands::eval::dataset::Sequence, series: &Series) -> Vec<Value> {
    let frame = |(place, figures): &(usize, Vec<Option<f64>>)| {
        let mut frame = named(evaluation.kind.frame_measures().iter().copied(), figures);
        frame.insert("name".into(), json!(sequence.frames[*place].name));
        Value::Object(frame)
    };
    series.frames.iter().map(frame).collect()
}

fn named<'a>(ids: impl Iterator<Item = &'a str>, values: &[Option<f64>]) -> Map<String, Value> {
    ids.zip(values).map(|(id, value)| (id.to_owned(), json!(value))).collect()
}

fn comparisons(evaluation: &Evaluation) -> Vec<Value> {
    let Some((first, others)) = evaluation.methods.split_first() else { return Vec::new() };
    let by = |other: &SequenceFigures, (at, measure): (usize, &crate::commands::eval::measure::Measure)| {
        let found = first.against(other, at)?;
        let (low, high) = found.interval.map(|interval| (interval.low, interval.high)).unzip();
        Some(json!({ "method": first.name, "other": other.name, "measure": measure.id, "difference": found.difference,
            "low": low, "high": high, "p": found.p, "exact": found.exact, "pairs": found.pairs }))
    };
    let measures = || evaluation.kind.measures().iter().enumerate();
    others.iter().flat_map(|other| measures().filter_map(move |measure| by(other, measure))).collect()
}
