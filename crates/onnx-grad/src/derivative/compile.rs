//! Compiles a [`Derivative`] of any model.

use crate::derivative::batch_constants::SIZES;
use crate::derivative::before;
use crate::derivative::free_batch;
use crate::derivative::given_names;
use crate::derivative::interface::{self, Interface};
use crate::derivative::model_inputs;
use crate::derivative::objective::Objective;
use crate::derivative::objective_nodes::{self, Scores};
use crate::derivative::seeds::{Seeds, several_targets};
use crate::derivative::{Batch, Derivative, GivenInput};
use crate::error::{Error, Result};
use crate::method;
use crate::method::sampling_loop;
use crate::normal_form;
use crate::onnx::{self, GraphProto, ModelProto};
use crate::prepare::expand;
use crate::prepare::probe::{Probe, ProbedValue, no_graph};
use crate::prepare::request::Request;
use crate::score;
use crate::score::binary_head;
use crate::score::choice::{self, note_on_scores};
use crate::signature;
use crate::tape::Tape;
use crate::types::{Method, Options, Probabilities, Shapes};

/// A gradient model, and what its user should know.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The model. Its inputs are those of the differentiated model, and `target` (int64 `[N]`) if the objective leaves
    /// the choice of a class, and `cotangent` for an inner product. Its outputs are `score` (one number for each
    /// picture), or `scores` (`[N, classes]`) and `class` (int64 `[N]`), then `gradient`, or for several values
    /// `gradient.NAME` of each.
    pub model: ModelProto,
    /// Notes, one line each.
    pub notes: Vec<String>,
}

/// Writes the derivative of any model as a model.
///
/// `run` runs a [`Probe`] once, in any runtime, and returns its values. It is called several times.
///
/// # Errors
/// [`Error::Graph`] if the model cannot be differentiated as asked, [`Error::Request`] if the request does not fit it,
/// and the errors of `run`.
pub fn compile<E: From<Error>>(
    model: ModelProto,
    wanted: &Derivative,
    options: &Options,
    mut run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<Compiled, E> {
    let (ready, mut notes) = Ready::new(model, wanted)?;
    let compiled = match wanted.batch {
        Batch::Fixed(batch) => ready.compile(batch, options, &mut run)?,
        Batch::Free => ready.compile_free(options, &mut run)?,
    };
    notes.extend(compiled.notes);
    Ok(Compiled { notes, ..compiled })
}

/// The name of the value that holds a classifier's scores, before a final Softmax, and the number of classes.
///
/// # Errors
/// Those of [`compile`] up to the choice of the scores.
pub fn logits<E: From<Error>>(
    model: ModelProto,
    wanted: &Derivative,
    run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
) -> Result<(String, usize), E> {
    let opset = onnx::opset(&model);
    let inputs = |graph: &GraphProto| model_inputs::fix(graph, wanted, 1);
    let (mut model, mut shapes) = expand(model, inputs, run)?;
    let graph = model.graph.as_mut().ok_or_else(no_graph)?;
    shapes.image = model_inputs::differentiable(graph, &shapes, &wanted.wrt)?.0.swap_remove(0);
    choose(graph, &mut shapes, opset)?;
    Ok((score::logits(graph, &shapes, opset)?.0.name, score::size(&shapes)?.1))
}

/// A model with its derivative's names.
#[derive(Clone)]
struct Ready {
    model: ModelProto,
    wanted: Derivative,
    /// The value of an objective that is a graph.
    objective: Option<String>,
}

impl Ready {
    fn new(mut model: ModelProto, wanted: &Derivative) -> Result<(Self, Vec<String>)> {
        let mut wanted = wanted.clone();
        let mut notes = Vec::new();
        let graph = model.graph.as_mut().ok_or_else(no_graph)?;
        model_inputs::free_defaults(graph, &wanted);
        given_names::free_inputs(graph, &mut wanted, &mut notes);
        given_names::resolve_sequences(graph, &mut wanted, &mut notes);
        let objective = match &wanted.of {
            Some(Objective::Graph(of)) => Some(given_names::merge(&mut model, of)?),
            _ => None,
        };
        Ok((Self { model, wanted, objective }, notes))
    }

    fn compile<E: From<Error>>(
        &self,
        batch: usize,
        options: &Options,
        run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
    ) -> Result<Compiled, E> {
        let inputs = |graph: &GraphProto| model_inputs::fix(graph, &self.wanted, batch);
        let (model, shapes) = expand(self.model.clone(), inputs, run)?;
        Ok(self.write(model, shapes, options)?)
    }

    /// Compiles for several batch sizes and keeps what they have in common.
    fn compile_free<E: From<Error>>(
        &self,
        options: &Options,
        mut run: impl FnMut(Probe) -> Result<Vec<ProbedValue>, E>,
    ) -> Result<Compiled, E> {
        let graph = self.model.graph.as_ref().ok_or_else(no_graph)?;
        let open = model_inputs::free_batches(graph, &self.wanted);
        let Some(input) = open.first() else {
            let problem = "the batch cannot be free: the file fixes the first axis of every input";
            return Err(Error::Graph(format!("{problem}; export it with a free batch, or ask for a fixed one")).into());
        };
        let mut compiled = Vec::new();
        for batch in SIZES {
            let mut sized = self.clone();
            for (_, given) in sized.wanted.inputs.iter_mut().filter(|(name, _)| open.contains(name)) {
                *given = with_batch(given, batch);
            }
            compiled.push(sized.compile(batch, options, &mut run)?);
        }
        let notes = compiled[0].notes.clone();
        let models = compiled.into_iter().map(|compiled| compiled.model).collect();
        Ok(Compiled { model: free_batch::unify(models, input)?, notes })
    }

    fn write(&self, mut model: ModelProto, mut shapes: Shapes, options: &Options) -> Result<Compiled> {
        let opset = onnx::opset(&model);
        let mut graph = model.graph.take().ok_or_else(no_graph)?;
        onnx::sort(&mut graph)?;
        signature::free_names(&mut graph, &mut shapes, &interface::RESERVED)?;
        let wanted = given_names::freed(&self.wanted);
        if wanted.several_targets && matches!(options.method, Method::Sampled(_)) {
            let problem = format!("--method {} takes one target of each picture", options.method.name());
            return Err(Error::Request(format!("{problem}; use a method without samples")));
        }
        let (wrt, mut notes) = model_inputs::differentiable(&graph, &shapes, &wanted.wrt)?;
        shapes.image.clone_from(&wrt[0]);
        let found = self.scores(&mut graph, &mut shapes, opset, wanted.of.as_ref())?;
        shapes.output.clone_from(&found.value);
        // Folding keeps what outputs read.
        let kept = wrt.iter().chain([&found.value]).map(|name| onnx::ValueInfoProto::named(name.clone()));
        graph.output.extend(kept);
        let goals: Vec<&str> = wrt.iter().map(String::as_str).collect();
        normal_form::bring(&mut graph, &mut shapes, &goals, opset, options.variant)?;
        let interface = Interface::new(&graph, &shapes, &wrt, found, wanted.several_targets)?;
        let (what, outputs) = self.backward(&mut graph, &shapes, opset, &interface, options)?;
        interface.assemble(&mut graph, &shapes, &outputs)?;
        if let Method::Sampled(sampling) = &options.method {
            let before = before::take(&mut graph, &shapes.image);
            graph = sampling_loop::repeat(graph, &shapes, opset, sampling, options.seed)?;
            before.put_back(&mut graph);
            interface.fill_target(&mut graph);
        }
        interface.finish(&mut graph, opset);
        let note = note_on_scores(&shapes);
        notes.extend(note.clone());
        signature::finish(&mut model, graph, (&what.0, what.1), note, options);
        Ok(Compiled { model, notes })
    }

    fn scores(
        &self,
        graph: &mut GraphProto,
        shapes: &mut Shapes,
        opset: i64,
        of: Option<&Objective>,
    ) -> Result<Scores> {
        let pictures = shapes.tensors.get(&shapes.image).and_then(|kind| kind.shape.first()).copied();
        match (&self.objective, of) {
            (Some(value), _) => objective_nodes::finish(graph, shapes, opset, value, pictures),
            (None, Some(of)) => objective_nodes::append(graph, shapes, opset, of, pictures),
            (None, None) => {
                choose(graph, shapes, opset)?;
                Ok(Scores { value: shapes.output.clone(), shape: None })
            }
        }
    }

    /// Appends the backward pass. Returns what the scores are and how probabilities follow from them, and the gradients'
    /// types.
    fn backward(
        &self,
        graph: &mut GraphProto,
        shapes: &Shapes,
        opset: i64,
        interface: &Interface,
        options: &Options,
    ) -> Result<((String, Probabilities), Vec<crate::Tensor>)> {
        let mut tape = Tape::new(graph, shapes, opset, options.variant);
        let (head, what) = match &self.wanted.of {
            None => {
                let head = score::logits(graph, shapes, opset)?;
                let name = head.0.name.clone();
                (head, name)
            }
            Some(of) => ((tape.value(&shapes.output)?, Probabilities::None), of.to_string()),
        };
        let (value, size) = (&head.0, score::size(shapes)?);
        let seeds = Seeds { head: &head, size, options };
        let plain = Options { features: false, ..options.clone() };
        let attribute = |tape: &mut Tape, seed| {
            method::attribute_all(tape, graph, shapes, &(value.clone(), seed), &interface.wrt, &plain)
        };
        let gradients = if interface.several_targets {
            several_targets(&mut tape, &seeds, interface, attribute)?
        } else {
            let seed = match interface.number.is_some() {
                true => seeds.one(&mut tape, matches!(options.method, Method::Sampled(_))),
                false => score::seed(&mut tape, &head, size, options)?,
            };
            let found = attribute(&mut tape, seed)?;
            found.iter().zip(&interface.gradients).for_each(|(x, name)| tape.name_output(x, name));
            found
        };
        let (nodes, initializers) = tape.finish();
        graph.node.extend(nodes);
        graph.initializer.extend(initializers);
        let mut outputs: Vec<&str> = vec![crate::SCORES, crate::CLASS];
        outputs.extend(interface.gradients.iter().map(String::as_str));
        onnx::drop_dead(graph, &outputs);
        Ok(((what, head.1), gradients))
    }
}

/// Chooses the output of class scores: that of a classifier, or the only one that can be scores.
fn choose(graph: &mut GraphProto, shapes: &mut Shapes, opset: i64) -> Result<()> {
    let problem = match choice::choose(graph, shapes, opset, &Request::default()) {
        Ok(name) => {
            shapes.output = name;
            return binary_head::complete(graph, shapes, opset);
        }
        Err(problem) => problem,
    };
    let is_scores = |name: &&str| {
        let kind = shapes.tensors.get(*name);
        kind.is_some_and(|kind| {
            kind.dtype.is_float() && kind.shape.len() > 1 && kind.shape[2..].iter().all(|size| *size == 1)
        })
    };
    let fitting: Vec<&str> = graph.output.iter().map(|output| output.name()).filter(is_scores).collect();
    match fitting.as_slice() {
        [name] => shapes.output = name.to_string(),
        _ => return Err(advised(&problem)),
    }
    Ok(())
}

/// The error that no output is a classifier's scores, with what to do about it here.
fn advised(problem: &Error) -> Error {
    let text = problem.to_string();
    let what = text.split_once("; ").map_or(text.as_str(), |(what, _)| what);
    Error::Request(format!("{what}; say what to differentiate (of), such as NAME, NAME[:,0] or NAME[:,max,0]"))
}

fn with_batch(given: &GivenInput, batch: usize) -> GivenInput {
    let shape = [batch].into_iter().chain(given.shape.iter().skip(1).copied()).collect();
    // Samples of another batch size do not fit.
    GivenInput { shape, data: None }
}
