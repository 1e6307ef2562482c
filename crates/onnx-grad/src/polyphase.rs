//! Builder methods that split a strided grid into its phases, one per remainder modulo the strides,
//! and join them again: the polyphase decomposition of multirate filters.

use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Tape, Tensor};

impl Tape<'_> {
    /// The phases of the spatial axes of `x`. Phase `(i, j)` contains every element whose position
    /// has the remainders `(i, j)` modulo the strides. Phases are in row-major order and have the
    /// same size, padded with zeros.
    pub fn to_phases(&mut self, x: &Tensor, strides: &[usize]) -> Vec<Tensor> {
        if !self.expect(x.rank() == strides.len() + 2, "SpaceToDepth") {
            return vec![x.clone(); strides.iter().product()];
        }
        let count: usize = strides.iter().product();
        let fill = x.shape[2..].iter().zip(strides).map(|(size, stride)| size.next_multiple_of(*stride) - size);
        let x = self.pad(x, &vec![0; x.rank()], &[0, 0].into_iter().chain(fill).collect::<Vec<_>>());
        if count == 1 {
            return vec![x];
        }
        let phases = self.space_to_depth(&x, strides);
        self.split(&phases, 1, &vec![x.shape[1]; count])
    }

    /// The inverse of [`Tape::to_phases`], cropped to `shape`.
    pub fn from_phases(&mut self, phases: &[Tensor], strides: &[usize], shape: &[usize]) -> Tensor {
        let joined = if phases.len() == 1 { phases[0].clone() } else { self.concat(phases, 1) };
        self.interleave(&joined, strides, shape)
    }

    /// Moves channels `[phase x channel]` back to the positions of their phases, cropped to
    /// `shape`.
    pub fn interleave(&mut self, x: &Tensor, strides: &[usize], shape: &[usize]) -> Tensor {
        let joined =
            if strides.iter().all(|stride| *stride == 1) { x.clone() } else { self.depth_to_space(x, strides) };
        self.slice(&joined, &vec![0; shape.len()], shape)
    }

    fn space_to_depth(&mut self, x: &Tensor, strides: &[usize]) -> Tensor {
        let (batch, channels, axes) = (x.shape[0], x.shape[1], strides.len());
        let count: usize = strides.iter().product();
        let mut shape = vec![batch, count * channels];
        shape.extend(x.shape[2..].iter().zip(strides).map(|(size, stride)| size / stride));
        if let [a, b] = strides
            && a == b
        {
            return self.emit("SpaceToDepth", &[x], vec![Attribute::int("blocksize", *a as i64)], x.dtype, shape);
        }
        let blocks = x.shape[2..].iter().zip(strides).flat_map(|(size, stride)| [size / stride, *stride]);
        let blocks = self.reshape(x, &[batch, channels].into_iter().chain(blocks).collect::<Vec<_>>());
        let (phases, places) = ((0..axes).map(|axis| 3 + 2 * axis), (0..axes).map(|axis| 2 + 2 * axis));
        let order: Vec<usize> = [0].into_iter().chain(phases).chain([1]).chain(places).collect();
        let transposed = self.transpose(&blocks, &order);
        self.reshape(&transposed, &shape)
    }

    fn depth_to_space(&mut self, x: &Tensor, strides: &[usize]) -> Tensor {
        let (batch, axes) = (x.shape[0], strides.len());
        let channels = x.shape[1] / strides.iter().product::<usize>();
        let mut shape = vec![batch, channels];
        shape.extend(x.shape[2..].iter().zip(strides).map(|(size, stride)| size * stride));
        if let [a, b] = strides
            && a == b
        {
            return self.emit("DepthToSpace", &[x], vec![Attribute::int("blocksize", *a as i64)], x.dtype, shape);
        }
        let split = [&[batch], strides, &[channels], &x.shape[2..]].concat();
        let split = self.reshape(x, &split);
        let places = (0..axes).flat_map(|axis| [2 + axes + axis, 1 + axis]);
        let order: Vec<usize> = [0, 1 + axes].into_iter().chain(places).collect();
        let transposed = self.transpose(&split, &order);
        self.reshape(&transposed, &shape)
    }
}
