//! Named threads joined by bounded links. Knows nothing of video, OpenCV or ONNX.
//!
//! A link is lossless and ordered, and holds a few items at most, so that memory does not grow with the clip. Errors
//! travel in-band, behind the items that came before them: what was finished is kept and the root cause arrives first.
//! A link ends by an explicit word; one that merely closes is an error, never success.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::Scope;

use crossbeam_channel as channel;

use crate::{Error, Result};

/// How many items wait in a link: one in work on each side and a little slack. More only costs memory.
const CAPACITY: usize = 2;

enum Message<T> {
    Item(T),
    Failed(Error),
    End,
}

/// The sending end of a link.
pub struct Sender<T>(channel::Sender<Message<T>>);

/// The receiving end of a link, named after the stage that feeds it.
pub struct Receiver<T> {
    stage: &'static str,
    messages: channel::Receiver<Message<T>>,
}

impl<T> Sender<T> {
    /// Sends one item; blocks while the link is full.
    ///
    /// # Errors
    /// [`Error::Stopped`] where nobody listens any more; pass it on with `?`.
    pub fn send(&self, item: T) -> Result<()> {
        self.0.send(Message::Item(item)).map_err(|_| Error::Stopped)
    }

    /// Says that no more items come.
    pub fn end(self) {
        self.say(Message::End);
    }

    fn say(&self, last: Message<T>) {
        // Nobody listening is no news to a sender that has nothing left to say.
        let _ = self.0.send(last);
    }
}

impl<T> Receiver<T> {
    /// The next item, or `None` at the end.
    ///
    /// # Errors
    /// The error that stopped an earlier stage, or [`Error::Panic`] where the link closed without a word.
    pub fn recv(&self) -> Result<Option<T>> {
        match self.messages.recv() {
            Ok(Message::Item(item)) => Ok(Some(item)),
            Ok(Message::Failed(error)) => Err(error),
            Ok(Message::End) => Ok(None),
            Err(_) => Err(Error::Panic { stage: self.stage.into(), message: "ended without a result".into() }),
        }
    }
}

/// A link fed by the stage called `stage`.
pub fn link<T>(stage: &'static str) -> (Sender<T>, Receiver<T>) {
    let (sender, messages) = channel::bounded(CAPACITY);
    (Sender(sender), Receiver { stage, messages })
}

/// Starts a stage on a thread called `name` and returns the link that it feeds. What `work` returns ends the link: its
/// error, or a panic turned into [`Error::Panic`], is what the receiver reads last.
///
/// # Errors
/// [`Error::Panic`] where the system refuses another thread.
pub fn stage<'scope, 'env, T, W>(scope: &'scope Scope<'scope, 'env>, name: &'static str, work: W) -> Result<Receiver<T>>
where
    T: Send + 'scope,
    W: FnOnce(&Sender<T>) -> Result<()> + Send + 'scope,
{
    let (sender, receiver) = link(name);
    let body = move || match catch_unwind(AssertUnwindSafe(|| work(&sender))) {
        Ok(Ok(())) => sender.end(),
        Ok(Err(Error::Stopped)) => {}
        Ok(Err(error)) => sender.say(Message::Failed(error)),
        Err(panic) => sender.say(Message::Failed(panicked(name, panic.as_ref()))),
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
        let (items, error) = scope(|s| collect(&stage(s, "count", count(1000)).unwrap()));
        assert_eq!(items, (0..1000).collect::<Vec<_>>());
        assert!(error.is_none());
    }

    #[test]
    fn an_error_arrives_behind_the_items_before_it_through_every_stage() {
        let (items, error) = scope(|s| {
            let numbers = stage(s, "count", |out: &Sender<u32>| {
                count(3)(out)?;
                Err(Error::Graph("root cause".into()))
            })
            .unwrap();
            let doubled = stage(s, "double", move |out| {
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
            let broken = stage(s, "broken", |out: &Sender<u32>| {
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
            let endless = stage(s, "endless", move |out: &Sender<u32>| {
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
        let (sender, receiver) = link::<u32>("side");
        sender.send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv().unwrap(), Some(1));
        assert!(receiver.recv().unwrap_err().to_string().contains("side"));
    }
}
