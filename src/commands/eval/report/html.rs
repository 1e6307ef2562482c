//! The report as a self-contained web page: figures, curves, sequences, and example frames.

use super::svg::{SvgBar, SvgLine, bars, lines};
use super::{Evaluation, pictures, table};
use crate::Result;
use crate::commands::eval::config::EvalConfig;
use crate::commands::eval::extremes::ExtremeFrame;
use crate::commands::eval::metric::mask::{LEVELS, Scores};
use crate::commands::eval::summary::SequenceFigures;
use crate::reporting::html::escaped;

/// Maximum number of sequences that get a bar each.
const BARS: usize = 100;

/// The page. Its pictures are embedded.
///
/// # Errors
/// An error if a frame that it shows cannot be read any more.
pub fn html(evaluation: &Evaluation, config: &EvalConfig) -> Result<Vec<u8>> {
    let title = escaped(&format!("salstream eval: {}", config.root.display()));
    let page = format!(
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\
         <meta name='viewport' content='width=device-width, initial-scale=1'><title>{title}</title>\
         <style>{}</style></head><body><h1>{title}</h1><p class='note'>{}</p>{}{}{}{}{}</body></html>\n",
        include_str!("style.css"),
        escaped(table::heading(evaluation, config).trim_end()),
        figures(evaluation),
        curves(evaluation),
        sequences(evaluation),
        comparisons(evaluation),
        frames(evaluation)?,
    );
    Ok(page.into_bytes())
}

/// All measures of all methods, with intervals as tooltips.
fn figures(evaluation: &Evaluation) -> String {
    let measures = evaluation.kind.measures();
    let shown: Vec<usize> =
        (0..measures.len()).filter(|&at| evaluation.methods.iter().any(|method| method.total[at].is_some())).collect();
    let head = |&at: &usize| {
        format!("<th>{}{}</th>", escaped(measures[at].title), if measures[at].is_error { " &#8595;" } else { "" })
    };
    let cell = |method: &SequenceFigures, at: usize| match method.total[at] {
        Some(total) => {
            let bounds = total.interval.map(|i| format!(" title='95 %: {:.3} to {:.3}'", i.low, i.high));
            format!("<td{}>{}</td>", bounds.unwrap_or_default(), table::number(Some(total.mean)))
        }
        None => "<td></td>".into(),
    };
    let row = |method: &SequenceFigures| {
        let cells: String = shown.iter().map(|&at| cell(method, at)).collect();
        format!("<tr><td>{}</td>{cells}</tr>", escaped(&method.name))
    };
    format!(
        "<h2>Methods</h2><div class='wide'><table><tr><th>method</th>{}</tr>{}</table></div>\
         <p class='note'>Means over sequences of means over frames; &#8595;: lower is better.</p>",
        shown.iter().map(head).collect::<String>(),
        evaluation.methods.iter().map(row).collect::<String>(),
    )
}

/// Precision over recall, and J over the threshold; empty if there are no masks.
fn curves(evaluation: &Evaluation) -> String {
    let draw = |points: fn(&Scores) -> Vec<(f64, f64)>| -> Vec<SvgLine> {
        let line = |method: &'_ SequenceFigures| method.mean.as_ref().map(points);
        evaluation
            .methods
            .iter()
            .filter_map(|method| Some(SvgLine { name: &method.name, points: line(method)? }))
            .collect()
    };
    let precision = draw(|mean| mean.recall.0.iter().copied().zip(mean.precision.0.iter().copied()).collect());
    let region = draw(|mean| {
        let level = |at: usize| at as f64 / (LEVELS - 1) as f64;
        mean.region_curve.0.iter().enumerate().map(|(at, &value)| (level(at), value)).collect()
    });
    if region.is_empty() {
        return String::new();
    }
    format!(
        "<h2>By threshold</h2><div class='charts'><div>{}</div><div>{}</div></div>",
        lines("threshold", "region similarity J", &region),
        lines("recall", "precision", &precision),
    )
}

/// The main measure of the first method on each sequence.
fn sequences(evaluation: &Evaluation) -> String {
    let Some(method) = evaluation.methods.first() else { return String::new() };
    let count = evaluation.dataset.sequences.len();
    if count > BARS {
        return String::new();
    }
    let all = evaluation.dataset.sequences.iter().zip(&method.sequences).zip(&method.series);
    let all: Vec<SvgBar> = all
        .filter_map(|((sequence, figures), series)| {
            Some(SvgBar { name: &sequence.name, value: figures[0]?, interval: series.interval(0) })
        })
        .collect();
    let title = evaluation.kind.measures()[0].title;
    format!(
        "<h2>{title} of {} by sequence</h2>{}<p class='note'>Lines: 95 % bootstrap intervals over blocks of frames.</p>",
        escaped(&method.name),
        bars(title, &all),
    )
}

fn comparisons(evaluation: &Evaluation) -> String {
    let lines = table::comparisons(evaluation);
    let items: String = lines.lines().map(|line| format!("<li>{}</li>", escaped(line))).collect();
    if items.is_empty() { items } else { format!("<h2>Comparisons</h2><ul>{items}</ul>") }
}

/// The best and the worst frames.
fn frames(evaluation: &Evaluation) -> Result<String> {
    let part = |title: &str, frames: &[ExtremeFrame]| -> Result<String> {
        let figures = frames.iter().map(|frame| figure(evaluation, frame)).collect::<Result<String>>()?;
        Ok(if figures.is_empty() { figures } else { format!("<h2>{title}</h2>{figures}") })
    };
    Ok(part("Best frames", &evaluation.extremes.best)? + &part("Worst frames", &evaluation.extremes.worst)?)
}

fn figure(evaluation: &Evaluation, extreme: &ExtremeFrame) -> Result<String> {
    let sequence = &evaluation.dataset.sequences[extreme.sequence];
    let item = &sequence.frames[extreme.frame];
    let name = escaped(&sequence.place(item).display().to_string());
    let title = evaluation.kind.measures()[0].title;
    Ok(format!(
        "<figure><img alt='frame {name}, its truth and its map' src='{}'>\
         <figcaption>{name}: {title} {:.3}. Frame, truth, map.</figcaption></figure>",
        pictures::picture(item, extreme)?,
        extreme.value,
    ))
}
