//! Named threads connected by bounded links. This module does not depend on video, OpenCV or ONNX.
//!
//! A link is ordered and holds only a few items, so that memory use does not grow with the length of the clip. Links of
//! a file are lossless: the sender waits. Links of a live session keep only the newest item: it replaces the waiting
//! one. Errors travel in the link, after the items that came before them, so finished work is kept and the root cause
//! arrives first. A link ends with an explicit message; if it just closes, this is an error, never success.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread::Scope;
use std::time::Duration;

use crossbeam_channel as channel;
use crossbeam_channel::TrySendError;

use crate::{Error, Result};

/// What happens to an item if the previous one is still waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkPolicy {
    /// It waits too. If this number of items are waiting, its sender blocks. With 0, items are handed over directly, so
    /// that none gets old in a queue.
    Lossless(usize),
    /// It replaces the waiting item.
    Latest,
}

enum LinkMessage<T> {
    Item(T),
    Failed(Error),
    End,
}

/// The sending end of a link.
pub struct Sender<T> {
    messages: channel::Sender<LinkMessage<T>>,
    /// The other end of the channel, to remove the waiting item, with [`LinkPolicy::Latest`].
    waiting: Option<channel::Receiver<LinkMessage<T>>>,
    /// Whether there is a receiver. The channel itself cannot tell while its sender holds both ends.
    listener: Weak<()>,
}

/// The receiving end of a link, named after the stage that feeds it.
pub struct Receiver<T> {
    stage: &'static str,
    messages: channel::Receiver<LinkMessage<T>>,
    /// Whether the end message has arrived.
    ended: Cell<bool>,
    _listens: Arc<()>,
}

impl<T> Sender<T> {
    /// Sends one item, according to the link's [`LinkPolicy`].
    ///
    /// # Errors
    /// [`Error::Stopped`] if there is no receiver any more; pass it on with `?`.
    pub fn send(&self, item: T) -> Result<()> {
        self.deliver(LinkMessage::Item(item))
    }

    /// Signals that no more items come.
    pub fn end(self) {
        self.say(LinkMessage::End);
    }

    fn say(&self, last: LinkMessage<T>) {
        // The sender has nothing left to send, so a missing receiver does not matter.
        let _ = self.deliver(last);
    }

    fn deliver(&self, mut message: LinkMessage<T>) -> Result<()> {
        let Some(waiting) = &self.waiting else { return self.messages.send(message).map_err(|_| Error::Stopped) };
        while self.listener.strong_count() > 0 {
            match self.messages.try_send(message) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(again)) => message = again,
                Err(TrySendError::Disconnected(_)) => break,
            }
            // Empty if the receiver was faster.
            let _ = waiting.try_recv();
        }
        Err(Error::Stopped)
    }
}

impl<T> Receiver<T> {
    /// The next item, or `None` at the end, also if called again.
    ///
    /// # Errors
    /// The error that stopped an earlier stage, or [`Error::Panic`] if the link closed without an end message.
    pub fn recv(&self) -> Result<Option<T>> {
        match self.messages.recv() {
            Ok(message) => self.open(message),
            Err(_) => self.closed(),
        }
    }

    /// The next item, if it comes within `patience`.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    pub fn recv_within(&self, patience: Duration) -> Result<Next<T>> {
        let item = match self.messages.recv_timeout(patience) {
            Ok(message) => self.open(message)?,
            Err(channel::RecvTimeoutError::Timeout) => return Ok(Next::Late),
            Err(channel::RecvTimeoutError::Disconnected) => self.closed()?,
        };
        Ok(item.map_or(Next::End, Next::Item))
    }

    fn open(&self, message: LinkMessage<T>) -> Result<Option<T>> {
        match message {
            LinkMessage::Item(item) => Ok(Some(item)),
            LinkMessage::Failed(error) => Err(error),
            LinkMessage::End => {
                self.ended.set(true);
                Ok(None)
            }
        }
    }

    fn closed(&self) -> Result<Option<T>> {
        match self.ended.get() {
            true => Ok(None),
            false => Err(Error::Panic { stage: self.stage.into(), message: "ended without a result".into() }),
        }
    }
}

/// The result of [`Receiver::recv_within`].
#[derive(Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// An item.
    Item(T),
    /// Nothing yet.
    Late,
    /// No more items come.
    End,
}

/// A link with a sender for the stage called `stage`.
pub fn link<T>(stage: &'static str, policy: LinkPolicy) -> (Sender<T>, Receiver<T>) {
    let (sender, messages) = channel::bounded(match policy {
        LinkPolicy::Lossless(most) => most,
        LinkPolicy::Latest => 1,
    });
    let listens = Arc::new(());
    let waiting = (policy == LinkPolicy::Latest).then(|| messages.clone());
    let sender = Sender { messages: sender, waiting, listener: Arc::downgrade(&listens) };
    (sender, Receiver { stage, messages, ended: Cell::new(false), _listens: listens })
}

/// Starts a stage on a thread called `name`, and returns the link that it feeds. The result of `work` ends the link: if
/// it is an error, or a panic (as [`Error::Panic`]), the receiver gets it last.
///
/// # Errors
/// [`Error::Panic`] if the system cannot start another thread.
pub fn stage<'scope, 'env, T, W>(
    scope: &'scope Scope<'scope, 'env>,
    name: &'static str,
    policy: LinkPolicy,
    work: W,
) -> Result<Receiver<T>>
where
    T: Send + 'scope,
    W: FnOnce(&Sender<T>) -> Result<()> + Send + 'scope,
{
    let (sender, receiver) = link(name, policy);
    let body = move || match catch_unwind(AssertUnwindSafe(|| work(&sender))) {
        Ok(Ok(())) => sender.end(),
        Ok(Err(Error::Stopped)) => {}
        Ok(Err(error)) => sender.say(LinkMessage::Failed(error)),
        Err(panic) => sender.say(LinkMessage::Failed(panicked(name, panic.as_ref()))),
    };
    std::thread::Builder::new()
        .name(name.into())
        .spawn_scoped(scope, body)
        .map_err(|e| Error::Panic { stage: name.into(), message: e.to_string() })?;
    Ok(receiver)
}

fn panicked(stage: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let message = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("panic");
    Error::Panic { stage: stage.into(), message: message.replace('\n', " ") }
}

#[cfg(test)]
mod tests {
    use std::thread::scope;

    use super::*;

    fn collect<T>(receiver: &Receiver<T>) -> (Vec<T>, Option<Error>) {
        let mut items = Vec::new();
        loop {
            match receiver.recv() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => return (items, None),
                Err(error) => return (items, Some(error)),
            }
        }
    }

    fn count(to: u32) -> impl FnOnce(&Sender<u32>) -> Result<()> + Send {
        move |out| (0..to).try_for_each(|i| out.send(i))
    }

    #[test]
    fn items_arrive_in_order_and_the_end_is_said() {
        let (items, error) = scope(|s| collect(&stage(s, "count", LinkPolicy::Lossless(1), count(1000)).unwrap()));
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
        assert!(error.is_none());
    }

    #[test]
    fn an_error_arrives_behind_the_items_before_it_through_every_stage() {
        let (items, error) = scope(|s| {
            let numbers = stage(s, "count", LinkPolicy::Lossless(1), |out: &Sender<u32>| {
                count(3)(out)?;
                Err(Error::Graph("root cause".into()))
            })
            .unwrap();
            let doubled = stage(s, "double", LinkPolicy::Lossless(0), move |out| {
                while let Some(i) = numbers.recv()? {
                    out.send(2 * i)?;
                }
                Ok(())
            });
            collect(&doubled.unwrap())
        });
        assert_eq!(items, [0, 2, 4]);
        assert_eq!(error.unwrap().to_string(), "root cause");
    }

    #[test]
    fn a_panic_is_an_error_that_names_its_stage() {
        let (items, error) = scope(|s| {
            let broken = stage(s, "broken", LinkPolicy::Lossless(1), |out: &Sender<u32>| {
                out.send(7)?;
                panic!("a bug of {} parts", 2)
            });
            collect(&broken.unwrap())
        });
        assert_eq!(items, [7]);
        let text = error.unwrap().to_string();
        assert!(text.contains("broken") && text.contains("a bug of 2 parts"), "{text}");
    }

    #[test]
    fn a_stage_ends_when_nobody_listens() {
        let ended = scope(|s| {
            let (said, heard) = channel::bounded(1);
            let endless = stage(s, "endless", LinkPolicy::Lossless(1), move |out: &Sender<u32>| {
                let result = (0..).try_for_each(|i| out.send(i));
                said.send(matches!(result, Err(Error::Stopped))).unwrap();
                result
            })
            .unwrap();
            assert_eq!(endless.recv().unwrap(), Some(0));
            drop(endless);
            heard.recv().unwrap()
        });
        assert!(ended);
    }

    #[test]
    fn a_link_closed_without_a_word_is_an_error() {
        let (sender, receiver) = link::<u32>("side", LinkPolicy::Lossless(1));
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv().unwrap(), Some(1));
        assert!(receiver.recv().unwrap_err().to_string().contains("side"));
    }

    #[test]
    fn the_newest_item_replaces_the_one_that_waits() {
        let (sender, receiver) = link::<u32>("capture", LinkPolicy::Latest);
        (0..5).for_each(|i| sender.send(i).unwrap());
        assert_eq!(receiver.recv_within(Duration::ZERO).unwrap(), Next::Item(4));
        assert_eq!(receiver.recv_within(Duration::ZERO).unwrap(), Next::Late);
        sender.send(5).unwrap();
        sender.end();
        assert_eq!(receiver.recv().unwrap(), None, "the end is the present too");
        assert_eq!(receiver.recv_within(Duration::ZERO).unwrap(), Next::End, "and lasts");
        let (sender, receiver) = link::<u32>("capture", LinkPolicy::Latest);
        drop(receiver);
        assert!(matches!(sender.send(0), Err(Error::Stopped)));
    }
}
