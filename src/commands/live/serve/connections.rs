//! The open connections: how many there may be, and which one gives way to another.
//!
//! Nobody waits for a connection to end. If there are too many, the one that has been idle for longest is closed, among
//! those of the client that has most. If there are too many viewers, one that does not take its pictures is closed.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Maximum number of connections.
const MAX_CONNECTIONS: usize = 256;
/// Maximum number of viewers.
const MAX_VIEWERS: usize = 64;
/// How long a connection may stay without a new request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a viewer may take for one picture.
const PICTURE_TIMEOUT: Duration = Duration::from_secs(10);
/// After this time for one picture, a viewer gives way to a new one.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// All open connections.
#[derive(Default)]
pub(super) struct Connections {
    entries: Mutex<Vec<Entry>>,
}

struct Entry {
    client: IpAddr,
    activity: Activity,
    close: Arc<Notify>,
}

#[derive(Clone, Copy)]
enum Activity {
    /// The last request came at this time.
    Requests(Instant),
    /// Watches; a picture has been offered at this time, and is not taken yet.
    Watches(Option<Instant>),
}

impl Activity {
    fn idle_since(self) -> Option<Instant> {
        match self {
            Self::Requests(since) => Some(since),
            Self::Watches(_) => None,
        }
    }

    fn stalled_since(self) -> Option<Instant> {
        match self {
            Self::Requests(_) => None,
            Self::Watches(since) => since,
        }
    }

    fn is_over(self) -> bool {
        self.idle_since().is_some_and(|since| since.elapsed() > IDLE_TIMEOUT)
            || self.stalled_since().is_some_and(|since| since.elapsed() > PICTURE_TIMEOUT)
    }
}

impl Connections {
    /// Adds a connection. If there are too many, another one is closed.
    pub(super) fn add(self: &Arc<Self>, client: IpAddr) -> Arc<Connection> {
        let mut entries = self.entries();
        if entries.len() >= MAX_CONNECTIONS
            && let Some(victim) = longest_idle(&entries)
        {
            entries.swap_remove(victim).close.notify_one();
        }
        let close = Arc::new(Notify::new());
        entries.push(Entry { client, activity: Activity::Requests(Instant::now()), close: close.clone() });
        Arc::new(Connection { all: self.clone(), close })
    }

    /// Closes the connections that have been idle, and the viewers that have not taken a picture, for too long.
    pub(super) fn close_overdue(&self) {
        self.entries().retain(|entry| {
            let is_over = entry.activity.is_over();
            if is_over {
                entry.close.notify_one();
            }
            !is_over
        });
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection that has been idle for longest, of the client that has most of them.
fn longest_idle(entries: &[Entry]) -> Option<usize> {
    let mut counts: HashMap<IpAddr, usize> = HashMap::new();
    entries.iter().for_each(|entry| *counts.entry(entry.client).or_default() += 1);
    let idle = entries.iter().enumerate().filter_map(|(index, entry)| Some((index, entry.activity.idle_since()?)));
    idle.max_by_key(|(index, since)| (counts[&entries[*index].client], Reverse(*since))).map(|(index, _)| index)
}

/// An open connection; dropping it removes it from the list.
pub(super) struct Connection {
    all: Arc<Connections>,
    close: Arc<Notify>,
}

impl Connection {
    /// Waits until this connection has to close.
    pub(super) async fn closed(&self) {
        self.close.notified().await;
    }

    /// Notes a new request.
    pub(super) fn request(&self) {
        self.set(Activity::Requests(Instant::now()));
    }

    /// Makes this connection a viewer. `None` if there are too many, and all of them take their pictures.
    pub(super) fn watch(self: &Arc<Self>) -> Option<Viewer> {
        let mut entries = self.all.entries();
        let viewers = entries.iter().filter(|entry| matches!(entry.activity, Activity::Watches(_)));
        if viewers.count() >= MAX_VIEWERS {
            let stalled = entries.iter().enumerate().filter_map(|(i, e)| Some((i, e.activity.stalled_since()?)));
            let (victim, since) = stalled.min_by_key(|(_, since)| *since)?;
            if since.elapsed() < STALLED_AFTER {
                return None;
            }
            entries.swap_remove(victim).close.notify_one();
        }
        drop(entries);
        self.set(Activity::Watches(None));
        Some(Viewer { connection: self.clone() })
    }

    fn set(&self, activity: Activity) {
        if let Some(entry) = self.all.entries().iter_mut().find(|entry| Arc::ptr_eq(&entry.close, &self.close)) {
            entry.activity = activity;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.entries().retain(|entry| !Arc::ptr_eq(&entry.close, &self.close));
    }
}

/// A connection that watches the pictures.
pub(super) struct Viewer {
    connection: Arc<Connection>,
}

impl Viewer {
    /// Notes that a picture is offered to the viewer.
    pub(super) fn offered(&self) {
        self.connection.set(Activity::Watches(Some(Instant::now())));
    }

    /// Notes that the viewer has taken the last picture.
    pub(super) fn taken(&self) {
        self.connection.set(Activity::Watches(None));
    }

    /// Waits until this viewer has to leave.
    pub(super) async fn closed(&self) {
        self.connection.closed().await;
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.connection.request();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUSY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn is_open(connection: &Connection) -> bool {
        connection.all.entries().iter().any(|entry| Arc::ptr_eq(&entry.close, &connection.close))
    }

    #[test]
    fn the_longest_idle_one_of_the_greediest_client_gives_way() {
        let all = Arc::new(Connections::default());
        let other = all.add(OTHER);
        let busy: Vec<_> = (1..MAX_CONNECTIONS).map(|_| all.add(BUSY)).collect();
        busy[0].request();
        let viewer = busy[1].watch().unwrap();
        let newest = all.add(OTHER);
        assert!(is_open(&other) && is_open(&newest) && is_open(&busy[0]) && is_open(&busy[1]));
        assert!(!is_open(&busy[2]), "the second one has made a request since, and the third one watches");
        assert_eq!(all.entries().len(), MAX_CONNECTIONS);
        drop((viewer, busy, newest, other));
        assert!(all.entries().is_empty());
    }

    #[test]
    fn a_viewer_that_takes_nothing_gives_way() {
        let all = Arc::new(Connections::default());
        let viewers: Vec<_> = (0..MAX_VIEWERS).map(|_| all.add(BUSY).watch().unwrap()).collect();
        let newcomer = all.add(OTHER);
        assert!(newcomer.watch().is_none(), "nobody has stalled");
        viewers[7].offered();
        assert!(newcomer.watch().is_none(), "not for long enough");
        let long_ago = Instant::now().checked_sub(2 * STALLED_AFTER).unwrap();
        viewers[7].connection.set(Activity::Watches(Some(long_ago)));
        let seat = newcomer.watch().unwrap();
        assert!(!is_open(&viewers[7].connection) && is_open(&seat.connection));
        let very_long_ago = Instant::now().checked_sub(2 * PICTURE_TIMEOUT).unwrap();
        viewers[9].connection.set(Activity::Watches(Some(very_long_ago)));
        all.close_overdue();
        assert!(!is_open(&viewers[9].connection));
        assert_eq!(all.entries().len(), MAX_VIEWERS - 1);
    }
}
