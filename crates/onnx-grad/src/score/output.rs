//! The output of a model that holds the class scores, and where in it they are.

use crate::error::{Error, Result};
use crate::onnx::{AttributeProto as Attribute, GraphProto, NodeProto, TensorProto, ValueInfoProto};
use crate::types::{Shapes, TensorType};

/// An output by name, with one [`Index`] per axis if it is not `[N, classes]`: `NAME`, or
/// `NAME[:,0,*]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreOutput {
    /// The output's name.
    pub name: String,
    /// How to reduce each axis. Empty if the output is used as it is.
    pub index: Vec<Index>,
}

/// How to reduce one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// `:`, keep the axis.
    All,
    /// A number, the position to take. Negative numbers count from the end.
    At(i64),
    /// `*`, the mean along the axis.
    Mean,
}

impl std::str::FromStr for ScoreOutput {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let Some(inside) = text.strip_suffix(']') else { return Ok(Self { name: text.into(), index: Vec::new() }) };
        let problem = || format!("{text} is not an output; write NAME, or NAME[:,0,*] with one of : NUMBER * per axis");
        let (name, inside) = inside.rsplit_once('[').ok_or_else(problem)?;
        let index = |part: &str| match part.trim() {
            ":" => Some(Index::All),
            "*" => Some(Index::Mean),
            number => number.parse().ok().map(Index::At),
        };
        let index: Vec<Index> = inside.split(',').map(index).collect::<Option<_>>().ok_or_else(problem)?;
        if index[0] != Index::All {
            return Err(format!("{text}: the first axis is the batch and must be kept; write [:,...]"));
        }
        Ok(Self { name: name.into(), index })
    }
}

impl std::fmt::Display for ScoreOutput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        let index = self.index.iter().map(|index| match index {
            Index::All => ":".to_owned(),
            Index::At(place) => place.to_string(),
            Index::Mean => "*".to_owned(),
        });
        let index: Vec<String> = index.collect();
        if index.is_empty() { Ok(()) } else { write!(f, "[{}]", index.join(",")) }
    }
}

impl ScoreOutput {
    /// Adds the nodes that select the scores, and returns the name of their result. The name may also be that of a
    /// value inside of the model.
    ///
    /// # Errors
    /// [`Error::Graph`] if the model has no such output, or the result is not `[N, classes]`.
    pub(crate) fn select(&self, graph: &mut GraphProto, shapes: &mut Shapes, opset: i64) -> Result<String> {
        let name = &self.name;
        let is_output = graph.output.iter().any(|output| output.name() == name);
        if !is_output && !shapes.tensors.contains_key(name) {
            let names: Vec<_> = graph.output.iter().map(|output| output.name()).collect();
            return Err(Error::Graph(format!("the model has no output {name}, only: {}", names.join(", "))));
        }
        let kind = shapes.tensors.get(name).cloned();
        let mut kind = kind.ok_or_else(|| Error::Graph(format!("the output {name} is not a tensor; name another")))?;
        if !self.index.is_empty() && self.index.len() != kind.shape.len() {
            let (given, axes) = (self.index.len(), kind.shape.len());
            return Err(Error::Graph(format!("the output {name} has {axes} axes, and the index {given}")));
        }
        let mut last = name.clone();
        for (axis, index) in self.index.iter().enumerate().rev() {
            last = pick(graph, &mut kind, opset, (&last, axis, *index))?;
            shapes.tensors.insert(last.clone(), kind.clone());
        }
        match kind.shape.as_slice() {
            [_, _] => {}
            shape => {
                let advice = "select one position on each other axis with an index, as in NAME[:,0,:] or NAME[:,:,*,*]";
                return Err(Error::Graph(format!("the output {name} gives {shape:?} and not [N, classes]; {advice}")));
            }
        }
        if last != *name || !is_output {
            graph.output.push(ValueInfoProto::named(last.clone()));
        }
        Ok(last)
    }
}

/// Adds the node that removes one axis, and returns the name of its result.
fn pick(
    graph: &mut GraphProto,
    kind: &mut TensorType,
    opset: i64,
    (from, axis, index): (&str, usize, Index),
) -> Result<String> {
    let to = format!("{from}/axis{axis}");
    let argument = format!("{to}/argument");
    let size = kind.shape[axis] as i64;
    let (op, value, attributes) = match index {
        Index::All => return Ok(from.into()),
        Index::At(place) if !(-size..size).contains(&place) => {
            return Err(Error::Graph(format!(
                "index {place} is out of range for axis {axis} of size {size}; count from 0"
            )));
        }
        Index::At(place) => {
            let place = TensorProto::from_integers(&argument, &[], &[place]);
            ("Gather", Some(place), vec![Attribute::int("axis", axis as i64)])
        }
        Index::Mean if opset < 18 => {
            ("ReduceMean", None, vec![Attribute::ints("axes", &[axis as i64]), Attribute::int("keepdims", 0)])
        }
        Index::Mean => {
            let axes = TensorProto::from_integers(&argument, &[1], &[axis as i64]);
            ("ReduceMean", Some(axes), vec![Attribute::int("keepdims", 0)])
        }
    };
    kind.shape.remove(axis);
    let inputs = [from].into_iter().chain(value.is_some().then_some(argument.as_str())).map(str::to_owned).collect();
    graph.initializer.extend(value);
    graph.node.push(NodeProto { attribute: attributes, ..NodeProto::new(op, &to, inputs, vec![to.clone()]) });
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_names_with_an_index() {
        let parsed = |text: &str| text.parse::<ScoreOutput>();
        assert_eq!(parsed("logits").unwrap(), ScoreOutput { name: "logits".into(), index: vec![] });
        let index = vec![Index::All, Index::At(-1), Index::Mean];
        assert_eq!(parsed("out[0][:, -1, *]").unwrap(), ScoreOutput { name: "out[0]".into(), index });
        for text in ["x[]", "x[:,a]", "x]", "x[0,:]"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
