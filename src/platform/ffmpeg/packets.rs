//! The packets of a stream as the container lists them: their exact times, without decoding.

use std::ffi::OsStr;
use std::time::Duration;

use crate::platform::child_process::output_within;

/// Presentation times of the packets of one stream, and the end of the file.
#[derive(Debug, Default)]
pub struct PacketTimes {
    /// Times in seconds by the file's own clock, ascending, of the packets that are shown.
    pub times: Vec<f64>,
    /// Number of all packets, including those hidden by an edit list.
    pub total: u64,
    /// The time at which the last packet of any stream ends.
    pub end: f64,
    /// Whether FFmpeg reported errors while it read the file.
    pub complaints: bool,
}

/// How long reading through a file may take.
const SCAN_TIMEOUT: Duration = Duration::from_secs(1800);

/// Reads the packet times of stream `index` from `from` seconds on (by the file's clock; earlier ones may be included).
/// `None` if `ffprobe` is missing or fails.
pub fn packets(location: &OsStr, index: usize, from: Option<f64>) -> Option<PacketTimes> {
    let mut command = super::command::ffprobe(location);
    command.args(["-show_entries", "packet=stream_index,pts_time,duration_time,flags", "-of", "csv=p=0"]);
    if let Some(from) = from {
        command.args(["-select_streams", &index.to_string(), "-read_intervals", &format!("{from:.6}%")]);
    }
    let output = output_within(command, SCAN_TIMEOUT).ok().filter(|output| output.status.success())?;
    let mut packets = PacketTimes { complaints: !output.stderr.is_empty(), ..PacketTimes::default() };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut fields = line.split(',');
        let stream: Option<usize> = fields.next().and_then(|index| index.parse().ok());
        let time: Option<f64> = fields.next().and_then(|time| time.parse().ok());
        let duration: f64 = fields.next().and_then(|time| time.parse().ok()).unwrap_or(0.0);
        packets.end = packets.end.max(time.unwrap_or(0.0) + duration);
        if stream != Some(index) {
            continue;
        }
        packets.total += 1;
        if !fields.next().unwrap_or_default().contains('D') {
            packets.times.extend(time);
        }
    }
    packets.times.sort_by(f64::total_cmp);
    Some(packets)
}
