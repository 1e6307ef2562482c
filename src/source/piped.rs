//! A video that arrives through a pipe. It can be read only once, so what comes with the picture is put aside meanwhile.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::thread;

use super::probe::{self, ProbeOutput};
use crate::passthrough::{Passthrough, TemporaryFile};
use crate::platform::child_process::{OnDeath, spawn};
use crate::platform::ffmpeg::{STANDARD_INPUT, not_started};
use crate::platform::temporary;
use crate::{Error, Result};

/// The input that stands for standard input.
pub const STDIN: &str = "-";

/// Bytes that are kept in memory at most until FFmpeg knows the streams. A file with its index at its end needs more.
const MAX_HEAD: usize = 64 << 20;

/// Bytes that are read at a time.
const CHUNK: usize = 64 << 10;

/// An open pipe.
pub struct PipedInput {
    name: String,
    /// What has been read to find the streams.
    head: Vec<u8>,
    rest: File,
}

impl PipedInput {
    /// Opens standard input for `-`, or a named pipe, which waits for its writer.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be opened or is a terminal.
    pub fn open(path: &Path) -> Result<Self> {
        let opened = if path == Path::new(STDIN) {
            let stdin = std::io::stdin();
            if std::io::IsTerminal::is_terminal(&stdin) {
                return Err(Error::input(path, "standard input is a terminal: pipe a video into it"));
            }
            stdin.as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open(path)
        };
        let rest = opened.map_err(|e| Error::input(path, format!("cannot be read: {e}")))?;
        Ok(Self { name: path.display().to_string(), head: Vec::new(), rest })
    }

    /// Whether the pipe brings an MP4 with its index at its end, which FFmpeg can read only from a file.
    ///
    /// # Errors
    /// [`Error::Io`] if the pipe cannot be read.
    pub fn needs_file(&mut self) -> Result<bool> {
        while self.head.len() < CHUNK {
            if self.read_on()?.is_empty() || !self.head.starts_with(b"\0\0") {
                break;
            }
        }
        Ok(has_index_behind(&self.head))
    }

    /// Reads the next bytes of the pipe, and keeps them; none at the end.
    fn read_on(&mut self) -> Result<&[u8]> {
        let before = self.head.len();
        self.head.resize(before + CHUNK, 0);
        let read = self.rest.read(&mut self.head[before..]).map_err(Error::io(&self.name));
        self.head.truncate(before + *read.as_ref().unwrap_or(&0));
        read.map(|_| &self.head[before..])
    }

    /// Copies the whole pipe to a file.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written, for example because the disk is full.
    pub fn into_file(mut self) -> Result<TemporaryFile> {
        let file = put_aside(".mp4")?;
        let copied = File::options().write(true).open(file.path()).and_then(|mut copy| {
            copy.write_all(&self.head)?;
            std::io::copy(&mut self.rest, &mut copy)
        });
        copied.map(|_| file.clone()).map_err(Error::io(file.path()))
    }

    /// Feeds `ffprobe` until it knows the streams.
    ///
    /// # Errors
    /// [`Error::Input`] if it finds none.
    pub fn probe(&mut self) -> Result<ProbeOutput> {
        let mut command = probe::command(STANDARD_INPUT.as_ref());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = spawn(command, OnDeath::Kill).map_err(|e| not_started("ffprobe", &e))?;
        let stdin = child.stdin.take();
        let answer = thread::spawn(move || child.wait_with_output());
        self.feed_until(stdin, || answer.is_finished())?;
        let output = answer.join().map_err(|_| Error::Stopped)?.map_err(Error::io(&self.name))?;
        if self.head.is_empty() {
            return Err(Error::input(&self.name, "the pipe is empty: its writer ended without a video"));
        }
        probe::parse(self.name.as_ref(), &output)
    }

    /// Copies what has been read, and the pipe, to `stdin` until `is_done` or the end, and keeps the copy.
    fn feed_until(&mut self, stdin: Option<ChildStdin>, is_done: impl Fn() -> bool) -> Result<()> {
        let Some(mut stdin) = stdin else { return Ok(()) };
        // `ffprobe` closes its input when it knows enough.
        let is_open = stdin.write_all(&self.head).is_ok();
        while is_open && !is_done() {
            let chunk = self.read_on()?;
            if chunk.is_empty() || stdin.write_all(chunk).is_err() {
                break;
            }
            if self.head.len() > MAX_HEAD {
                let problem = "FFmpeg finds no streams at its start: pipe Matroska, MPEG-TS or y4m";
                return Err(Error::input(&self.name, problem));
            }
        }
        Ok(())
    }

    /// Feeds a decoder, on a thread of its own, until the pipe ends or the decoder does.
    pub fn feed(self, mut stdin: ChildStdin) {
        let Self { head, mut rest, .. } = self;
        thread::spawn(move || {
            // The decoder's end is reported by the decoder.
            let _ = stdin.write_all(&head).and_then(|()| std::io::copy(&mut rest, &mut stdin));
        });
    }
}

/// Whether `head` is the start of an MP4 or QuickTime file whose media come before its index.
fn has_index_behind(head: &[u8]) -> bool {
    let mut rest = head;
    while let Some((size, tail)) = rest.split_first_chunk::<4>() {
        let size = u32::from_be_bytes(*size) as usize;
        match tail.first_chunk::<4>() {
            Some(b"mdat") => return true,
            Some(b"ftyp" | b"free" | b"wide" | b"skip" | b"uuid") if size >= 8 && size <= rest.len() => {
                rest = &rest[size..];
            }
            _ => return false,
        }
    }
    false
}

/// A file beside the decoder's output for what comes with the picture.
pub struct SideFile {
    pub file: TemporaryFile,
    /// Indices of the streams to put there, in order.
    streams: Vec<usize>,
}

impl SideFile {
    /// Points `kept` at a new file for its streams; `None` if there are none. Streams that the file cannot hold are left
    /// out with a warning.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be created.
    pub fn divert(kept: &mut Passthrough, warnings: &mut Vec<String>) -> Result<Option<Self>> {
        const AUDIO: [&str; 11] =
            ["aac", "mp3", "mp2", "ac3", "eac3", "dts", "truehd", "flac", "opus", "vorbis", "alac"];
        const SUBTITLES: [&str; 6] = ["subrip", "ass", "webvtt", "hdmv_pgs_subtitle", "dvd_subtitle", "dvb_subtitle"];
        let before = kept.audio.len();
        kept.audio.retain(|stream| AUDIO.contains(&&*stream.codec) || stream.codec.starts_with("pcm_"));
        if kept.audio.len() < before {
            warnings.push(format!("{} audio streams of the pipe cannot be kept", before - kept.audio.len()));
        }
        let mut streams: Vec<usize> = kept.audio.iter().map(|stream| stream.index).collect();
        kept.audio.iter_mut().enumerate().for_each(|(number, stream)| stream.index = number);
        if let Some(metadata) = &mut kept.metadata {
            let others = metadata.subtitles.extract_if(.., |(_, codec)| !SUBTITLES.contains(&&**codec));
            metadata.others.extend(others.map(|(_, codec)| format!("subtitles ({codec})")));
            metadata.others.extend(metadata.covers.drain(..).map(|_| "cover art".to_owned()));
            for (index, _) in metadata.subtitles.iter_mut().chain(&mut metadata.attachments) {
                streams.push(std::mem::replace(index, streams.len()));
            }
        }
        if streams.is_empty() {
            // A file needs a stream to hold them.
            let lost =
                kept.metadata.as_ref().is_some_and(|metadata| !metadata.tags.is_empty() || metadata.chapters > 0);
            warnings.extend(lost.then(|| "the tags and chapters of a pipe without audio cannot be kept".to_owned()));
            return Ok(None);
        }
        let file = put_aside(".mkv")?;
        kept.location = file.path().into();
        kept.is_diverted = true;
        kept.file = Some(file.clone());
        Ok(Some(Self { file, streams }))
    }

    /// The output options of FFmpeg for this file. It is written at once, so that it is complete if FFmpeg is stopped.
    pub fn arguments(&self) -> Vec<std::ffi::OsString> {
        let mut args: Vec<std::ffi::OsString> =
            self.streams.iter().flat_map(|stream| ["-map".into(), format!("0:{stream}").into()]).collect();
        args.extend(
            ["-c", "copy", "-flush_packets", "1", "-cluster_time_limit", "200", "-f", "matroska"].map(Into::into),
        );
        args.push(self.file.path().into());
        args
    }
}

impl Drop for SideFile {
    fn drop(&mut self) {
        self.file.complete();
    }
}

/// A new file for what must be read again.
fn put_aside(extension: &str) -> Result<TemporaryFile> {
    let file = temporary::system_file(extension).map_err(Error::io(std::env::temp_dir()))?;
    Ok(file.into_temp_path().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passthrough::{AudioStream, Metadata};

    #[test]
    fn an_mp4_with_its_index_at_its_end_is_known_by_its_first_boxes() {
        let start = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08free";
        assert!(has_index_behind(&[&start[..], b"\0\0\x10\0mdat...."].concat()));
        assert!(!has_index_behind(&[&start[..], b"\0\0\x10\0moov...."].concat()));
        assert!(!has_index_behind(b"\x1aE\xdf\xa3"));
        assert!(!has_index_behind(b""));
    }

    #[test]
    fn streams_are_numbered_in_the_side_file() {
        let audio = |index, codec: &str| AudioStream { index, codec: codec.into(), channels: 2 };
        let subtitles = vec![(4, "mov_text".into()), (5, "subrip".into())];
        let mut kept = Passthrough {
            audio: vec![audio(1, "aac"), audio(2, "unheard"), audio(3, "pcm_s16le")],
            metadata: Some(Metadata { subtitles, ..Metadata::default() }),
            ..Passthrough::default()
        };
        let mut warnings = Vec::new();
        let side = SideFile::divert(&mut kept, &mut warnings).unwrap().unwrap();
        assert_eq!(side.streams, [1, 3, 5]);
        assert_eq!(kept.audio.iter().map(|stream| stream.index).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(kept.metadata.unwrap().subtitles, [(2, "subrip".to_owned())]);
        assert_eq!(warnings.len(), 1);
    }
}
