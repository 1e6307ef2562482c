//! Whether anything moves by itself, which decides between the moving and the standing estimate.

/// Motion above which a pixel counts as moving.
const MOVING: f32 = 0.5;
/// Share of the picture that must move for motion to count fully. From 0.002 to 0.005, J is the same.
const FULL_SHARE: f32 = 0.004;
/// Share of the gap to the current value that closes per frame as motion ends. Motion that begins counts at once:
/// otherwise the standing estimate would flash up at the beginning of each shot.
const FALL: f32 = 0.1;
/// Share of the weight that remains from one frame to the next: what has moved stays salient for a while, and the
/// transition to the standing estimate takes two seconds.
const KEEP: f32 = 0.98;

/// The amount of independent motion, over time.
#[derive(Default)]
pub(super) struct Presence {
    /// Current value, 0..=1: how strongly missing motion counts against a pixel, and how much is learnt from the frame.
    pub now: f32,
    /// Recent value, 0..=1: the weight of the moving estimate relative to the standing one.
    pub lately: f32,
}

impl Presence {
    /// Updates both values with a frame's motion map (0..=1).
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
