//! What a result cannot hold of its source, as warnings for the user.

use std::path::Path;

use super::container::Container;
use crate::passthrough::{Metadata, Passthrough};

/// What the container cannot hold, in one message.
pub(super) fn losses(container: Container, kept: &Passthrough) -> Option<String> {
    let lost = lost(container, kept);
    let remedy = if self::lost(Container::Matroska, kept).len() < lost.len() { " (an .mkv holds more)" } else { "" };
    (!lost.is_empty()).then(|| format!("cannot hold {}{remedy}", lost.join(", ")))
}

/// The note that a subtitle in progress at a later start cannot be shortened, because it is encoded.
pub(super) fn late_subtitles(container: Container, kept: &Passthrough) -> Option<&'static str> {
    let codecs = &kept.metadata.as_ref()?.subtitles;
    let is_encoded = |(_, codec): &(usize, String)| container.subtitle_codec(codec).is_some_and(|to| to != "copy");
    (kept.starts_later && codecs.iter().any(is_encoded)).then_some("a subtitle that begins before --start is left out")
}

/// The warning that the result `output`, which holds only pictures, loses what is `kept` beside them.
pub(super) fn picture_only(kept: Option<&Passthrough>, output: &Path) -> Option<String> {
    let kept = kept?;
    let metadata = kept.metadata.as_ref();
    let audio = (!kept.audio.is_empty()).then_some("audio");
    let chapters = metadata.filter(|metadata| metadata.chapters > 0).map(|_| "chapters");
    let tags = metadata.filter(|metadata| !metadata.tags.is_empty()).map(|_| "tags");
    let lost: Vec<_> = audio.into_iter().chain(further_streams(metadata)).chain(chapters).chain(tags).collect();
    (!lost.is_empty()).then(|| format!("{}: holds only pictures, without {}", output.display(), lost.join(", ")))
}

/// The warning that the result `output`, which is written while it is encoded, loses streams that are `kept`. They would
/// have to be waited for: they can be silent for long.
pub(super) fn picture_and_audio_only(kept: &Passthrough, output: &Path) -> Option<String> {
    let lost: Vec<_> = further_streams(kept.metadata.as_ref()).collect();
    (!lost.is_empty()).then(|| format!("{}: a pipe gets no {}; a file does", output.display(), lost.join(", ")))
}

/// The kinds of streams beside picture and audio.
fn further_streams(metadata: Option<&Metadata>) -> impl Iterator<Item = &'static str> {
    let kinds = |metadata: &Metadata| {
        [
            (!metadata.subtitles.is_empty()).then_some("subtitles"),
            (!metadata.attachments.is_empty()).then_some("attachments"),
            (!metadata.covers.is_empty()).then_some("cover art"),
            (!metadata.others.is_empty()).then_some("other data"),
        ]
    };
    metadata.map(kinds).into_iter().flatten().flatten()
}

/// The parts that the container cannot hold.
fn lost(container: Container, kept: &Passthrough) -> Vec<String> {
    let Some(metadata) = &kept.metadata else { return Vec::new() };
    let subtitles = metadata.subtitles.iter().filter(|(_, codec)| container.subtitle_codec(codec).is_none());
    let attachments = metadata.attachments.iter().filter(|_| !container.takes_attachments());
    let named = subtitles.map(|(_, codec)| format!("subtitles ({codec})"));
    let covers = metadata.covers.iter().filter(|_| !container.takes_covers(&metadata.tags));
    named
        .chain(attachments.map(|(_, name)| format!("the attachment {name}")))
        .chain(covers.map(|_| "cover art".into()))
        .chain(metadata.others.clone())
        .collect()
}

/// What the messages of a successful run say about audio that could not be decoded.
pub(super) fn damage(messages: &[String]) -> Option<String> {
    let first = messages.iter().find(|message| message.starts_with("Error while decoding stream #1:"))?;
    let cause = first.rsplit(": ").next().unwrap_or(first);
    Some(format!("the input's audio is damaged, and parts of it may be missing: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_cannot_hold_is_named() {
        let metadata = Metadata {
            subtitles: vec![(2, "subrip".into()), (3, "hdmv_pgs_subtitle".into())],
            attachments: vec![(4, "font.ttf".into())],
            others: vec!["gpmd".into()],
            ..Metadata::default()
        };
        let kept = Passthrough { metadata: Some(metadata), ..Passthrough::default() };
        let lost = |container| losses(container, &kept).unwrap_or_default();
        let mp4 = "cannot hold subtitles (hdmv_pgs_subtitle), the attachment font.ttf, gpmd (an .mkv holds more)";
        assert_eq!(lost(Container::Mp4), mp4);
        assert_eq!(lost(Container::Matroska), "cannot hold gpmd");
    }
}
