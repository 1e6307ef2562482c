//! What reads pictures from a file.

use opencv::core::Mat;

use super::frames::LateWarnings;
use crate::Result;

/// Decodes the pictures of one video stream, in order.
pub trait Decoder: Send {
    /// Continues at a key frame at or before `time`, in seconds since the stream's first frame, or as near as the file
    /// allows. A time of 0 is the start of the file.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the file can no longer be opened.
    fn seek(&mut self, time: f64) -> Result<()>;

    /// Moves to the next picture and returns its time in seconds since the stream's first frame; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the source broke off.
    fn grab(&mut self) -> Result<Option<f64>>;

    /// The picture that [`Decoder::grab`] moved to: as it is stored, not rotated, 8-bit BGR (`CV_8UC3`).
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if it cannot be decoded.
    fn retrieve(&mut self) -> Result<Mat>;

    /// Time of the last picture, if there was one.
    fn last(&self) -> Option<f64>;

    /// Whether decoding failed in between and then continued.
    fn has_recovered(&self) -> bool;

    /// Gives what the user should know when the pictures have been read, as predicates about the clip.
    fn late_notes(&self) -> LateWarnings {
        Box::new(Vec::new)
    }

    /// The message that the source broke off, at the end of one that did.
    fn break_off(&self) -> Option<&str> {
        None
    }
}
