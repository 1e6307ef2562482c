//! For each pixel, the nearest pixel of an object.

use ndarray::Array2;

use crate::commands::eval::metric::MaskView;

/// The nearest pixel of the object, as (row, column), by exact Euclidean distance. If there are several, it is the one
/// in the leftmost column, then the upper one, as in scipy. `None` everywhere if there is no object.
///
/// Meijster et al., "A General Algorithm for Computing Distance Transforms in Linear Time", 2000: first along columns,
/// then along rows.
pub(super) fn nearest(object: MaskView) -> Array2<Option<(usize, usize)>> {
    let rows = nearest_in_column(object);
    let mut out = Array2::from_elem(object.dim(), None);
    let mut envelope = Vec::new();
    for (y, (rows, mut out)) in rows.rows().into_iter().zip(out.rows_mut()).enumerate() {
        lower_envelope(rows.iter().copied(), y, rows.len(), &mut envelope);
        for (i, piece) in envelope.iter().enumerate() {
            let end = envelope.get(i + 1).map_or(rows.len(), |next| next.start);
            (piece.start..end).for_each(|x| out[x] = Some((piece.row, piece.column)));
        }
    }
    out
}

/// For each pixel, the row of the nearest object pixel in its column; if there are two, the upper one.
fn nearest_in_column(object: MaskView) -> Array2<Option<usize>> {
    let (height, width) = object.dim();
    let mut rows = Array2::from_elem((height, width), None);
    for x in 0..width {
        let mut above = None;
        for y in 0..height {
            above = if object[(y, x)] { Some(y) } else { above };
            rows[(y, x)] = above;
        }
        let mut below: Option<usize> = None;
        for y in (0..height).rev() {
            below = if object[(y, x)] { Some(y) } else { below };
            let above: Option<usize> = rows[(y, x)];
            if above.is_none_or(|above| below.is_some_and(|below| below - y < y - above)) {
                rows[(y, x)] = below;
            }
        }
    }
    rows
}

/// The part of a row, from `start` to the start of the next piece, whose nearest object pixel is at (`row`, `column`).
struct EnvelopePiece {
    start: usize,
    row: usize,
    column: usize,
}

impl EnvelopePiece {
    /// The squared distance to column `x` of row `y`.
    fn distance(&self, x: usize, y: usize) -> usize {
        self.column.abs_diff(x).pow(2) + self.row.abs_diff(y).pow(2)
    }
}

/// Fills `envelope` with the pieces of row `y`, given the nearest row in each column.
fn lower_envelope(
    rows: impl Iterator<Item = Option<usize>>,
    y: usize,
    width: usize,
    envelope: &mut Vec<EnvelopePiece>,
) {
    envelope.clear();
    for (column, row) in rows.enumerate().filter_map(|(column, row)| Some((column, row?))) {
        let new = EnvelopePiece { start: 0, row, column };
        while envelope.pop_if(|last| last.distance(last.start, y) > new.distance(last.start, y)).is_some() {}
        // The first column that is nearer to the new pixel than to the last one.
        let start = envelope
            .last()
            .map_or(0, |last| 1 + (new.distance(0, y) - last.distance(0, y)) / (2 * (column - last.column)));
        if start < width {
            envelope.push(EnvelopePiece { start, ..new });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a brute-force search, in the order in which ties are resolved.
    fn by_trial(object: &Array2<bool>, (y, x): (usize, usize)) -> Option<(usize, usize)> {
        let places = object.indexed_iter().filter(|(_, object)| **object).map(|(place, _)| place);
        places.min_by_key(|&(row, column)| (row.abs_diff(y).pow(2) + column.abs_diff(x).pow(2), column, row))
    }

    #[test]
    fn the_nearest_pixel_is_that_of_a_full_search() {
        for (height, width, modulus) in [(1, 9, 4), (9, 1, 4), (17, 23, 7), (24, 15, 29), (13, 40, 101)] {
            // Scattered pixels with many ties.
            let object =
                Array2::from_shape_fn((height, width), |(y, x)| (y * y * 13 + x * 31 + x * y * 5) % modulus == 0);
            assert!(object.iter().any(|&pixel| pixel));
            for (place, &found) in nearest(object.view()).indexed_iter() {
                assert_eq!(found, by_trial(&object, place), "at {place:?} of {height} x {width}");
            }
        }
    }

    #[test]
    fn without_an_object_nothing_is_near() {
        assert!(nearest(Array2::default((3, 4)).view()).iter().all(Option::is_none));
    }
}
