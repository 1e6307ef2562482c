//! Pictures in the middle of a clip that have another size, or other pixels, than its first ones.

use std::sync::{Arc, Mutex, PoisonError};

use opencv::core::Size;

use crate::platform::ffmpeg::PictureShape;

/// Counts the pictures of other shapes; shared with the thread that reads the decoder's log.
#[derive(Debug, Clone)]
pub struct ShapeChanges {
    first: PictureShape,
    counted: Arc<Mutex<Counted>>,
}

#[derive(Debug, Default)]
struct Counted {
    others: u64,
    /// The first other shape.
    other: Option<PictureShape>,
}

impl ShapeChanges {
    /// For a clip whose first pictures have the shape `first`.
    pub fn new(first: PictureShape) -> Self {
        Self { first, counted: Arc::default() }
    }

    /// Counts a picture.
    pub fn picture(&self, shape: PictureShape) {
        let is_same_pixel = (shape.pixel_aspect / self.first.pixel_aspect - 1.0).abs() < 1e-3;
        if shape.size != self.first.size || !is_same_pixel {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.others += 1;
            counted.other.get_or_insert(shape);
        }
    }

    /// Forgets all pictures, for a clip that is read again.
    pub fn restart(&self) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = Counted::default();
    }

    /// What the user should know, as a predicate about the clip.
    pub fn note(&self) -> Option<String> {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, other) = (shown_size(self.first), shown_size(counted.other?));
        let count = counted.others;
        Some(format!("changes its size from {first} to {other}: {count} frames are fitted into the first size"))
    }
}

/// The size with square pixels, such as `1024x576`.
fn shown_size(shape: PictureShape) -> String {
    let Size { width, height } = shape.square_size();
    format!("{width}x{height}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_shapes_are_counted() {
        let shape = |width, pixel_aspect| PictureShape { size: Size::new(width, 120), pixel_aspect };
        let changes = ShapeChanges::new(shape(160, 1.0));
        changes.picture(shape(160, 1.0));
        assert_eq!(changes.note(), None);
        changes.picture(shape(160, 2.0));
        changes.picture(shape(80, 1.0));
        let note = "changes its size from 160x120 to 320x120: 2 frames are fitted into the first size";
        assert_eq!(changes.note().as_deref(), Some(note));
        changes.restart();
        assert_eq!(changes.note(), None);
    }
}
