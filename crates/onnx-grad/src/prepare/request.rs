//! What a classifier is to be prepared for.

use crate::score::output::ScoreOutput;

/// Values for what a classifier's file leaves open.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Batch size, at least 1.
    pub batch: usize,
    /// Height and width of the image in pixels. `None` uses the file's own size, or 224 x 224 if
    /// the model accepts any.
    pub size: Option<[usize; 2]>,
    /// The output of class scores. `None` chooses the one that is most likely to hold them.
    pub output: Option<ScoreOutput>,
    /// The number of classes that are named somewhere, which helps to choose the output.
    pub classes: Option<usize>,
}

impl Default for Request {
    fn default() -> Self {
        Self { batch: 1, size: None, output: None, classes: None }
    }
}
