//! Pictures in formats other than plain JPEG and PNG: orientation, animation, several pages, wrong extensions.

use std::fs;
use std::path::Path;

use image_webp::{ColorType, WebPEncoder};
use opencv::core::{self, Mat, Vec3b, Vector};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::source::{self, Input, SourceOptions};

use crate::data::data;
use crate::tools::{ffmpeg, input, read_all, temp};

/// Width and height of the stored picture.
const STORED: (usize, usize) = (24, 16);

/// A black picture whose top left quarter is red and whose top right quarter is green.
fn stored() -> Mat {
    let (width, height) = STORED;
    let mut image =
        Mat::new_rows_cols_with_default(height as i32, width as i32, core::CV_8UC3, core::Scalar::all(0.0)).unwrap();
    for (x, y) in (0..width as i32).flat_map(|x| (0..height as i32 / 2).map(move |y| (x, y))) {
        let colour = if x < width as i32 / 2 { [0, 0, 255] } else { [0, 255, 0] };
        *image.at_2d_mut::<Vec3b>(y, x).unwrap() = colour.into();
    }
    image
}

/// The colours of the four corners, from left to right and from top to bottom: red, green or black.
fn corners(image: &Mat) -> String {
    let colour = |x, y| {
        let [_, green, red] = **image.at_2d::<Vec3b>(y, x).unwrap();
        if red > 150 && green < 100 {
            'R'
        } else if green > 150 && red < 100 {
            'G'
        } else {
            '.'
        }
    };
    let (right, bottom) = (image.cols() - 3, image.rows() - 3);
    [(2, 2), (right, 2), (2, bottom), (right, bottom)].map(|(x, y)| colour(x, y)).iter().collect()
}

/// The corners of the only frame of an image file.
fn shown(path: &Path) -> String {
    assert!(matches!(input(path), Input::Image(_)), "{} is a still image", path.display());
    let (info, frames, error) = read_all(path, &SourceOptions::default()).unwrap();
    assert!(error.is_none() && frames.len() == 1 && info.size == frames[0].size());
    corners(&frames[0].image)
}

/// EXIF data, in TIFF's format, with one field: the orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0".to_vec();
    bytes.extend([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

fn encoded(extension: &str) -> Vec<u8> {
    let mut bytes = Vector::new();
    assert!(imgcodecs::imencode_def(extension, &stored(), &mut bytes).unwrap());
    bytes.to_vec()
}

fn jpeg(orientation: u8) -> Vec<u8> {
    let content = [b"Exif\0\0", &*exif(orientation)].concat();
    let length = (content.len() as u16 + 2).to_be_bytes();
    let image = encoded(".jpg");
    [&image[..2], b"\xff\xe1", &length, &content, &image[2..]].concat()
}

fn rgb() -> Vec<u8> {
    stored().data_bytes().unwrap().chunks(3).flat_map(|bgr| [bgr[2], bgr[1], bgr[0]]).collect()
}

fn png(orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, STORED.0 as u32, STORED.1 as u32);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_chunk(png::chunk::eXIf, &exif(orientation)).unwrap();
    writer.write_image_data(&rgb()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn webp(orientation: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(orientation));
    encoder.encode(&rgb(), STORED.0 as u32, STORED.1 as u32, ColorType::Rgb8).unwrap();
    bytes
}

/// An uncompressed TIFF file.
fn tiff(orientation: u8) -> Vec<u8> {
    let (width, height) = STORED;
    let pixels = rgb();
    let fields: [(u16, u32); 9] = [
        (256, width as u32),
        (257, height as u32),
        (258, 8),
        (262, 2),
        (273, 8),
        (274, orientation.into()),
        (277, 3),
        (278, height as u32),
        (279, pixels.len() as u32),
    ];
    let mut bytes = [b"II*\0", &(8 + pixels.len() as u32).to_le_bytes()[..], &pixels, &9u16.to_le_bytes()].concat();
    for (tag, value) in fields {
        bytes.extend([tag.to_le_bytes(), 4u16.to_le_bytes()].concat());
        bytes.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
    }
    bytes.extend([0; 4]);
    bytes
}

#[test]
fn pictures_are_upright_whatever_their_format() {
    let folder = temp();
    // What EXIF's eight orientations show where, by the standard (JEITA CP-3451, 4.6.4).
    let upright = ["RG..", "GR..", "..GR", "..RG", "R.G.", ".R.G", ".G.R", "G.R."];
    for (orientation, corners) in (1..).zip(upright) {
        let made = [
            ("jpg", jpeg(orientation)),
            ("png", png(orientation)),
            ("webp", webp(orientation)),
            ("tif", tiff(orientation)),
        ];
        for (extension, bytes) in made {
            let path = folder.path().join(format!("{orientation}.{extension}"));
            fs::write(&path, bytes).unwrap();
            assert_eq!(shown(&path), corners, "{}", path.display());
        }
    }
    // The same picture with orientation 6, which Pillow stores as `irot`: Image.save('turned.avif', exif=..., quality=60)
    assert_eq!(shown(Path::new("tests/fixtures/turned.avif")), ".R.G");
}

#[test]
fn an_animated_webp_is_a_video_with_its_own_times() {
    let folder = temp();
    let animation = folder.path().join("a.webp");
    let source = "-f lavfi -i testsrc2=size=64x48:rate=8:duration=2";
    ffmpeg(&format!("{source} -pix_fmt bgra -c:v libwebp_anim -lossless 1 -f webp"), &animation);
    let lossless = folder.path().join("a.mkv");
    ffmpeg(&format!("{source} -pix_fmt bgr0 -c:v ffv1"), &lossless);
    assert!(matches!(input(&animation), Input::Video(_)));
    let all = SourceOptions::default();
    let ((info, frames, error), (_, expected, _)) =
        (read_all(&animation, &all).unwrap(), read_all(&lossless, &all).unwrap());
    assert_eq!((info.frames, frames.len(), error.map(|e| e.to_string())), (Some(16), 16, None));
    assert!((info.rate.fps() - 8.0).abs() < 1e-9, "{:?}", info.rate);
    for (frame, expected) in frames.iter().zip(&expected) {
        assert!((frame.time - frame.index as f64 / 8.0).abs() < 1e-9, "{}", frame.time);
        let difference = core::norm2(&frame.image, &expected.image, core::NORM_INF, &core::no_array()).unwrap();
        assert!(difference <= 2.0, "frame {}: {difference}", frame.index);
    }
    let part = SourceOptions { start: Some(0.5), duration: Some(0.5), ..all.clone() };
    let (info, frames, _) = read_all(&animation, &part).unwrap();
    assert_eq!((info.start, info.frames, frames.len(), frames[0].time), (0.5, Some(4), 4, 0.0));
    let late = SourceOptions { start: Some(2.0), ..all.clone() };
    let error = read_all(&animation, &late).err().unwrap();
    assert!(error.exit_status() == 2 && error.to_string().contains("past the end, 2.000 s"), "{error}");

    let whole = fs::read(&animation).unwrap();
    let ninth = whole.windows(4).enumerate().filter(|(_, name)| name == b"ANMF").nth(8).unwrap().0;
    let mut spoilt = whole.clone();
    spoilt[ninth..ninth + 400].fill(0xff);
    for damaged in [&*spoilt, &whole[..ninth], &whole[..ninth + 200]] {
        fs::write(&animation, damaged).unwrap();
        let (_, frames, error) = read_all(&animation, &all).unwrap();
        let message = error.unwrap().to_string();
        let said = format!("only {} frames could be decoded: it is ", frames.len());
        assert!((8..16).contains(&frames.len()) && message.contains(&said), "{message}");
    }
}

#[test]
#[ignore = "needs the test data"]
fn pictures_from_outside_are_read() {
    let (info, frames, error) = read_all(&data("cases/video/anim.webp"), &SourceOptions::default()).unwrap();
    assert_eq!((info.frames, frames.len(), error.map(|e| e.to_string())), (Some(5), 5, None));
    let (_, frames, _) = read_all(&data("cases/video/pic.jp2"), &SourceOptions::default()).unwrap();
    assert_eq!(frames[0].size(), core::Size::new(160, 120));
    assert!(core::mean_def(&frames[0].image).unwrap()[1] > 20.0, "it is not black");
}

#[test]
fn extensions_may_be_wrong() {
    let folder = temp();
    let named = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    assert_eq!(shown(&named("jpeg.png", &jpeg(6))), ".R.G");
    assert_eq!(shown(&named("webp.jpg", &webp(8))), "G.R.");
    assert_eq!(shown(&named("avif.jpg", &fs::read("tests/fixtures/turned.avif").unwrap())), ".R.G");
    assert_eq!(shown(&named("png.avif", &png(3))), "..GR");
    let gif = folder.path().join("gif.png");
    ffmpeg("-f lavfi -i testsrc2=size=64x48:rate=10:duration=0.5 -f gif", &gif);
    assert!(matches!(input(&gif), Input::Video(_)));
    assert_eq!(read_all(&gif, &SourceOptions::default()).unwrap().1.len(), 5);
    let heic = named("phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    let error = source::open(&input(&heic), &SourceOptions::default()).err().unwrap().to_string();
    assert!(error.contains("phone.jpg: is a HEIC picture") && error.contains("heif-convert"), "{error}");
}

#[test]
fn what_is_not_read_is_noted() {
    let folder = temp();
    let pages = folder.path().join("1.tif");
    let three: Vector<Mat> = [stored(), stored(), stored()].into_iter().collect();
    assert!(imgcodecs::imwrite_def(&pages, &three).unwrap());
    fs::copy(&pages, folder.path().join("2.tif")).unwrap();
    fs::write(folder.path().join("3.tif"), tiff(1)).unwrap();
    let notes = |path: &Path| source::open(&input(path), &SourceOptions::default()).unwrap().warnings().to_vec();
    let one = notes(&pages);
    assert!(one.len() == 1 && one[0].contains("1.tif: has 3 pages and only the first is read"), "{one:?}");
    assert!(notes(&folder.path().join("3.tif")).is_empty());
    for name in ["film.gif", "notes.txt", ".hidden"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let all = notes(folder.path());
    assert!(all[0].contains("1.tif: has 3 pages") && all[0].contains("for 1 more of the 3 images"), "{all:?}");
    assert!(all.len() == 2 && all[1].ends_with("passed over 2 files: 1 .gif, 1 .txt"), "{all:?}");
    ffmpeg("-f lavfi -i testsrc2=size=24x16:rate=10:duration=0.5 -f gif", &folder.path().join("4.png"));
    let (_, frames, error) = read_all(folder.path(), &SourceOptions::default()).unwrap();
    let message = error.unwrap().to_string();
    assert!(frames.len() == 3 && message.contains("4.png: is an animation"), "{message}");
}
