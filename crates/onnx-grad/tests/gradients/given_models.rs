//! Small models of kinds that are no image classifiers: each works by what it says of itself, or is refused with a way
//! out that works.

use std::error::Error;

use onnx_grad::onnx::{DataType, ModelProto};
use onnx_grad::{Batch, Compiled, Derivative, GivenInput, load};
use ort::value::{DynValue, Tensor};

use crate::cases::folder;
use crate::common::{Random, reals, relative_error, try_session, value};
use crate::derivatives::{derived, wanted};

/// The model `file` as a derivative of `of`, or of its classes if it is empty.
fn compiled(file: &str, of: &str, wrt: &[&str], shape: &[usize]) -> Result<Compiled, Box<dyn Error>> {
    let model = load(&folder().join(format!("{file}.onnx")))?;
    let input = model.graph.as_ref().unwrap().input[0].name().to_owned();
    let mut wanted = if of.is_empty() { wanted("x", wrt) } else { wanted(of, wrt) };
    wanted.of = wanted.of.filter(|_| !of.is_empty());
    if !shape.is_empty() {
        wanted.inputs.insert(input, GivenInput { shape: shape.to_vec(), data: None });
    }
    derived(&model, &wanted)
}

/// Name, element type and sizes.
type Input<'a> = (&'a str, (DataType, Vec<Option<usize>>));

/// The error of the gradient by the first input along eight directions.
fn error(made: &ModelProto, gradient: &str) -> f64 {
    let graph = made.graph.as_ref().unwrap();
    let inputs: Vec<Input> = graph.input.iter().map(|input| (input.name(), input.tensor().unwrap())).collect();
    let count = |sizes: &[Option<usize>]| sizes.iter().map(|size| size.unwrap()).product::<usize>();
    let others = Random(2).take(inputs.iter().map(|(_, (_, sizes))| count(sizes)).max().unwrap());
    let mut session = try_session(made).unwrap();
    let mut run = |pixels: &[f64]| {
        let feed = |(index, (name, (dtype, sizes))): (usize, &Input)| {
            let shape: Vec<usize> = sizes.iter().map(|size| size.unwrap()).collect();
            let x: DynValue = match (index, dtype) {
                (0, _) => value(*dtype, &shape, pixels),
                (_, DataType::Int64) => {
                    Tensor::from_array((shape.clone(), vec![1i64; count(sizes)])).unwrap().into_dyn()
                }
                _ => value(*dtype, &shape, &others[..count(sizes)]),
            };
            (name.to_string(), x)
        };
        let feeds: Vec<_> = inputs.iter().enumerate().map(feed).collect();
        let outputs = session.run(feeds).unwrap();
        let number = match outputs.get("score") {
            Some(score) => reals(score).iter().sum(),
            None => {
                let scores = reals(&outputs["scores"]);
                let classes = outputs["scores"].shape()[1] as usize;
                scores.iter().skip(1).step_by(classes).sum::<f64>()
            }
        };
        (number, reals(&outputs[gradient]))
    };
    let size = count(&inputs[0].1.1);
    let mut random = Random(8);
    let pixels = random.take(size);
    let found = run(&pixels).1;
    let (mut stated, mut measured) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let direction = random.take(size);
        let moved = |by: f64| pixels.iter().zip(&direction).map(|(x, d)| x + by * d).collect::<Vec<_>>();
        measured.push((run(&moved(1e-3)).0 - run(&moved(-1e-3)).0) / 2e-3);
        stated.push(found.iter().zip(&direction).map(|(g, d)| g * d).sum::<f64>());
    }
    relative_error(&stated, &measured)
}

/// Where kinks of many units lie along each direction, the differences are this far off.
const TOLERANCE: f64 = 0.1;

/// File, what is differentiated, by what, and the shape of the first input if the file leaves it open.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [usize]);

const WORK: &[Row] = &[
    ("detector_nms", "det[:,max,5]", &[], &[]),
    ("detector_two_outputs", "confidences[:,max,2] - boxes[:,0,1]", &[], &[]),
    ("dynamic_all", "", &[], &[2, 3, 20, 24]),
    ("embedding_l2norm", "dot(scores_out)", &[], &[]),
    ("fixed_batch4", "", &[], &[]),
    ("flat_input", "scores_out[:,3]", &[], &[]),
    ("grey", "", &[], &[]),
    ("input_named_scores", "gradient", &[], &[]),
    ("multispectral12", "", &[], &[]),
    ("nchw_w3", "", &[], &[]),
    ("nhwc_float_norm", "", &[], &[]),
    ("nhwc_h3", "", &[], &[]),
    ("no_batch_axis", "scores_out", &[], &[]),
    ("reshape_batch1_const", "", &[], &[]),
    ("segmentation", "seg[:,2,10:20,20:]", &[], &[]),
    ("sequence_output", "", &[], &[]),
    ("siamese_two_images", "", &["image"], &[]),
    ("siamese_two_images", "scores_out[:,1]", &["image", "image2"], &[]),
    ("similarity_gallery", "", &[], &[]),
    ("two_heads_box_first", "class_logits", &[], &[]),
    ("zipmap", "output_probability", &[], &[]),
];

#[test]
#[ignore = "needs the data folder"]
fn models_of_all_kinds_have_the_gradient_of_what_is_asked() {
    for (file, of, wrt, shape) in WORK {
        let made = compiled(file, of, wrt, shape).unwrap_or_else(|problem| panic!("{file}: {problem}"));
        let gradient = if wrt.len() > 1 { format!("gradient.{}", wrt[0]) } else { "gradient".into() };
        let error = error(&made.model, &gradient);
        assert!(error < TOLERANCE, "{file} {of}: {error}");
    }
}

#[test]
#[ignore = "needs the data folder"]
fn refusals_say_what_works() {
    let refused = |row: Row, words: &str| {
        let problem = compiled(row.0, row.1, row.2, row.3).unwrap_err().to_string();
        assert!(problem.contains(words), "{}: {problem}", row.0);
    };
    refused(("dynamic_all", "", &[], &[]), "give its shape, such as image=1x3x224x224");
    assert!(compiled("dynamic_all", "", &[], &[1, 3, 224, 224]).is_ok());
    refused(("segmentation", "seg", &[], &[]), "as in NAME[:,0,:] or NAME[:,15,10:20,30:40]");
    assert!(compiled("segmentation", "seg[:,:,mean,mean]", &[], &[]).is_ok());
    refused(("siamese_two_images", "", &[], &[]), "name by which to differentiate (wrt): image, image2");
    refused(("detector_two_outputs", "", &[], &[]), "say what to differentiate (of), such as NAME");
    refused(("argmax_only", "label", &[], &[]), "name the floating-point value that it comes from");
    let model = load(&folder().join("reshape_batch1_const.onnx")).unwrap();
    let free = Derivative { batch: Batch::Free, ..Derivative::default() };
    assert!(derived(&model, &free).is_err());
    assert!(derived(&model, &Derivative { batch: Batch::Fixed(1), ..free }).is_ok());
}

#[test]
#[ignore = "needs the data folder"]
fn pictures_in_integers_are_cut_at_their_cast() {
    let made = compiled("nhwc_uint8", "", &[], &[]).unwrap();
    assert!(made.notes[0].contains("image is uint8") && made.notes[0].contains("node f (Cast)"), "{:?}", made.notes);
    let inner = compiled("nhwc_uint8", "", &["f"], &[]).unwrap();
    assert!(inner.notes.is_empty() && inner.model == made.model);
}
