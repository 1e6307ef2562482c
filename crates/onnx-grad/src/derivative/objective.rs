//! What is differentiated: a number per picture, made of a model's outputs.

use std::fmt;

use crate::onnx::ModelProto;

/// The name of the added input of an inner product: the vector, in the shape of the output.
pub const COTANGENT: &str = "cotangent";

/// A number per picture, or scores `[N, classes]` of which the input `target` chooses one.
///
/// As text: `logits`, `logits[:,281]`, `logits[:,281] - logits[:,285]`, `-logits[:,281]`, `boxes[:,max,4]`,
/// `seg[:,15,10:20,30:40]` with [`Selection`]s, or `dot(features)`.
#[derive(Debug, Clone, PartialEq)]
pub enum Objective {
    /// The sum of its terms.
    Sum(Vec<Term>),
    /// The inner product of a value with the input [`COTANGENT`].
    InnerProduct(String),
    /// A model of its own. Its inputs are values of the differentiated model by name, or else become inputs; its one
    /// output is the number or the scores.
    Graph(Box<ModelProto>),
}

/// One term of an [`Objective`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Whether the term is subtracted.
    pub negative: bool,
    /// The name of an output, or of a value inside the model.
    pub name: String,
    /// What to select along each axis. Empty for the value as it is.
    pub selection: Vec<Selection>,
}

/// What to select along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// `:`, all positions.
    All,
    /// A number, one position. Negative numbers count from the end.
    At(i64),
    /// `from:to`, the mean over the positions from `from` up to but not including `to`. Either may be left out, and
    /// negative numbers count from the end.
    Range(Option<i64>, Option<i64>),
    /// `*` or `mean`, the mean along the axis.
    Mean,
    /// `sum`, the sum along the axis.
    Sum,
    /// `max`, the maximum along the axis.
    Max,
}

impl std::str::FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.trim().strip_prefix("dot(").and_then(|rest| rest.strip_suffix(')')) {
            return Ok(Self::InnerProduct(name.trim().into()));
        }
        let mut terms = Vec::new();
        let mut rest = text.trim_start();
        let mut negative = false;
        if let Some(after) = rest.strip_prefix('-') {
            (negative, rest) = (true, after.trim_start());
        }
        // Names may contain signs, so that a sign between terms needs spaces around it.
        while let Some(place) = [" + ", " - "].iter().filter_map(|sign| rest.find(sign)).min() {
            terms.push(Term::parse(negative, &rest[..place])?);
            negative = rest[place..].starts_with(" -");
            rest = &rest[place + 3..];
        }
        terms.push(Term::parse(negative, rest)?);
        Ok(Self::Sum(terms))
    }
}

impl Term {
    fn parse(negative: bool, text: &str) -> Result<Self, String> {
        let text = text.trim();
        let problem = || {
            format!(
                "\"{text}\" is not an output; write NAME, or NAME[:,281] with one of : NUMBER FROM:TO mean sum max for \
                 each axis"
            )
        };
        if text.is_empty() {
            return Err(problem());
        }
        let Some(inside) = text.strip_suffix(']') else {
            return Ok(Self { negative, name: text.into(), selection: Vec::new() });
        };
        let (name, inside) = inside.rsplit_once('[').filter(|(name, _)| !name.is_empty()).ok_or_else(problem)?;
        let selection = inside.split(',').map(|part| Selection::parse(part.trim())).collect::<Option<_>>();
        Ok(Self { negative, name: name.into(), selection: selection.ok_or_else(problem)? })
    }
}

impl Selection {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            ":" => Self::All,
            "*" | "mean" => Self::Mean,
            "sum" => Self::Sum,
            "max" => Self::Max,
            _ => match text.split_once(':') {
                Some((from, to)) => {
                    let end = |text: &str| match text.trim() {
                        "" => Some(None),
                        number => number.parse().ok().map(Some),
                    };
                    Self::Range(end(from)?, end(to)?)
                }
                None => Self::At(text.parse().ok()?),
            },
        })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum(terms) => terms.iter().enumerate().try_for_each(|(index, term)| {
                let sign = match (index, term.negative) {
                    (0, false) => "",
                    (0, true) => "-",
                    (_, false) => " + ",
                    (_, true) => " - ",
                };
                write!(f, "{sign}{term}")
            }),
            Self::InnerProduct(name) => write!(f, "dot({name})"),
            Self::Graph(_) => f.write_str("a graph"),
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let selection: Vec<String> = self.selection.iter().map(Selection::to_string).collect();
        if selection.is_empty() { Ok(()) } else { write!(f, "[{}]", selection.join(",")) }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |end: &Option<i64>| end.map_or_else(String::new, |end| end.to_string());
        match self {
            Self::All => f.write_str(":"),
            Self::At(place) => write!(f, "{place}"),
            Self::Range(from, to) => write!(f, "{}:{}", end(from), end(to)),
            Self::Mean => f.write_str("mean"),
            Self::Sum => f.write_str("sum"),
            Self::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_terms() {
        let texts =
            ["logits", "logits[:,281]", "a[:,1] - b[:,-2] + c", "-x-1[:,max,4]", "out[0][:,15,10:20,:-3]", "dot(y)"];
        for text in texts {
            assert_eq!(text.parse::<Objective>().unwrap().to_string(), text);
        }
        assert_eq!("s[:, *]".parse::<Objective>().unwrap().to_string(), "s[:,mean]");
        for text in ["", "x[]", "x[:,a]", "x]", "[:]", "a + ", "x[1:b]"] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
