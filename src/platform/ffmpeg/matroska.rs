//! A minimal Matroska writer and reader (RFC 9559), which pass raw pictures with exact timestamps to and from FFmpeg.
//!
//! FFmpeg's `rawvideo` format has no timestamps. Matroska's uncompressed video has them: in nanoseconds in the stream
//! that is written here, in milliseconds in FFmpeg's.

use std::io::{self, Read, Write};

use opencv::core::Size;

use crate::colour::{ChromaSiting, ColourTags};
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
const LANGUAGE: u32 = 0x0022_B59C;
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
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;

/// Track 1, time 0 relative to the cluster, key frame.
const BLOCK_HEADER: [u8; 4] = [0x81, 0, 0, 0x80];

/// Writes the header of the stream: one video track of `size` pixels, I420 in limited range, at the nominal rate `rate`.
pub fn write_header(out: &mut impl Write, size: Size, rate: Rate, colour: ColourTags) -> io::Result<()> {
    let (horizontal, vertical) = match colour.siting {
        ChromaSiting::Unspecified => (0, 0),
        ChromaSiting::Left => (1, 2),
        ChromaSiting::Centre => (2, 2),
        ChromaSiting::TopLeft => (1, 1),
    };
    let colours = [
        number(MATRIX_COEFFICIENTS, colour.matrix.into()),
        number(CHROMA_SITING_HORZ, horizontal),
        number(CHROMA_SITING_VERT, vertical),
        number(RANGE, 1),
        number(TRANSFER_CHARACTERISTICS, colour.transfer.into()),
        number(PRIMARIES, colour.primaries.into()),
    ]
    .concat();
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
        element(LANGUAGE, b"und"),
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

/// Reads the next block of a stream with one track into `data`. Returns its timestamp in the stream's own units
/// (FFmpeg writes milliseconds); `None` at the end.
///
/// # Errors
/// Those of `input`; [`io::ErrorKind::InvalidData`] if it is not Matroska.
pub fn read_block(input: &mut impl Read, cluster: &mut i64, data: &mut Vec<u8>) -> io::Result<Option<i64>> {
    while let Some(id) = read_id(input)? {
        let size = read_size(input)?;
        match id {
            SEGMENT | CLUSTER | BLOCK_GROUP => {}
            TIMESTAMP => *cluster = read_number(input, size)? as i64,
            SIMPLE_BLOCK | BLOCK => {
                let mut head = [0; BLOCK_HEADER.len()];
                input.read_exact(&mut head)?;
                let pixels = size.checked_sub(head.len() as u64).filter(|&pixels| pixels <= MAX_BLOCK);
                read_pixels(input, pixels.ok_or(io::ErrorKind::InvalidData)?, data)?;
                let after = i64::from(i16::from_be_bytes([head[1], head[2]]));
                return cluster.checked_add(after).ok_or(io::ErrorKind::InvalidData.into()).map(Some);
            }
            _ => _ = io::copy(&mut input.take(size), &mut io::sink())?,
        }
    }
    Ok(None)
}

/// Maximum size of a block: a picture of 16384 x 16384 pixels with three bytes each.
const MAX_BLOCK: u64 = 3 << 28;

/// Reads `size` bytes into `data`. It takes no more memory than there are bytes, whatever the stream says.
fn read_pixels(input: &mut impl Read, size: u64, data: &mut Vec<u8>) -> io::Result<()> {
    data.clear();
    let read = input.take(size).read_to_end(data)?;
    if read as u64 == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The ID of the next element; `None` at the end.
fn read_id(input: &mut impl Read) -> io::Result<Option<u32>> {
    let mut first = [0];
    if input.read(&mut first)? == 0 {
        return Ok(None);
    }
    let length = first[0].leading_zeros() as usize + 1;
    if length > 4 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    read_number(input, length as u64 - 1).map(|rest| Some(u32::from(first[0]) << (8 * (length - 1)) | rest as u32))
}

/// An element's size.
fn read_size(input: &mut impl Read) -> io::Result<u64> {
    let first = read_number(input, 1)?;
    let length = (first as u8).leading_zeros() + 1;
    if length > 8 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let value = first & (0xFF_u64 >> length);
    Ok(value << (8 * (length - 1)) | read_number(input, u64::from(length) - 1)?)
}

/// A big-endian number of `size` bytes, at most 8.
fn read_number(input: &mut impl Read, size: u64) -> io::Result<u64> {
    let mut bytes = [0; 8];
    let start = 8_usize.checked_sub(size as usize).ok_or(io::ErrorKind::InvalidData)?;
    input.read_exact(&mut bytes[start..])?;
    Ok(u64::from_be_bytes(bytes))
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

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        write_header(&mut out, Size::new(4, 2), Rate { num: 25, den: 1 }, ColourTags::BT709).unwrap();
        write_frame(&mut out, 0.0, &[1; 12]).unwrap();
        write_frame(&mut out, 0.04, &[2; 12]).unwrap();
        let (mut input, mut cluster, mut data) = (&out[..], 0, Vec::new());
        assert_eq!(read_block(&mut input, &mut cluster, &mut data).unwrap(), Some(0));
        assert_eq!(data, [1; 12]);
        assert_eq!(read_block(&mut input, &mut cluster, &mut data).unwrap(), Some(40_000_000));
        assert_eq!(data, [2; 12]);
        assert_eq!(read_block(&mut input, &mut cluster, &mut data).unwrap(), None);
        assert!(read_block(&mut &out[..out.len() - 1][out.len() - 40..], &mut 0, &mut data).is_err());
        assert!(read_block(&mut &[0; 9][..], &mut 0, &mut data).is_err());
    }
}
