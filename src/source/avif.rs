//! The orientation of an AVIF picture: the properties `irot` and `imir` of HEIF (ISO/IEC 23008-12, 6.5.10 and 6.5.12).
//! FFmpeg 5.1 does not apply them.

use super::orientation::Orientation;

/// The orientation in the header of the AVIF file `bytes`. If several pictures in it have one, such as a thumbnail, they
/// are turned alike.
pub fn orientation(bytes: &[u8]) -> Orientation {
    let properties = boxed(bytes, b"meta")
        // `meta` begins with a version and flags.
        .and_then(|meta| boxed(meta.get(4..)?, b"iprp"))
        .and_then(|properties| boxed(properties, b"ipco"))
        .unwrap_or_default();
    let last_bits = |kind, mask| boxed(properties, kind).and_then(|value| Some(value.first()? & mask));
    Orientation::from_heif(last_bits(b"irot", 3).unwrap_or(0), last_bits(b"imir", 1))
}

/// The content of the first box of a `kind` in `bytes`.
fn boxed<'a>(mut bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let (size, rest) = bytes.split_first_chunk::<4>()?;
        let (found, rest) = rest.split_first_chunk::<4>()?;
        let (header, size) = match u32::from_be_bytes(*size) {
            0 => (8, bytes.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
            size => (8, size as usize),
        };
        let whole = bytes.get(..size)?;
        if found == kind {
            return whole.get(header..);
        }
        bytes = bytes.get(size.max(header)..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed_up(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    #[test]
    fn rotation_is_anticlockwise_and_mirroring_comes_after_it() {
        let file = |properties: &[u8]| {
            let meta = [&[0; 4][..], &boxed_up(b"iprp", &boxed_up(b"ipco", properties))].concat();
            [boxed_up(b"ftyp", b"avif\0\0\0\0"), boxed_up(b"meta", &meta), boxed_up(b"mdat", b"x")].concat()
        };
        let of = |properties: &[Vec<u8>]| orientation(&file(&properties.concat()));
        assert_eq!(of(&[]), Orientation::from_exif(1));
        assert_eq!(of(&[boxed_up(b"ispe", &[0; 12]), boxed_up(b"irot", &[3])]), Orientation::from_exif(6));
        assert_eq!(of(&[boxed_up(b"irot", &[1])]), Orientation::from_exif(8));
        assert_eq!(of(&[boxed_up(b"imir", &[1])]), Orientation::from_exif(2));
        assert_eq!(of(&[boxed_up(b"imir", &[0])]), Orientation::from_exif(4));
        assert_eq!(of(&[boxed_up(b"irot", &[1]), boxed_up(b"imir", &[0])]), Orientation::from_exif(5));
    }

    #[test]
    fn damaged_headers_are_upright() {
        for bytes in [&b""[..], b"\0\0\0\x01meta", b"\xff\xff\xff\xffmeta\0\0\0\0", b"\0\0\0\x02metametametameta"] {
            assert_eq!(orientation(bytes), Orientation::default());
        }
    }
}
