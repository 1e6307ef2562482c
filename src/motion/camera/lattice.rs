//! The points of a flow that the camera models are fitted to.

use opencv::core::{Point, Size, Vec2f};

/// Every `step`-th point of a grid of `size`, starting at `first`.
pub(super) fn lattice(size: Size, first: usize, step: usize) -> Vec<Point> {
    let along = |length: i32| (first as i32..length).step_by(step);
    along(size.height).flat_map(|y| along(size.width).map(move |x| Point::new(x, y))).collect()
}

/// The vector at `point` of a flow of `size`.
pub(super) fn vector_at(vectors: &[Vec2f], size: Size, point: Point) -> Vec2f {
    vectors[(point.y * size.width + point.x) as usize]
}
