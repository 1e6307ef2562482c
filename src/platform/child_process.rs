//! Child processes that do not outlive this one, and that are not waited for without end.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

use super::stop;

/// What happens to a child if this process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDeath {
    /// It is killed too.
    Kill,
    /// It is asked to end, so that it can complete its file.
    Terminate,
}

/// A command to start, and where to send the child.
type StartRequest = (Command, Sender<io::Result<Child>>);

/// How often a child is asked whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// How long the output of a child that has ended may take.
const REST_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts `command`. If this process dies, the child ends too.
///
/// # Errors
/// Those of the system.
pub fn spawn(mut command: Command, on_death: OnDeath) -> io::Result<Child> {
    // The system ends a child with the thread that started it, so that thread must stay.
    static STARTER: LazyLock<Sender<StartRequest>> = LazyLock::new(|| {
        let (sender, requests) = unbounded::<StartRequest>();
        thread::spawn(move || {
            for (mut command, answer) in requests {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    end_with_parent(&mut command, on_death);
    let (answer, child) = bounded(1);
    let gone = |_| io::Error::other("the thread that starts processes has ended");
    STARTER.send((command, answer)).map_err(|e| gone(e.to_string()))?;
    child.recv().map_err(|e| gone(e.to_string()))?
}

#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command, on_death: OnDeath) {
    let (parent, signal) = match on_death {
        OnDeath::Kill => (getpid(), Signal::KILL),
        OnDeath::Terminate => (getpid(), Signal::TERM),
    };
    // SAFETY: between fork and exec, the closure makes two system calls and allocates nothing.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(command, move || {
            set_parent_process_death_signal(Some(signal))?;
            // A parent that died before that call sends no signal.
            if getppid() == Some(parent) { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command, _: OnDeath) {}

/// Runs `command` and collects its output, for at most `limit`, or until a signal asks this process to end.
///
/// # Errors
/// Those of the system; [`io::ErrorKind::TimedOut`] or [`io::ErrorKind::Interrupted`] if it had not ended by then, and
/// was killed.
pub fn output_within(mut command: Command, limit: Duration) -> io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command, OnDeath::Kill)?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    match wait(&mut child, Instant::now() + limit) {
        Ok(status) => Ok(Output { status, stdout: rest(&stdout)?, stderr: rest(&stderr)? }),
        Err(error) => {
            // An error means that it has ended after all.
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

fn wait(child: &mut Child, deadline: Instant) -> io::Result<ExitStatus> {
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status),
            None if stop::is_requested() => return Err(io::ErrorKind::Interrupted.into()),
            None if Instant::now() > deadline => return Err(io::ErrorKind::TimedOut.into()),
            None => thread::sleep(POLL_INTERVAL),
        }
    }
}

/// What a child that has ended has written. One of its own children may hold the stream open.
fn rest(stream: &Receiver<Vec<u8>>) -> io::Result<Vec<u8>> {
    stream.recv_timeout(REST_TIMEOUT).map_err(|_| io::ErrorKind::TimedOut.into())
}

/// Waits until `child` ends. If that takes longer than `limit`, it is killed.
pub fn end_within(child: &mut Child, limit: Duration) {
    let deadline = Instant::now() + limit;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() > deadline {
            // An error means that it has ended after all.
            let _ = child.kill();
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Reads a stream to its end on a thread of its own.
fn collect(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, bytes) = bounded(1);
    thread::spawn(move || {
        let mut read = Vec::new();
        // What arrived before an error is still of use.
        let _ = stream.map(|mut stream| stream.read_to_end(&mut read));
        let _ = sender.send(read);
    });
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    #[test]
    fn output_is_collected_and_a_child_that_hangs_is_killed() {
        let limit = Duration::from_secs(20);
        let output = output_within(shell("echo out; echo err >&2; exit 3"), limit).unwrap();
        assert_eq!((output.stdout, output.stderr, output.status.code()), (b"out\n".into(), b"err\n".into(), Some(3)));
        let started = Instant::now();
        let hangs = output_within(shell("exec sleep 60"), Duration::from_millis(200));
        assert_eq!(hangs.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let silent = output_within(shell("exec >/dev/null 2>&1 sleep 60"), Duration::from_millis(200));
        assert_eq!(silent.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < limit, "{:?}", started.elapsed());
    }

    #[test]
    fn a_program_that_is_missing_is_not_found() {
        let missing = output_within(Command::new("salstream-no-such-program"), Duration::from_secs(20));
        assert_eq!(missing.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_child_outlives_the_thread_that_asked_for_it() {
        let mut child = thread::spawn(|| spawn(shell("exec sleep 60"), OnDeath::Kill).unwrap()).join().unwrap();
        thread::sleep(Duration::from_millis(100));
        assert!(child.try_wait().unwrap().is_none(), "it has ended");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
