//! Writes an objective as nodes behind a model's outputs.

use crate::derivative::objective::{COTANGENT, Objective, Selection, Term};
use crate::error::{Error, Result};
use crate::onnx::{AttributeProto as Attribute, DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::types::{Shapes, TensorType};

/// What an objective amounts to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// The name of the value, which is `[N, classes]`, or `[N, 1]` of a number for each picture.
    pub value: String,
    /// The number's own shape, `[N]` or `[]`; `None` for classes.
    pub shape: Option<Vec<usize>>,
}

/// Adds the nodes of `objective` to the graph. `pictures` is the size of the differentiated value's first axis.
///
/// # Errors
/// [`Error::Graph`] if a name or an index does not fit the model, or if the result is neither a number, nor one for
/// each picture, nor `[N, classes]`.
pub fn append(
    graph: &mut GraphProto,
    shapes: &mut Shapes,
    opset: i64,
    objective: &Objective,
    pictures: Option<usize>,
) -> Result<Scores> {
    let mut nodes = Nodes { graph, shapes, opset };
    let value = match objective {
        Objective::Sum(terms) => nodes.sum(terms)?,
        Objective::InnerProduct(name) => nodes.inner_product(name, pictures)?,
        Objective::Graph(_) => return Err(Error::Graph("the objective's graph was not merged".into())),
    };
    nodes.scores(value, &objective.to_string(), pictures)
}

/// Finishes an objective whose value is in the graph already.
pub fn finish(
    graph: &mut GraphProto,
    shapes: &mut Shapes,
    opset: i64,
    value: &str,
    pictures: Option<usize>,
) -> Result<Scores> {
    Nodes { graph, shapes, opset }.scores(value.into(), "the objective's output", pictures)
}

struct Nodes<'a> {
    graph: &'a mut GraphProto,
    shapes: &'a mut Shapes,
    opset: i64,
}

impl Nodes<'_> {
    fn kind(&self, name: &str) -> Result<TensorType> {
        let outputs = || self.graph.output.iter().map(|output| output.name()).collect::<Vec<_>>().join(", ");
        let missing = || {
            Error::Graph(format!(
                "the model has no tensor named {name} to differentiate; its outputs are: {}",
                outputs()
            ))
        };
        let kind = self.shapes.tensors.get(name).cloned().ok_or_else(missing)?;
        if !kind.dtype.is_float() {
            let dtype = kind.dtype.as_str_name().to_lowercase();
            return Err(Error::Graph(format!(
                "{name} is {dtype}, which has no gradient; name the floating-point value that it comes from"
            )));
        }
        Ok(kind)
    }

    fn sum(&mut self, terms: &[Term]) -> Result<String> {
        let mut sum: Option<String> = None;
        for term in terms {
            let next = self.term(term)?;
            sum = Some(match sum {
                None if term.negative => self.unary("Neg", &next)?,
                None => next,
                Some(sum) => self.binary(if term.negative { "Sub" } else { "Add" }, &sum, &next)?,
            });
        }
        sum.ok_or_else(|| Error::Graph("there is nothing to differentiate".into()))
    }

    fn term(&mut self, term: &Term) -> Result<String> {
        let rank = self.kind(&term.name)?.shape.len();
        if !term.selection.is_empty() && term.selection.len() != rank {
            return Err(Error::Graph(format!(
                "{} has {rank} axes, and {term} selects along {}; write one selection for each axis",
                term.name,
                term.selection.len()
            )));
        }
        let mut last = term.name.clone();
        for (axis, selection) in term.selection.iter().enumerate().rev() {
            last = self.select(&last, axis, *selection)?;
        }
        Ok(last)
    }

    fn select(&mut self, from: &str, axis: usize, selection: Selection) -> Result<String> {
        match selection {
            Selection::All => Ok(from.into()),
            Selection::At(place) => self.take(from, axis, place),
            Selection::Range(start, end) => {
                let part = self.cut(from, axis, start, end)?;
                self.reduce("ReduceMean", &part, &[axis])
            }
            Selection::Mean => self.reduce("ReduceMean", from, &[axis]),
            Selection::Sum => self.reduce("ReduceSum", from, &[axis]),
            Selection::Max => self.reduce("ReduceMax", from, &[axis]),
        }
    }

    /// One position along an axis, which is removed.
    fn take(&mut self, from: &str, axis: usize, place: i64) -> Result<String> {
        let mut kind = self.kind(from)?;
        let size = kind.shape.remove(axis) as i64;
        if !(-size..size).contains(&place) {
            return Err(Error::Graph(format!(
                "{place} is out of range for axis {axis} of {from}, which has {size} positions; count from 0"
            )));
        }
        let place = self.integers(&[], &[if place < 0 { place + size } else { place }]);
        Ok(self.node("Gather", vec![from.into(), place], vec![Attribute::int("axis", axis as i64)], kind))
    }

    /// A range along an axis.
    fn cut(&mut self, from: &str, axis: usize, start: Option<i64>, end: Option<i64>) -> Result<String> {
        let mut kind = self.kind(from)?;
        let size = kind.shape[axis] as i64;
        let place = |end: i64| if end < 0 { end + size } else { end };
        let (start, end) = (place(start.unwrap_or(0)), place(end.unwrap_or(size)));
        if start < 0 || start >= end || end > size {
            return Err(Error::Graph(format!(
                "{start}:{end} is not a range of axis {axis} of {from}, which has {size} positions; count from 0"
            )));
        }
        kind.shape[axis] = (end - start) as usize;
        let arguments = [("starts", start), ("ends", end), ("axes", axis as i64)];
        if self.opset < 10 {
            let attributes = arguments.map(|(name, value)| Attribute::ints(name, &[value])).into();
            return Ok(self.node("Slice", vec![from.into()], attributes, kind));
        }
        let arguments = arguments.map(|(_, value)| self.integers(&[1], &[value]));
        let inputs = [from.to_owned()].into_iter().chain(arguments).collect();
        Ok(self.node("Slice", inputs, vec![], kind))
    }

    /// A reduction over `axes`, which are removed.
    fn reduce(&mut self, op: &str, from: &str, axes: &[usize]) -> Result<String> {
        let mut kind = self.kind(from)?;
        kind.shape = kind.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, s)| *s).collect();
        let axes: Vec<i64> = axes.iter().map(|axis| *axis as i64).collect();
        let since = if op == "ReduceSum" { 13 } else { 18 };
        let dropped = Attribute::int("keepdims", 0);
        if self.opset < since {
            return Ok(self.node(op, vec![from.into()], vec![Attribute::ints("axes", &axes), dropped], kind));
        }
        let axes = self.integers(&[axes.len()], &axes);
        Ok(self.node(op, vec![from.into(), axes], vec![dropped], kind))
    }

    fn unary(&mut self, op: &str, x: &str) -> Result<String> {
        let kind = self.kind(x)?;
        Ok(self.node(op, vec![x.into()], vec![], kind))
    }

    fn binary(&mut self, op: &str, a: &str, b: &str) -> Result<String> {
        let (left, right) = (self.kind(a)?, self.kind(b)?);
        if left != right {
            return Err(Error::Graph(format!(
                "the terms {a} {:?} and {b} {:?} differ in shape or type; select the same of both",
                left.shape, right.shape
            )));
        }
        Ok(self.node(op, vec![a.into(), b.into()], vec![], left))
    }

    fn inner_product(&mut self, name: &str, pictures: Option<usize>) -> Result<String> {
        let kind = self.kind(name)?;
        self.graph.input.push(ValueInfoProto::fixed(COTANGENT, kind.dtype, &kind.shape));
        self.shapes.tensors.insert(COTANGENT.into(), kind.clone());
        let product = self.binary("Mul", name, COTANGENT)?;
        let batched = usize::from(kind.shape.first().is_some_and(|first| Some(*first) == pictures));
        let axes: Vec<usize> = (batched..kind.shape.len()).collect();
        if axes.is_empty() { Ok(product) } else { self.reduce("ReduceSum", &product, &axes) }
    }

    /// Reshapes the objective to `[N, classes]`.
    fn scores(&mut self, value: String, what: &str, pictures: Option<usize>) -> Result<Scores> {
        let kind = self.kind(&value)?;
        let (sizes, number) = match kind.shape.as_slice() {
            [] => (vec![1, 1], Some(vec![])),
            [n] if Some(*n) == pictures || *n == 1 => (vec![*n, 1], Some(vec![*n])),
            [classes] => (vec![1, *classes], None),
            [n, classes, rest @ ..] if rest.iter().all(|size| *size == 1) => (vec![*n, *classes], None),
            shape => {
                return Err(Error::Graph(format!(
                    "{what} is {shape:?}, and must be one number for each picture or [N, classes]; select one position, \
                     or mean, sum or max, on the other axes, as in NAME[:,0,:] or NAME[:,15,10:20,30:40], or use \
                     dot(NAME) for the inner product with a vector"
                )));
            }
        };
        if sizes == kind.shape {
            return Ok(Scores { value, shape: number });
        }
        let shape = self.integers(&[2], &sizes.iter().map(|size| *size as i64).collect::<Vec<_>>());
        let value = self.node("Reshape", vec![value, shape], vec![], TensorType { dtype: kind.dtype, shape: sizes });
        Ok(Scores { value, shape: number })
    }

    fn integers(&mut self, shape: &[usize], values: &[i64]) -> String {
        let name = format!("of/constant{}", self.graph.initializer.len());
        self.graph.initializer.push(TensorProto::from_integers(&name, shape, values));
        self.shapes.tensors.insert(name.clone(), TensorType { dtype: DataType::Int64, shape: shape.to_vec() });
        name
    }

    fn node(&mut self, op: &str, inputs: Vec<String>, attributes: Vec<Attribute>, kind: TensorType) -> String {
        let name = format!("of/{op}{}", self.graph.node.len());
        let node = NodeProto::new(op, &name, inputs, vec![name.clone()]);
        self.graph.node.push(NodeProto { attribute: attributes, ..node });
        self.shapes.tensors.insert(name.clone(), kind);
        name
    }
}
