//! The threads of an evaluation: one makes maps, several others score them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;

use super::dataset::Dataset;
use super::predict::{FrameMaps, MapGenerator};
use super::score::{ScoreJob, ScoredFrame, Scorer};
use crate::pipeline::channel::{LinkPolicy, Receiver, Sender, link, stage};
use crate::{Error, Result};

/// An item between two threads. Errors travel with the frames, so that the root cause arrives first.
type Message = Result<ScoreJob>;

/// The links with the scored frames: frame i is scored by thread i modulo the number of threads.
pub struct Scorers {
    scored: Vec<Receiver<ScoredFrame>>,
    next: usize,
}

impl Scorers {
    /// Starts a thread that makes the maps of every frame, and `threads` threads that score them. `counting` says which
    /// frames of each sequence count. `stop` ends the work early.
    ///
    /// # Errors
    /// [`Error::Panic`] if the system cannot start another thread.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        maker: MapGenerator,
        scorer: &'scope Scorer<'scope>,
        counting: &'scope [Vec<bool>],
        threads: usize,
        stop: &'scope AtomicBool,
    ) -> Result<Self> {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..threads).map(|_| link("maps", LinkPolicy::Lossless(1))).unzip();
        // This stage's own link stays empty: frames and errors go through the links to the scoring threads.
        stage(scope, "maps", LinkPolicy::Lossless(1), move |_: &Sender<()>| {
            feed(maker, scorer.dataset, counting, senders, stop)
        })?;
        let score = |jobs: Receiver<Message>| {
            stage(scope, "score", LinkPolicy::Lossless(1), move |out| {
                while let Some(job) = jobs.recv()? {
                    out.send(scorer.score(&job?)?)?;
                }
                Ok(())
            })
        };
        let scored = receivers.into_iter().map(score).collect::<Result<_>>()?;
        Ok(Self { scored, next: 0 })
    }

    /// The next frame; `None` at the end.
    ///
    /// # Errors
    /// The error that stopped the work.
    pub fn next(&mut self) -> Result<Option<ScoredFrame>> {
        let scored = self.scored[self.next].recv()?;
        self.next = (self.next + 1) % self.scored.len();
        Ok(scored)
    }
}

/// Makes the maps of all frames, and distributes them to the threads in turn.
fn feed(
    mut maker: MapGenerator,
    dataset: &Dataset,
    counting: &[Vec<bool>],
    links: Vec<Sender<Message>>,
    stop: &AtomicBool,
) -> Result<()> {
    let mut turn = links.iter().cycle();
    let mut deal = |message| turn.next().map_or(Ok(()), |link| link.send(message));
    for (index, (sequence, counting)) in dataset.sequences.iter().zip(counting).enumerate() {
        let mut before = None;
        let made = maker.run(sequence, stop, |moment| {
            let FrameMaps { index: frame, size, maps, motion, timing } = moment;
            let before = before.replace(Arc::clone(&maps)).filter(|_| !motion.first);
            let counts = counting[frame];
            deal(Ok(ScoreJob { sequence: index, frame, counts, size, maps, before, flow: motion.flow, timing }))
        });
        match made {
            Ok(()) => {}
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(error) => {
                deal(Err(error))?;
                break;
            }
        }
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    links.into_iter().for_each(Sender::end);
    Ok(())
}
