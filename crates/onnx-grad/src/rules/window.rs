//! Sliding windows: the geometry that convolution and pooling share.

use std::ops::Range;

use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::Node;

/// A window along one spatial axis: output `o` reads the inputs `o * stride + tap * dilation + skip - begin`.
#[derive(Debug, Clone, Copy)]
pub struct SlidingWindow {
    /// Number of taps in the window.
    pub kernel: usize,
    /// Distance between windows, in inputs.
    pub stride: usize,
    /// Distance between taps, in inputs.
    pub dilation: usize,
    /// Padding before the first input.
    pub begin: usize,
    /// Inputs left out before the first window, if it has no padding.
    pub skip: usize,
    /// Number of inputs.
    pub input: usize,
    /// Number of outputs.
    pub output: usize,
}

/// Larger than the taps, padding or stride of any real network; larger attributes are treated as
/// errors.
const LIMIT: usize = 1 << 20;

impl SlidingWindow {
    /// The windows of `node` along each spatial axis, with automatic padding resolved.
    ///
    /// # Errors
    /// [`crate::Error::Graph`] if the attributes do not fit the shapes.
    pub fn all(node: &Node, kernel: &[usize]) -> Result<Vec<Self>> {
        let windows = Self::read(node, kernel, &node.input(0)?.shape, &node.output(0)?.shape)?;
        let padding = node.proto.text("auto_pad").unwrap_or("NOTSET");
        let is_same = matches!(padding, "SAME_UPPER" | "SAME_LOWER");
        if is_same && !node.proto.is("Conv") && windows.iter().any(|window| window.dilation > 1) {
            let problem = "pads automatically with dilations, for which ONNX and runtimes have different sizes";
            return Err(node.error(&format!("{problem}; export the model with pads")));
        }
        let padded = |window: Self| if node.proto.is("Conv") { window.padded(padding) } else { window.pooled(padding) };
        Ok(windows.into_iter().map(padded).collect())
    }

    /// The windows of a transposed convolution, which writes where a convolution reads. Its result
    /// counts as the input.
    ///
    /// # Errors
    /// [`crate::Error::Graph`] if the attributes do not fit the shapes.
    pub fn transposed(node: &Node, kernel: &[usize]) -> Result<Vec<Self>> {
        let windows = Self::read(node, kernel, &node.output(0)?.shape, &node.input(0)?.shape)?;
        let upper = match node.proto.text("auto_pad").unwrap_or("NOTSET") {
            "SAME_UPPER" => true,
            "SAME_LOWER" => false,
            _ if node.proto.ints("output_shape").is_some() => false,
            _ => return Ok(windows),
        };
        let added = node.proto.ints("output_padding").unwrap_or_default();
        let cut = |(axis, window): (usize, Self)| {
            let added = added.get(axis).map_or(0, |added| (*added).clamp(0, LIMIT as i64) as usize);
            let total = ((window.output - 1) * window.stride + added + window.extent()).saturating_sub(window.input);
            Self { begin: if upper { total / 2 } else { total - total / 2 }, ..window }
        };
        Ok(windows.into_iter().enumerate().map(cut).collect())
    }

    /// The blocks of Col2Im, which writes to the image where a window would read. As many as fit are there.
    ///
    /// # Errors
    /// [`crate::Error::Graph`] if the attributes do not fit the image's shape.
    pub fn of_blocks(node: &Node, block: &[usize], image: &[usize]) -> Result<Vec<Self>> {
        let pads = node.proto.ints("pads").unwrap_or_default();
        let fit = |(axis, window): (usize, Self)| {
            let end = pads.get(block.len() + axis).map_or(0, |end| *end as usize);
            let room = (window.begin + window.input + end).checked_sub(window.extent());
            let room = room.ok_or_else(|| node.error("has blocks that do not fit its image"))?;
            Ok(Self { output: room / window.stride + 1, ..window })
        };
        Self::read(node, block, image, &vec![1; image.len()])?.into_iter().enumerate().map(fit).collect()
    }

    /// The windows as declared by the attributes, between two values of the given shapes.
    fn read(node: &Node, kernel: &[usize], input: &[usize], output: &[usize]) -> Result<Vec<Self>> {
        let (input, output) = (spatial(input), spatial(output));
        let axes = kernel.len();
        let list = |name: &str, default: usize, length: usize| -> Result<Vec<usize>> {
            let Some(values) = node.proto.ints(name) else { return Ok(vec![default; length]) };
            let values: Option<Vec<usize>> = values.iter().map(|value| usize::try_from(*value).ok()).collect();
            let fits = |values: &Vec<usize>| {
                values.len() == length && values.iter().all(|value| (default..=LIMIT).contains(value))
            };
            let fits = values.filter(fits);
            fits.ok_or_else(|| node.error(&format!("has {name} that do not fit its input")))
        };
        let taps = kernel.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
        if axes == 0
            || taps.is_none_or(|taps| taps > LIMIT)
            || input.len() != axes
            || output.len() != axes
            || kernel.contains(&0)
            || output.contains(&0)
        {
            return Err(node.error("has a kernel that does not fit its input"));
        }
        let (strides, dilations) = (list("strides", 1, axes)?, list("dilations", 1, axes)?);
        let pads = list("pads", 0, 2 * axes)?;
        let window = |axis: usize| Self {
            kernel: kernel[axis],
            stride: strides[axis],
            dilation: dilations[axis],
            begin: pads[axis],
            skip: 0,
            input: input[axis],
            output: output[axis],
        };
        Ok((0..axes).map(window).collect())
    }

    /// The window with the padding that `auto_pad` specifies.
    fn padded(self, auto_pad: &str) -> Self {
        let total = ((self.output - 1) * self.stride + self.extent()).saturating_sub(self.input);
        let begin = match auto_pad {
            "SAME_UPPER" => total / 2,
            "SAME_LOWER" => total - total / 2,
            "VALID" => 0,
            _ => self.begin,
        };
        Self { begin, ..self }
    }

    /// The window of a pool with the padding that `auto_pad` specifies. ONNX Runtime leaves out inputs if the stride is
    /// longer than the kernel.
    fn pooled(self, auto_pad: &str) -> Self {
        let total =
            (self.input.div_ceil(self.stride).saturating_sub(1) * self.stride + self.kernel) as i64 - self.input as i64;
        let begin = match auto_pad {
            "SAME_UPPER" => total / 2,
            "SAME_LOWER" => (total + 1) / 2,
            "VALID" => 0,
            _ => return self,
        };
        Self { begin: begin.max(0) as usize, skip: (-begin).max(0) as usize, ..self }
    }

    /// The same window with the shortest equivalent stride: with one output, no stride is taken.
    pub fn within(self) -> Self {
        if self.output == 1 { Self { stride: self.stride.min(self.input.max(1)), ..self } } else { self }
    }

    /// The distance from a window's first input to the position after its last input.
    pub fn extent(&self) -> usize {
        (self.kernel - 1) * self.dilation + 1
    }

    /// The padding after the last input, negative if inputs are left over.
    pub fn end(&self) -> i64 {
        ((self.output - 1) * self.stride + self.extent() + self.skip) as i64 - (self.begin + self.input) as i64
    }

    /// The input that a tap of an output reads, or `None` in the padding.
    pub fn reads(&self, output: usize, tap: usize) -> Option<usize> {
        (output * self.stride + tap * self.dilation + self.skip)
            .checked_sub(self.begin)
            .filter(|place| *place < self.input)
    }

    /// The outputs that read an input rather than padding through `tap`.
    pub fn outputs_through(&self, tap: usize) -> Range<usize> {
        let ahead = tap * self.dilation + self.skip;
        let start = self.begin.saturating_sub(ahead).div_ceil(self.stride);
        let end = (self.begin + self.input).saturating_sub(ahead).div_ceil(self.stride);
        start.min(self.output)..end.min(self.output)
    }

    /// The number of inputs in one phase. Every `stride`-th input belongs to the same phase.
    pub fn phase_length(&self) -> usize {
        self.input.div_ceil(self.stride)
    }

    /// The phase of the inputs that `tap` reads, and how many positions ahead their outputs are:
    /// input `stride * u + phase` is read through `tap` by output `u + shift`.
    pub fn phase(&self, tap: usize) -> (usize, i64) {
        let offset = (tap * self.dilation + self.skip) as i64 - self.begin as i64;
        let stride = self.stride as i64;
        (offset.rem_euclid(stride) as usize, -offset.div_euclid(stride))
    }
}

/// The sizes after batch and channels.
pub fn spatial(shape: &[usize]) -> &[usize] {
    shape.get(2..).unwrap_or_default()
}

/// The product of `sizes`, saturating at the largest number.
pub fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product: usize, size| product.saturating_mul(*size))
}

/// All combinations of one index below each limit. The last index varies fastest.
pub fn grid(limits: &[usize]) -> Vec<Vec<usize>> {
    limits.iter().fold(vec![Vec::new()], |grid, limit| {
        let extend = |index: &Vec<usize>| {
            let index = index.clone();
            (0..*limit).map(move |next| [index.as_slice(), &[next]].concat())
        };
        grid.iter().flat_map(extend).collect()
    })
}

/// An attribute that lists sizes along the spatial axes.
pub fn ints(name: &str, values: impl Iterator<Item = usize>) -> Attribute {
    Attribute::ints(name, &values.map(|value| value as i64).collect::<Vec<_>>())
}
