//! Scores the windows of `salstream reframe`: how much of the object is inside, and how the window moves.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;
use opencv::core::{Point, Rect, Size, set_num_threads};
use serde_json::json;

use super::columns::aligned;
use super::config::EvalConfig;
use super::dataset::{Dataset, Sequence, Truth, read_mask};
use super::predict::{FrameMaps, MapGenerator};
use crate::frame::SaliencyMap;
use crate::reframe::{Aspect, CameraPath, PathPlanner, PlanOptions};
use crate::reporting::progress::FrameProgress;
use crate::reporting::terminal::print;
use crate::saliency::StaticSaliency;
use crate::{Error, Result, sink};

/// The share of the object that a good window keeps.
const GOOD: f64 = 0.9;
/// The columns of the table; the same names are in the JSON.
const COLUMNS: [&str; 9] =
    ["kept", "good", "centre_kept", "centre_good", "best_kept", "best_good", "step", "max_step", "max_acceleration"];
/// Decimals of each column.
const DECIMALS: [usize; 9] = [3, 2, 3, 2, 3, 2, 2, 2, 3];

/// The figures of all sequences.
pub struct ReframeEvaluation {
    aspect: Aspect,
    frames: usize,
    classifier: Option<String>,
    /// For each sequence its name, and a value for each of [`COLUMNS`].
    sequences: Vec<(String, [f64; COLUMNS.len()])>,
}

/// Scores windows with this aspect along the first map that `config` asks for; `None` if `stop` ended it early.
///
/// # Errors
/// The root cause of the first failure; [`Error::Usage`] if the data set has no masks.
pub fn evaluate(config: &EvalConfig, aspect: Aspect, stop: &AtomicBool) -> Result<Option<ReframeEvaluation>> {
    set_num_threads(config.threads as i32)?;
    let dataset = Dataset::open(&config.root, config.truth.as_deref(), &config.choice)?;
    if dataset.others.is_some() {
        return Err(Error::Usage("--reframe needs masks, and this data set has fixations".into()));
    }
    let mut maker = config.maker.clone();
    maker.maps.truncate(1);
    let needed = maker.maps.iter().any(|map| map.needs_classifier());
    let classifier = needed.then(|| StaticSaliency::open(&config.model)).transpose()?;
    classifier.iter().for_each(|classifier| config.report.notes(classifier.notes()));
    let classifier_name = classifier.as_ref().map(|classifier| classifier.name().to_owned());
    let mut maker = MapGenerator::new(maker, classifier);
    let progress = FrameProgress::new(config.report, Some(dataset.frames() as u64));
    let mut sequences = Vec::new();
    for sequence in &dataset.sequences {
        let path = plan(config, aspect, &mut maker, sequence, &progress, stop)?;
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        sequences.push((sequence.name.clone(), figures(sequence, &path)?));
    }
    progress.clear();
    let frames = dataset.frames();
    Ok(Some(ReframeEvaluation { aspect, frames, classifier: classifier_name, sequences }))
}

/// The path of the window through a sequence.
fn plan(
    config: &EvalConfig,
    aspect: Aspect,
    maker: &mut MapGenerator,
    sequence: &Sequence,
    progress: &FrameProgress,
    stop: &AtomicBool,
) -> Result<CameraPath> {
    let mut planner: Option<PathPlanner> = None;
    let rate = config.maker.rate;
    maker.run(sequence, stop, |made| {
        let FrameMaps { index, size, maps, motion, timing } = made;
        let window = aspect.window(size, 1.0);
        let options = PlanOptions { picture: size, window, safe_area: 0.0, fps: rate.fps() };
        let planner = planner.get_or_insert_with(|| PathPlanner::new(options));
        let map = SaliencyMap(maps[0].clone());
        progress.frame(&timing);
        planner.push(&map, index as f64 * rate.interval(), motion.first)
    })?;
    planner.ok_or(Error::Interrupted)?.finish()
}

/// The value of each of [`COLUMNS`]. Frames without an object do not count.
fn figures(sequence: &Sequence, path: &CameraPath) -> Result<[f64; COLUMNS.len()]> {
    let (picture, window) = (path.options.picture, path.options.window);
    let corner = Point::new((picture.width - window.width) / 2, (picture.height - window.height) / 2);
    let centre = Rect::from_point_size(corner, window);
    let mut kept: [Vec<f64>; 3] = Default::default();
    for (item, frame) in sequence.frames.iter().zip(&path.frames) {
        let Truth::Mask(file) = &item.truth else { continue };
        let counts = Counts::new(&read_mask(file)?);
        if counts.size() != picture {
            return Err(Error::input(file, "the mask and its frame must have the same size"));
        }
        let all = counts.inside(Rect::from_point_size(Point::default(), picture));
        if all > 0.0 {
            let shares = [counts.inside(frame.window), counts.inside(centre), counts.best(window)];
            kept.iter_mut().zip(shares).for_each(|(kept, share)| kept.push(share / all));
        }
    }
    let [step, max_step, max_acceleration] = movement(path);
    let good = |kept: &[f64]| mean(kept.iter().map(|share| f64::from(*share >= GOOD)));
    let [own, centre, best] = kept.each_ref().map(|kept| [mean(kept.iter().copied()), good(kept)]);
    Ok([own[0], own[1], centre[0], centre[1], best[0], best[1], step, max_step, max_acceleration])
}

/// Mean and largest step from frame to frame, and largest change of a step, in percent of the picture's width. Jumps at
/// cuts do not count.
fn movement(path: &CameraPath) -> [f64; 3] {
    let percent = 100.0 / f64::from(path.options.picture.width);
    let steps: Vec<Option<[f64; 2]>> = path
        .frames
        .windows(2)
        .map(|pair| {
            let by = |of: fn(&Rect) -> i32| f64::from(of(&pair[1].window) - of(&pair[0].window)) * percent;
            (pair[0].shot == pair[1].shot).then(|| [by(|window| window.x), by(|window| window.y)])
        })
        .collect();
    let lengths: Vec<f64> = steps.iter().flatten().map(|[x, y]| x.hypot(*y)).collect();
    let changes = steps.windows(2).filter_map(|pair| {
        let [before, after] = [pair[0]?, pair[1]?];
        Some((after[0] - before[0]).hypot(after[1] - before[1]))
    });
    let largest = |most: f64, value: f64| most.max(value);
    [mean(lengths.iter().copied()), lengths.iter().copied().fold(0.0, largest), changes.fold(0.0, largest)]
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// Numbers of object pixels in rectangles, by sums from the top left corner.
struct Counts(Array2<u32>);

impl Counts {
    fn new(mask: &Array2<bool>) -> Self {
        let (height, width) = mask.dim();
        let mut sums = Array2::zeros((height + 1, width + 1));
        for ((y, x), object) in mask.indexed_iter() {
            sums[(y + 1, x + 1)] = sums[(y, x + 1)] + sums[(y + 1, x)] + u32::from(*object) - sums[(y, x)];
        }
        Self(sums)
    }

    fn size(&self) -> Size {
        let (height, width) = self.0.dim();
        Size::new(width as i32 - 1, height as i32 - 1)
    }

    fn inside(&self, window: Rect) -> f64 {
        let at = |x: i32, y: i32| self.0[(y as usize, x as usize)];
        let (right, bottom) = (window.x + window.width, window.y + window.height);
        f64::from(at(right, bottom) + at(window.x, window.y) - at(window.x, bottom) - at(right, window.y))
    }

    /// The number in the best window of this size.
    fn best(&self, window: Size) -> f64 {
        let size = self.size();
        let places =
            (0..=size.height - window.height).flat_map(|y| (0..=size.width - window.width).map(move |x| (x, y)));
        let inside = places.map(|(x, y)| self.inside(Rect::new(x, y, window.width, window.height)));
        inside.fold(0.0, f64::max)
    }
}

impl ReframeEvaluation {
    /// Writes the JSON file that `config` asks for, and prints the table.
    ///
    /// # Errors
    /// An error if a file cannot be written.
    pub fn report(&self, config: &EvalConfig) -> Result<()> {
        if let Some(file) = &config.json {
            sink::write(file, self.json().as_bytes(), config.overwrite)?;
        }
        print(self.table().as_bytes())
    }

    fn mean(&self) -> [f64; COLUMNS.len()] {
        std::array::from_fn(|column| mean(self.sequences.iter().map(|(_, figures)| figures[column])))
    }

    /// One row per sequence, and the mean.
    fn table(&self) -> String {
        let made = self.classifier.as_ref().map(|name| format!("; maps by {name}")).unwrap_or_default();
        let row = |name: &str, figures: &[f64; COLUMNS.len()]| {
            let cells = figures.iter().zip(DECIMALS).map(|(value, decimals)| format!("{value:.decimals$}"));
            [name.to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
        };
        let title = ["sequence", "kept", "90 %", "centre", "90 %", "best", "90 %", "step", "max", "max accel."];
        let mut rows = vec![title.map(str::to_owned).to_vec()];
        rows.extend(self.sequences.iter().map(|(name, figures)| row(name, figures)));
        rows.push(row("mean", &self.mean()));
        format!(
            "{} sequences, {} frames, windows of {}{made}\n{}\
             kept: share of the object in the window; 90 %: share of the frames that keep 90 % of it;\n\
             centre: the window in the middle; best: the best window of each frame;\n\
             step and acceleration: percent of the picture's width per frame, without cuts\n",
            self.sequences.len(),
            self.frames,
            self.aspect,
            aligned(&rows)
        )
    }

    fn json(&self) -> String {
        let named = |figures: &[f64; COLUMNS.len()]| {
            COLUMNS.iter().map(|name| (*name).to_owned()).zip(figures.iter().map(|value| json!(value))).collect()
        };
        let of = |figures| serde_json::Value::Object(named(figures));
        let sequences: Vec<_> =
            self.sequences.iter().map(|(name, figures)| json!({ "name": name, "figures": of(figures) })).collect();
        let whole = json!({ "version": env!("CARGO_PKG_VERSION"), "aspect": self.aspect.to_string(),
            "classifier": self.classifier, "figures": of(&self.mean()), "sequences": sequences });
        format!("{whole:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_the_rectangle_and_the_best_one_is_found() {
        let mask = Array2::from_shape_fn((6, 8), |(y, x)| (3..7).contains(&x) && (1..3).contains(&y));
        let counts = Counts::new(&mask);
        assert_eq!((counts.size().width, counts.size().height), (8, 6));
        assert_eq!(counts.inside(Rect::new(0, 0, 8, 6)), 8.0);
        assert_eq!(counts.inside(Rect::new(0, 0, 5, 2)), 2.0);
        assert_eq!(counts.best(Size::new(3, 6)), 6.0);
    }
}
