//! Whether something moves by itself: what moves outweighs what stands, where it does.

/// Motion from which on a pixel moves.
const MOVING: f32 = 0.5;
/// The part of the picture that must move for motion to count fully. From 0.002 to 0.005 J is the same.
const FULL_SHARE: f32 = 0.004;
/// Part of the distance to what is seen now that is gone each frame as motion ends; it begins at once, since later there
/// would be a flash of what stands at the beginning of each shot.
const FALL: f32 = 0.1;
/// Part of the weight that stays from one frame to the next: what has moved is looked at for a while, and the passage to
/// what stands takes two seconds.
const KEEP: f32 = 0.98;

/// How much moves by itself, over time.
#[derive(Default)]
pub(super) struct Presence {
    /// Now, 0..=1: how far the lack of motion in a place speaks against it, and how much is learnt from the frame.
    pub now: f32,
    /// Lately, 0..=1: the weight of what moves against what the classifier looks at.
    pub lately: f32,
}

impl Presence {
    /// Goes on to a frame with this motion, 0..=1 a pixel.
    pub(super) fn step(&mut self, motion: &[f32]) {
        let moving = motion.iter().filter(|value| **value > MOVING).count() as f32;
        let seen = (moving / motion.len().max(1) as f32 / FULL_SHARE).min(1.0);
        self.now = seen.max(self.now + FALL * (seen - self.now));
        self.lately = (KEEP * self.lately).max(self.now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(frames: &[(f32, usize)]) -> Presence {
        let mut presence = Presence::default();
        for (share, count) in frames {
            let motion: Vec<f32> = (0..1000).map(|i| f32::from((i as f32) < share * 1000.0)).collect();
            (0..*count).for_each(|_| presence.step(&motion));
        }
        presence
    }

    #[test]
    fn motion_takes_over_at_once_and_lets_go_slowly() {
        let begun = after(&[(0.0, 50), (0.02, 3)]);
        assert!(begun.now == 1.0 && begun.lately == 1.0, "{} {}", begun.now, begun.lately);
        let stopped = after(&[(0.02, 50), (0.0, 12)]);
        assert!(stopped.now < 0.3 && stopped.lately > 0.75, "{} {}", stopped.now, stopped.lately);
        assert!(after(&[(0.02, 50), (0.0, 120)]).lately < 0.1);
    }

    #[test]
    fn nothing_moves_where_nothing_moved() {
        let still = after(&[(0.0, 50)]);
        assert_eq!((still.now, still.lately), (0.0, 0.0));
    }
}
