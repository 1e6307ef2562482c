//! Finds the class that is best in most frames of a clip, before the clip is explained.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::saliency::StaticSaliency;
use crate::source::FrameSource;
use crate::{Error, Result};

/// The number of frames to classify; for a longer clip, one per second.
const MAX_SAMPLED_FRAMES: u64 = 32;

/// Sets the target of `static_saliency` to the best class of the first frame in `source`.
///
/// # Errors
/// Those of the input and of the classifier.
pub fn first(mut source: Box<dyn FrameSource>, static_saliency: &mut StaticSaliency) -> Result<()> {
    if let Some(frame) = source.read()? {
        let class = static_saliency.top(&frame)?;
        static_saliency.set_target_class(class);
    }
    Ok(())
}

/// Sets the target of `static_saliency` to the most frequent class of the clip in `source`. If the clip breaks off, the
/// frames before count.
///
/// # Errors
/// Those of the input's first frame and of the classifier.
pub fn survey(mut source: Box<dyn FrameSource>, static_saliency: &mut StaticSaliency, stop: &AtomicBool) -> Result<()> {
    let info = source.info();
    let second = info.rate.fps().round().max(1.0) as u64;
    let interval = info.frames.map_or(second, |frames| (frames / MAX_SAMPLED_FRAMES).clamp(1, second));
    let mut counts: HashMap<usize, usize> = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        match source.read() {
            Ok(Some(frame)) if frame.index.is_multiple_of(interval) => {
                *counts.entry(static_saliency.top(&frame)?).or_default() += 1;
            }
            Ok(Some(_)) => {}
            Err(error) if counts.is_empty() => return Err(error),
            Ok(None) | Err(Error::Input { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    // If classes are equally frequent, the lowest id wins, so that the choice does not depend on the order of the hash
    // table.
    let most = counts.into_iter().max_by_key(|(class, count)| (*count, std::cmp::Reverse(*class)));
    if let Some((class, _)) = most {
        static_saliency.set_target_class(class);
    }
    Ok(())
}
