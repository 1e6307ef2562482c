//! The packets of one stream as the container lists them: their true times, found without decoding.

use std::ffi::OsStr;

/// Presentation times of the packets of one stream.
#[derive(Debug, Default)]
pub struct PacketTimes {
    /// Times in seconds on the file's own clock, ascending, of the packets that are to be shown.
    pub times: Vec<f64>,
    /// Packets found in all, with those that an edit list hides.
    pub total: u64,
    /// Whether FFmpeg complained about the file while reading it.
    pub complaints: bool,
}

/// Reads packet times of stream `index` from `from` seconds on (file clock; earlier ones may come too).
/// `None` where `ffprobe` is missing or fails.
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
