//! Crops gradients and features to the picture between letterbox bars.

use std::ops::Range;

use opencv::core::{Mat, Rect};
use opencv::prelude::*;

use crate::Result;
use crate::frame::{Features, Gradient};
use crate::motion::ContentArea;

/// The part of `gradient`, which covers the whole frame, between the bars.
pub(super) fn crop(gradient: &Gradient, content: &ContentArea) -> Result<Gradient> {
    let (whole, place) = (content.whole, content.place);
    let columns = span(place.x, place.width, whole.width, gradient.map.cols() as usize);
    let rows = span(place.y, place.height, whole.height, gradient.map.rows() as usize);
    let [left, top, width, height] = [columns.start, rows.start, columns.len(), rows.len()].map(|v| v as i32);
    let part = Rect::new(left, top, width, height);
    Ok(Gradient {
        index: gradient.index,
        map: Mat::roi(&gradient.map, part)?.try_clone()?,
        prediction: gradient.prediction.clone(),
        noisy: gradient.noisy,
        samples: gradient.samples,
        features: gradient.features.as_ref().map(|features| crop_features(features, content)),
        activation: gradient.activation.as_ref().map(|activation| crop_features(activation, content)),
        others: gradient.others.iter().map(|other| crop(other, content)).collect::<Result<_>>()?,
    })
}

fn crop_features(features: &Features, content: &ContentArea) -> Features {
    let (whole, place) = (content.whole, content.place);
    let rows = span(place.y, place.height, whole.height, features.height);
    let columns = span(place.x, place.width, whole.width, features.width);
    let lines = features.values.chunks_exact(features.width).enumerate();
    let kept = lines.filter(|(line, _)| rows.contains(&(line % features.height)));
    let values = kept.flat_map(|(_, line)| &line[columns.clone()]).copied().collect();
    Features { channels: features.channels, height: rows.len(), width: columns.len(), values }
}

/// The lines, of a grid of `lines`, that cover `length` of `whole` pixels from `start`; at least one.
fn span(start: i32, length: i32, whole: i32, lines: usize) -> Range<usize> {
    let scale = |v: i32| (f64::from(v) * lines as f64 / f64::from(whole)).round() as usize;
    let from = scale(start).min(lines - 1);
    from..scale(start + length).clamp(from + 1, lines)
}
