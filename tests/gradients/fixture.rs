//! Whole networks: graphs without their weights, and reference values of their gradients. How both are written,
//! `tests/references/recipes.py` says.

use std::path::PathBuf;

use onnx_grad::onnx::{self, ModelProto, TensorProto};
use salstream::model::{Attribution, Classifier};

use crate::random::Random;

/// The class, the sampling and the seed of the scripts.
const LOCKED: usize = 207;
const STRIDE: usize = 97;
const SEED: u64 = 2026;
const CLASSES: usize = 1000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models")
}

/// The name of every graph, sorted.
pub fn names() -> Vec<String> {
    let files = folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let graphs = files.filter(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    let mut names: Vec<String> = graphs.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// The network with its weights.
pub fn model(name: &str) -> ModelProto {
    let mut model = onnx::load(&folder().join(name).with_extension("onnx")).unwrap();
    model.graph.as_mut().unwrap().initializer.iter_mut().for_each(fill);
    model
}

/// Makes the values of a tensor that has a recipe instead.
fn fill(tensor: &mut TensorProto) {
    let doc = tensor.doc_string.take().unwrap_or_default();
    let Some(recipe) = doc.strip_prefix("uniform ") else { return };
    let words: Vec<&str> = recipe.split(' ').collect();
    let (scale, shift): (f64, f64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    let mut random = Random::at(SEED, words[0].parse().unwrap());
    let shape = tensor.shape().unwrap();
    let made = (0..shape.iter().product()).map(|_| (shift + scale * random.next()) as f32);
    let mut values: Vec<f32> = made.collect();
    if let Some(axes) = words.get(3) {
        let axes: Vec<usize> = axes.split(',').map(|axis| axis.parse().unwrap()).collect();
        values = transposed_from(&shape, &axes).into_iter().map(|index| values[index]).collect();
    }
    tensor.raw_data = Some(values.into_iter().flat_map(f32::to_le_bytes).collect());
}

/// For each element of a tensor of `shape`, its place in the tensor whose axis `axes[k]` is axis `k` here.
fn transposed_from(shape: &[usize], axes: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    for (axis, size) in axes.iter().zip(shape) {
        let inner = axes.iter().zip(shape).filter(|(other, _)| *other > axis);
        let stride: usize = inner.map(|(_, size)| size).product();
        places = places.iter().flat_map(|place| (0..*size).map(move |index| place + index * stride)).collect();
    }
    places
}

/// Logits and gradients as the framework computes them.
pub struct Reference {
    seed: u64,
    top: usize,
    norms: [f64; 2],
    logits: Vec<f64>,
    gradients: [Vec<f64>; 2],
}

/// Relative Euclidean distances from the reference.
#[derive(Debug)]
pub struct Errors {
    pub logits: f64,
    /// Of the top class's gradient and of the locked class's, the larger; in sample or norm, the larger.
    pub gradient: f64,
    /// By how much the classifier's own gradient changes within rounding of the picture, the median, where that was tried.
    pub rounding: f64,
}

/// How well gradients must agree.
const TOLERANCE: f64 = 1e-3;

/// Pictures within some units of float32 precision of the reference's that are tried where the reference's own does not
/// agree, and how far they lie from it. A unit within rounding of its Relu's or MaxPool's kink may fall on the other side
/// by the order of sums alone, which differs between processors, and change a deep network's gradient by some 1e-3: then
/// the reference's gradient is that of a picture close by, or, where every picture has such units (inception_v3 has nine
/// million units), as far away as these pictures' are from each other. A wrong rule is wrong on all of them.
const NEIGHBOURS: u64 = 9;
/// The most that this may excuse: PyTorch's own differ by as much on inception_v3's.
const FARTHEST: f64 = 6.5e-3;
const NEAR: f64 = 4.0 * f32::EPSILON as f64;

impl Errors {
    /// Whether they are what rounding explains.
    pub fn are_small(&self) -> bool {
        self.logits < 1e-4 && self.gradient < TOLERANCE.max(self.rounding.min(FARTHEST))
    }
}

impl Reference {
    /// The reference of a graph; the graphs of both of PyTorch's exporters have the same.
    pub fn of(name: &str) -> Self {
        let name = name.trim_end_matches("-dynamo");
        let bytes = std::fs::read(folder().join(name).with_extension("f32")).unwrap();
        let values: Vec<f64> = bytes.as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect();
        let (logits, samples) = values[4..].split_at(CLASSES);
        let (top, locked) = samples.split_at(samples.len() / 2);
        Self {
            seed: values[0] as u64,
            top: values[1] as usize,
            norms: [values[2], values[3]],
            logits: logits.to_vec(),
            gradients: [top.to_vec(), locked.to_vec()],
        }
    }

    /// The reference's picture, of `count` values.
    pub fn picture(&self, count: usize) -> Vec<f32> {
        Random(self.seed).take(count).into_iter().map(|value| value as f32).collect()
    }

    /// How far the classifier's scores and gradients are from the reference, on its picture or on the closest of those
    /// within rounding of it.
    pub fn errors(&self, classifier: &mut Classifier) -> Errors {
        let (width, height) = classifier.input_size();
        let picture = self.picture(3 * width * height);
        let (mut least, own) = self.errors_on(&picture, classifier);
        let mut changes = Vec::new();
        for seed in 0..NEIGHBOURS {
            if least.are_small() {
                break;
            }
            let mut random = Random(seed);
            let near: Vec<f32> = picture.iter().map(|value| value + (NEAR * random.next()) as f32).collect();
            let (errors, gradient) = self.errors_on(&near, classifier);
            changes.push(distance(&gradient, &own.iter().map(|value| f64::from(*value)).collect::<Vec<_>>()));
            least.gradient = least.gradient.min(errors.gradient);
        }
        changes.sort_by(f64::total_cmp);
        least.rounding = changes.get(changes.len() / 2).copied().unwrap_or(0.0);
        least
    }

    /// The errors on one picture, and the top class's gradient there.
    fn errors_on(&self, picture: &[f32], classifier: &mut Classifier) -> (Errors, Vec<f32>) {
        let top = classifier.run(picture, None).unwrap();
        let locked = classifier.run(picture, Some(LOCKED)).unwrap();
        assert_eq!(top.class, self.top, "the top class");
        let gradient = self.error(&top, 0).max(self.error(&locked, 1));
        (Errors { logits: distance(&top.scores, &self.logits), gradient, rounding: 0.0 }, top.gradient)
    }

    fn error(&self, found: &Attribution, index: usize) -> f64 {
        let sample: Vec<f32> = found.gradient.iter().copied().step_by(STRIDE).collect();
        let norm = norm(found.gradient.iter().map(|value| f64::from(*value)));
        distance(&sample, &self.gradients[index]).max((norm / self.norms[index] - 1.0).abs())
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

/// |a - b| / |b| in the Euclidean norm.
fn distance(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    norm(a.iter().zip(b).map(|(a, b)| f64::from(*a) - b)) / norm(b.iter().copied())
}
