//! How the numbers of a video become colours.

use yuv::YuvStandardMatrix;

/// Where the chroma samples of 4:2:0 video lie among their four pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ChromaSiting {
    /// Not stated; usually as `Left`.
    Unspecified,
    /// Between the two left pixels (MPEG-2, H.264).
    Left,
    /// In the middle (JPEG, MPEG-1).
    Centre,
    /// On the upper left pixel (BT.2020).
    TopLeft,
}

/// Matrix, transfer characteristics and primaries as code points of ITU-T H.273; 2 means unspecified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ColourTags {
    /// Matrix coefficients: how Y'CbCr becomes R'G'B'.
    pub matrix: u8,
    /// Transfer characteristics: how R'G'B' becomes light.
    pub transfer: u8,
    /// Colour primaries: which red, green and blue.
    pub primaries: u8,
    pub siting: ChromaSiting,
}

impl ColourTags {
    /// BT.709, the colours of HD video, with the chroma samples that a mean of four pixels has.
    pub const BT709: Self = Self { matrix: 1, transfer: 1, primaries: 1, siting: ChromaSiting::Centre };
}

/// Code point for "unspecified".
pub const UNSPECIFIED: u8 = 2;

/// FFmpeg's names of matrix coefficients, by code point.
const MATRICES: [(&str, u8); 13] = [
    ("gbr", 0),
    ("bt709", 1),
    ("fcc", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("ycgco", 8),
    ("bt2020nc", 9),
    ("bt2020c", 10),
    ("smpte2085", 11),
    ("chroma-derived-nc", 12),
    ("chroma-derived-c", 13),
    ("ictcp", 14),
];

/// FFmpeg's names of transfer characteristics, by code point.
const TRANSFERS: [(&str, u8); 16] = [
    ("bt709", 1),
    ("bt470m", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("linear", 8),
    ("log100", 9),
    ("log316", 10),
    ("iec61966-2-4", 11),
    ("bt1361e", 12),
    ("iec61966-2-1", 13),
    ("bt2020-10", 14),
    ("bt2020-12", 15),
    ("smpte2084", 16),
    ("smpte428", 17),
    ("arib-std-b67", 18),
];

/// FFmpeg's names of colour primaries, by code point.
const PRIMARIES: [(&str, u8); 11] = [
    ("bt709", 1),
    ("bt470m", 4),
    ("bt470bg", 5),
    ("smpte170m", 6),
    ("smpte240m", 7),
    ("film", 8),
    ("bt2020", 9),
    ("smpte428", 10),
    ("smpte431", 11),
    ("smpte432", 12),
    ("ebu3213", 22),
];

/// The transfer characteristics of high dynamic range: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67).
const PQ: u8 = 16;
const HLG: u8 = 18;

impl ColourTags {
    /// From FFmpeg's names for the four, in their order here; a name that is missing or unknown is unspecified.
    pub fn from_names([matrix, transfer, primaries, siting]: [Option<&str>; 4]) -> Self {
        Self {
            matrix: code_point(&MATRICES, matrix),
            transfer: code_point(&TRANSFERS, transfer),
            primaries: code_point(&PRIMARIES, primaries),
            siting: match siting {
                Some("left") => ChromaSiting::Left,
                Some("center") => ChromaSiting::Centre,
                Some("topleft") => ChromaSiting::TopLeft,
                _ => ChromaSiting::Unspecified,
            },
        }
    }

    /// The name of the high dynamic range that the picture has, if it has one.
    pub fn hdr(self) -> Option<&'static str> {
        match self.transfer {
            PQ => Some("PQ"),
            HLG => Some("HLG"),
            _ => None,
        }
    }

    /// The conversion between Y'CbCr and R'G'B' that its matrix names; BT.601's if that is unspecified or none of these.
    pub fn standard_matrix(self) -> YuvStandardMatrix {
        match self.matrix {
            1 => YuvStandardMatrix::Bt709,
            4 => YuvStandardMatrix::Fcc,
            7 => YuvStandardMatrix::Smpte240,
            9 => YuvStandardMatrix::Bt2020,
            _ => YuvStandardMatrix::Bt601,
        }
    }
}

fn code_point(names: &[(&str, u8)], name: Option<&str>) -> u8 {
    names.iter().find(|(known, _)| Some(*known) == name).map_or(UNSPECIFIED, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_code_points() {
        let tags = ColourTags::from_names([Some("bt2020nc"), Some("smpte2084"), Some("bt2020"), Some("topleft")]);
        assert_eq!(tags, ColourTags { matrix: 9, transfer: 16, primaries: 9, siting: ChromaSiting::TopLeft });
        assert_eq!(tags.hdr(), Some("PQ"));
        let unknown = ColourTags::from_names([None, Some("unknown"), Some("reserved"), None]);
        assert_eq!(unknown, ColourTags { matrix: 2, transfer: 2, primaries: 2, siting: ChromaSiting::Unspecified });
    }
}
