//! The packets of a stream as the container lists them: their exact times, without decoding.

use std::ffi::OsStr;

/// Presentation times of the packets of one stream.
#[derive(Debug, Default)]
pub struct PacketTimes {
    /// Times in seconds by the file's own clock, ascending, of the packets that are shown.
    pub times: Vec<f64>,
    /// Number of all packets, including those hidden by an edit list.
    pub total: u64,
    /// Whether FFmpeg reported errors while it read the file.
    pub complaints: bool,
}

/// Reads the packet times of stream `index` from `from` seconds on (by the file's clock; earlier ones may be included).
/// `None` if `ffprobe` is missing or fails.
pub fn packets(location: &OsStr, index: usize, from: Option<f64>) -> Option<PacketTimes> {
    let mut command = super::command::ffprobe(location);
    command.args(["-select_streams", &index.to_string(), "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"]);
    if let Some(from) = from {
        command.args(["-read_intervals", &format!("{from:.6}%")]);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    let mut packets = PacketTimes { complaints: !output.stderr.is_empty(), ..PacketTimes::default() };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut fields = line.split(',');
        let time: Option<f64> = fields.next().and_then(|t| t.parse().ok());
        packets.total += 1;
        if !fields.next().unwrap_or_default().contains('D') {
            packets.times.extend(time);
        }
    }
    packets.times.sort_by(f64::total_cmp);
    Some(packets)
}
