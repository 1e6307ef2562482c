//! The contact sheet: the summary of a batch as one self-contained web page.

use super::config::PICTURE;
use super::manifest::Manifest;
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::commands::run::Preview;
use crate::reporting::html::{escaped, link};

/// Maximum number of classes named per clip.
const CLASSES: usize = 3;
/// Maximum number of clips shown: their pictures are inside the page.
const MAX_SHOWN_CLIPS: usize = 1000;
/// Maximum number of failed clips named, and of damaged ones.
const MAX_NAMED_FAILURES: usize = 1000;

/// The page for the results in `folder`.
pub fn page(clips: &[SummaryEntry], closing: &str, folder: &Path) -> Vec<u8> {
    let has_result =
        |entry: &&SummaryEntry| entry.outcome.is_done() || matches!(entry.outcome, ClipOutcome::Partial(_));
    let shown = clips.iter().filter(has_result).take(MAX_SHOWN_CLIPS);
    let cards: String = shown.map(|entry| card(entry, folder)).collect();
    let left_out = clips.iter().filter(has_result).count().saturating_sub(MAX_SHOWN_CLIPS);
    let more =
        if left_out > 0 { format!("<p class='soft'>and {left_out} more: see summary.json</p>") } else { String::new() };
    let page = format!(
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\
         <meta name='viewport' content='width=device-width, initial-scale=1'><title>salstream batch</title>\
         <style>{}</style></head><body><h1>salstream batch</h1><p>{}</p>{}\
         <p class='soft'>Each clip's most salient moment, original and annotated. Below it, its energies over time:\
         <i class='key static'></i>static<i class='key motion'></i>motion</p><main>{cards}</main>{more}</body></html>\n",
        include_str!("contact_sheet.css"),
        escaped(closing),
        failures(clips),
    );
    page.into_bytes()
}

/// The clips that failed, and those with a partial result.
fn failures(clips: &[SummaryEntry]) -> String {
    let failed = |entry: &SummaryEntry| match &entry.outcome {
        ClipOutcome::Failed(reason) => Some(failure(entry, reason)),
        _ => None,
    };
    let partial = |entry: &SummaryEntry| match &entry.outcome {
        ClipOutcome::Partial(reason) => Some(failure(entry, reason)),
        _ => None,
    };
    let list = |title: &str, lines: String| {
        if lines.is_empty() { lines } else { format!("<h2>{title}</h2><ul>{lines}</ul>") }
    };
    let lists = [
        list("Failed", clips.iter().filter_map(failed).take(MAX_NAMED_FAILURES).collect()),
        list("Partial: up to the damage", clips.iter().filter_map(partial).take(MAX_NAMED_FAILURES).collect()),
    ];
    lists.concat()
}

fn failure(entry: &SummaryEntry, reason: &str) -> String {
    format!("<li><b class='bad'>{}</b>: {}</li>", escaped(&entry.input.to_string_lossy()), escaped(reason))
}

fn card(entry: &SummaryEntry, folder: &Path) -> String {
    let clip = entry.clip();
    let manifest = if entry.outcome.is_done() { Manifest::path } else { Manifest::partial_path };
    let done = Manifest::read(&manifest(&clip, folder));
    let overview = done.as_ref().map(|done| done.overview.clone()).unwrap_or_default();
    let picture = fs::read(clip.file(folder, PICTURE)).map(|bytes| BASE64_STANDARD.encode(bytes)).unwrap_or_default();
    let address = |ending: &str| link(clip.file(Path::new(""), ending));
    let video = address(".mp4");
    let others =
        done.iter().flat_map(|done| &done.outputs).filter(|output| ![".mp4", PICTURE].contains(&&*output.ending));
    let links: String = others
        .map(|output| {
            let slash = if output.files > 1 { "/" } else { "" };
            format!(
                " <a href='{}{slash}'>{}</a>",
                address(&output.ending),
                escaped(output.ending.trim_start_matches('.'))
            )
        })
        .collect();
    let input = fs::canonicalize(&clip.input).map(|path| format!("file://{}", link(path)));
    let original = input.map(|input| format!(" <a href='{input}'>input</a>")).unwrap_or_default();
    format!(
        "<article><a href='{video}'><img loading='lazy' alt='' src='data:image/jpeg;base64,{picture}'></a>{}\
         <div><p><a href='{video}'><b>{}</b></a></p><p>{}</p><p class='soft'>{} frames in {:.1} s,{original}{links}</p>{}</div>\
         </article>",
        strip(&overview),
        escaped(&entry.place.to_string_lossy()),
        classes(&overview, entry.frames),
        entry.frames,
        entry.seconds,
        remarks(entry),
    )
}

/// Why the result is partial, and the notes.
fn remarks(entry: &SummaryEntry) -> String {
    let partial = match &entry.outcome {
        ClipOutcome::Partial(reason) => format!("<p class='bad'>partial: {}</p>", escaped(reason)),
        _ => String::new(),
    };
    let notes = entry.notes.iter().map(|note| format!("<p class='note'>note: {}</p>", escaped(note)));
    notes.fold(partial, |text, note| text + &note)
}

/// The energies as square roots, as in all charts, so that faint motion is visible.
fn strip(overview: &Preview) -> String {
    let line = |at: usize, name: &str| {
        let step = 100.0 / overview.energy.len().saturating_sub(1).max(1) as f64;
        let height = |energy: &[u16; 2]| 39.0 - 38.0 * (f64::from(energy[at]) / 1e3).sqrt();
        let point = |(index, energy)| format!("{:.1},{:.1} ", index as f64 * step, height(energy));
        let points: String = overview.energy.iter().enumerate().map(point).collect();
        format!("<polyline class='{name}' points='{points}'/>")
    };
    format!(
        "<svg viewBox='0 0 100 40' preserveAspectRatio='none' role='img' aria-label='energies'>{}{}</svg>",
        line(0, "static"),
        line(1, "motion")
    )
}

/// Names the classes of most frames.
fn classes(overview: &Preview, frames: u64) -> String {
    let share = |count: &u64| *count as f64 * 100.0 / frames.max(1) as f64;
    let named: Vec<String> = overview
        .classes
        .iter()
        .take(CLASSES)
        .map(|(label, count)| format!("{} {:.0} %", escaped(label), share(count)))
        .collect();
    named.join(", ")
}
