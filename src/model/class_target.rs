//! The class that a run of a classifier explains.

use onnx_grad::OPPOSITE_OF_FIRST;

/// A class, or its opposite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ClassTarget {
    /// The class id.
    pub class: usize,
    /// Whether to explain what speaks against the class.
    pub opposite: bool,
}

impl ClassTarget {
    /// The number that stands for it in a gradient model's input `target`.
    pub(super) fn number(self) -> i64 {
        if self.opposite { OPPOSITE_OF_FIRST - self.class as i64 } else { self.class as i64 }
    }
}

impl From<usize> for ClassTarget {
    fn from(class: usize) -> Self {
        Self { class, opposite: false }
    }
}
