//! A minimal Matroska writer (RFC 9559): passes raw pictures with exact timestamps to FFmpeg as a stream.
//!
//! FFmpeg's `rawvideo` input has no timestamps. Matroska's uncompressed video has them, here in nanoseconds.

use std::io::{self, Write};

use opencv::core::Size;

use crate::frame::Rate;

const EBML: u32 = 0x1A45_DFA3;
const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_A966;
const TIMESTAMP_SCALE: u32 = 0x002A_D7B1;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const TRACK_NUMBER: u32 = 0xD7;
const TRACK_UID: u32 = 0x73C5;
const TRACK_TYPE: u32 = 0x83;
const CODEC_ID: u32 = 0x86;
const DEFAULT_DURATION: u32 = 0x0023_E383;
const VIDEO: u32 = 0xE0;
const PIXEL_WIDTH: u32 = 0xB0;
const PIXEL_HEIGHT: u32 = 0xBA;
const UNCOMPRESSED_FOURCC: u32 = 0x002E_B524;
const COLOUR: u32 = 0x55B0;
const MATRIX_COEFFICIENTS: u32 = 0x55B1;
const CHROMA_SITING_HORZ: u32 = 0x55B7;
const CHROMA_SITING_VERT: u32 = 0x55B8;
const RANGE: u32 = 0x55B9;
const TRANSFER_CHARACTERISTICS: u32 = 0x55BA;
const PRIMARIES: u32 = 0x55BB;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;

/// BT.709, limited range, chroma samples centred between their four pixels.
const COLOURS: [(u32, u64); 6] = [
    (MATRIX_COEFFICIENTS, 1),
    (CHROMA_SITING_HORZ, 2),
    (CHROMA_SITING_VERT, 2),
    (RANGE, 1),
    (TRANSFER_CHARACTERISTICS, 1),
    (PRIMARIES, 1),
];
/// Track 1, time 0 relative to the cluster, key frame.
const BLOCK_HEADER: [u8; 4] = [0x81, 0, 0, 0x80];

/// Writes the header of the stream: one video track of `size` pixels, I420 in BT.709, at the nominal rate `rate`.
pub fn write_header(out: &mut impl Write, size: Size, rate: Rate) -> io::Result<()> {
    let colours = COLOURS.map(|(id, value)| number(id, value)).concat();
    let video = [
        number(PIXEL_WIDTH, size.width.unsigned_abs().into()),
        number(PIXEL_HEIGHT, size.height.unsigned_abs().into()),
        element(UNCOMPRESSED_FOURCC, b"I420"),
        element(COLOUR, &colours),
    ];
    let track = [
        number(TRACK_NUMBER, 1),
        number(TRACK_UID, 1),
        number(TRACK_TYPE, 1),
        element(CODEC_ID, b"V_UNCOMPRESSED"),
        number(DEFAULT_DURATION, nanoseconds(rate.interval())),
        element(VIDEO, &video.concat()),
    ];
    out.write_all(&element(EBML, &element(DOC_TYPE, b"matroska")))?;
    out.write_all(&id_bytes(SEGMENT))?;
    out.write_all(&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])?; // Unknown size: a live stream.
    out.write_all(&element(INFO, &number(TIMESTAMP_SCALE, 1)))?;
    out.write_all(&element(TRACKS, &element(TRACK_ENTRY, &track.concat())))
}

/// Writes one picture with the planes `pixels`, shown from `time` (in seconds).
pub fn write_frame(out: &mut impl Write, time: f64, pixels: &[u8]) -> io::Result<()> {
    let timestamp = number(TIMESTAMP, nanoseconds(time));
    let block = BLOCK_HEADER.len() + pixels.len();
    let mut head = timestamp;
    head.extend(id_bytes(SIMPLE_BLOCK));
    head.extend(size_bytes(block));
    head.extend(BLOCK_HEADER);
    out.write_all(&id_bytes(CLUSTER))?;
    out.write_all(&size_bytes(head.len() + pixels.len()))?;
    out.write_all(&head)?;
    out.write_all(pixels)
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round().max(0.0) as u64
}

fn element(id: u32, body: &[u8]) -> Vec<u8> {
    [id_bytes(id), size_bytes(body.len()), body.to_vec()].concat()
}

fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// The bytes of an element ID, which encodes its own length in its leading bits.
fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|&b| b == 0).collect()
}

/// An element size in the eight-byte form.
fn size_bytes(size: usize) -> Vec<u8> {
    (0x0100_0000_0000_0000 | size as u64).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_id_size_body() {
        assert_eq!(element(DOC_TYPE, b"ab"), [0x42, 0x82, 1, 0, 0, 0, 0, 0, 0, 2, b'a', b'b']);
        assert_eq!(id_bytes(CLUSTER), [0x1F, 0x43, 0xB6, 0x75]);
    }

    #[test]
    fn a_cluster_is_as_long_as_it_says() {
        let mut out = Vec::new();
        write_frame(&mut out, 1.5, &[7; 30]).unwrap();
        assert_eq!(out[4..12], size_bytes(out.len() - 12));
        assert_eq!(out[out.len() - 30..], [7; 30]);
    }
}
