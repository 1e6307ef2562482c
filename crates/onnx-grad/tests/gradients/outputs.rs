//! The output with the class scores is chosen by reason, or the choice is left to the user.

use crate::common::Graph;
use crate::runtime;
use onnx_grad::onnx::{AttributeProto as A, DataType, ModelProto, ValueInfoProto};
use onnx_grad::{Options, Request, differentiate, note_on_scores, prepare};

const IMAGE: &[usize] = &[1, 3, 2, 2];

/// Builds a head: its nodes, and the names of the outputs in their order.
type Build = fn(&mut Graph, &str) -> Vec<String>;

/// A model of 12 features and the given heads.
fn model(build: Build) -> ModelProto {
    let mut g = Graph::new(13, DataType::Float);
    let x = g.node("Flatten", &["image"], vec![]);
    let outputs = build(&mut g, &x);
    let mut model = g.model(IMAGE, "");
    let graph = model.graph.as_mut().unwrap();
    graph.output = outputs.into_iter().map(ValueInfoProto::named).collect();
    model
}

/// A linear layer whose output is called `name`.
fn layer(g: &mut Graph, x: &str, classes: usize, name: &str) -> String {
    let weights = g.weights(&[12, classes]);
    let made = g.node("MatMul", &[x, &weights], vec![]);
    called(g, &made, name)
}

fn called(g: &mut Graph, made: &str, name: &str) -> String {
    let node = g.nodes.iter_mut().find(|node| node.output[0] == made).unwrap();
    node.output[0] = name.into();
    name.into()
}

fn softmax(g: &mut Graph, x: &str, name: &str) -> String {
    let made = g.node("Softmax", &[x], vec![A::int("axis", 1)]);
    called(g, &made, name)
}

fn argmax(g: &mut Graph, x: &str, name: &str) -> String {
    let made = g.node("ArgMax", &[x], vec![A::int("axis", 1), A::int("keepdims", 0)]);
    called(g, &made, name)
}

/// A model, the number of class names, and the value with the scores, or words of the refusal; then words of the note.
type Case =
    (&'static str, Build, Option<usize>, Result<&'static str, &'static [&'static str]>, &'static [&'static str]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("one output", |g, x| vec![layer(g, x, 5, "y")], None, Ok("y"), &[]),
    ("one output of four", |g, x| vec![layer(g, x, 4, "y")], None, Ok("y"), &[]),
    ("boxes first, by name", |g, x| vec![layer(g, x, 6, "bbox"), layer(g, x, 5, "y")], None, Ok("y"), &["bbox [1, 6]", "like boxes", "--scores"]),
    ("boxes first, by shape", |g, x| vec![layer(g, x, 4, "a"), layer(g, x, 5, "b")], None, Ok("b"), &["a [1, 4]", "shaped like boxes"]),
    ("scores by name", |g, x| vec![layer(g, x, 7, "a"), layer(g, x, 5, "class_logits")], None, Ok("class_logits"), &["named like class scores", "not from a"]),
    ("scores by their Softmax", |g, x| { let a = layer(g, x, 7, "a"); let b = layer(g, x, 5, "b"); vec![a, softmax(g, &b, "c")] }, None, Ok("c"), &["ends in Softmax"]),
    ("as many as there are names", |g, x| vec![layer(g, x, 2, "scores"), layer(g, x, 5, "b")], Some(5), Ok("b"), &["as many classes as there are names"]),
    ("features first", |g, x| { let f = layer(g, x, 12, "f"); let y = layer(g, &f, 5, "y"); vec![f, y] }, None, Ok("y"), &["other outputs are computed from it"]),
    ("embedding first", |g, x| vec![layer(g, x, 9, "embedding"), layer(g, x, 5, "y")], None, Ok("y"), &["named like features"]),
    ("two alike", |g, x| vec![layer(g, x, 7, "age"), layer(g, x, 5, "gender")], None, Err(&["age [1, 7]", "gender [1, 5]", "--scores age"]), &[]),
    ("two alike, both named", |g, x| vec![layer(g, x, 7, "scores_a"), layer(g, x, 5, "scores_b")], None, Err(&["2 outputs", "--scores scores_a"]), &[]),
    ("two alike, one with names", |g, x| vec![layer(g, x, 7, "age"), layer(g, x, 5, "gender")], Some(5), Ok("gender"), &["not from age"]),
    ("boxes only", |g, x| vec![layer(g, x, 4, "boxes")], None, Err(&["boxes [1, 4]", "--scores"]), &[]),
    ("logits and their Softmax", |g, x| { let a = layer(g, x, 5, "logits"); let b = softmax(g, &a, "probs"); vec![a, b] }, None, Ok("probs"), &[]),
    ("label first", |g, x| { let a = layer(g, x, 5, "l"); let b = argmax(g, &a, "label"); vec![b, softmax(g, &a, "p")] }, None, Ok("p"), &[]),
    ("label only", |g, x| { let a = layer(g, x, 5, "l"); vec![argmax(g, &a, "label")] }, None, Ok("l"), &["label is its ArgMax"]),
    ("label as a float", |g, x| { let a = layer(g, x, 5, "l"); let b = argmax(g, &a, "i"); vec![g.node("Cast", &[&b], vec![A::int("to", 1)])] }, None, Ok("l"), &["is its ArgMax"]),
    ("label along another axis", |g, x| { let a = layer(g, x, 5, "l"); vec![g.node("ArgMax", &[&a], vec![A::int("axis", 0)])] }, None, Err(&["no output", "--scores"]), &[]),
    ("the three best", |g, x| { let a = layer(g, x, 5, "l"); let k = g.integers(&[3]); let t = g.node("TopK", &[&a, &k], vec![]); g.nodes.last_mut().unwrap().output.push("i".into()); vec![t] }, None, Ok("l"), &["is its TopK"]),
    ("a sequence", |g, x| { let a = layer(g, x, 5, "l"); vec![g.node("SequenceConstruct", &[&a], vec![])] }, None, Ok("l"), &["is its SequenceConstruct"]),
    ("no batch axis", |g, x| { let a = layer(g, x, 5, "l"); let s = g.integers(&[5]); vec![g.node("Reshape", &[&a, &s], vec![])] }, None, Ok("l"), &["taken from l [1, 5]"]),
    ("one score", |g, x| vec![layer(g, x, 1, "y")], None, Ok("y/answers"), &["yes-no question"]),
    ("one score beside others", |g, x| vec![layer(g, x, 1, "value"), layer(g, x, 5, "policy")], None, Ok("policy"), &["not from value [1, 1]"]),
    ("anchors", |g, x| { let a = layer(g, x, 12, "a"); let s = g.integers(&[1, 4, 3]); vec![g.node("Reshape", &[&a, &s], vec![])] }, None, Err(&["[1, 4, 3]", "[:,*,:]'"]), &[]),
    ("anchors last", |g, x| { let a = layer(g, x, 12, "a"); let s = g.integers(&[1, 3, 4]); let y = g.node("Reshape", &[&a, &s], vec![]); vec![g.node("Transpose", &[&y], vec![A::ints("perm", &[0, 1, 2])]), layer(g, x, 4, "boxes")] }, None, Err(&["[1, 3, 4]", "use an image classifier"]), &[]),
    ("more anchors last", |g, x| { let a = layer(g, x, 15, "a"); let s = g.integers(&[1, 3, 5]); vec![g.node("Reshape", &[&a, &s], vec![])] }, None, Err(&["[1, 3, 5]", "[:,:,*]'"]), &[]),
];

#[test]
fn outputs_are_chosen_by_reason_or_named_by_the_user() {
    for (what, build, classes, wanted, words) in CASES {
        let request = Request { classes: *classes, ..Request::default() };
        match (prepare(model(*build), &request, runtime::run), wanted) {
            (Ok((prepared, shapes)), Ok(name)) => {
                assert_eq!(shapes.output, *name, "{what}");
                let note = note_on_scores(&shapes).unwrap_or_default();
                assert_eq!(note.is_empty(), words.is_empty(), "{what}: {note}");
                words.iter().for_each(|word| assert!(note.contains(word), "{what}: no {word} in: {note}"));
                differentiate(&prepared, &shapes, &Options::default()).unwrap_or_else(|e| panic!("{what}: {e}"));
            }
            (Err(error), Err(words)) => {
                words
                    .iter()
                    .for_each(|word| assert!(error.to_string().contains(word), "{what}: no {word} in: {error}"));
            }
            (found, _) => panic!("{what}: {:?}", found.map(|(_, shapes)| shapes.output).map_err(|e| e.to_string())),
        }
    }
}

#[test]
fn a_label_that_the_user_names_is_traced_back() {
    let (_, build, ..) = CASES.iter().find(|case| case.0 == "label only").unwrap();
    let request = Request { output: Some("label".parse().unwrap()), ..Request::default() };
    assert_eq!(prepare(model(*build), &request, runtime::run).unwrap().1.output, "l");
}

#[test]
fn what_the_refusals_suggest_works() {
    let anchors = CASES.iter().find(|case| case.0 == "anchors").unwrap();
    let error = prepare(model(anchors.1), &Request::default(), runtime::run).err().unwrap().to_string();
    let suggested = error.split('\'').nth(1).unwrap();
    for name in [suggested, "a"] {
        let request = Request { output: Some(name.parse().unwrap()), ..Request::default() };
        let (prepared, shapes) = prepare(model(anchors.1), &request, runtime::run).unwrap();
        differentiate(&prepared, &shapes, &Options::default()).unwrap();
    }
}
