//! Draws a frame's maps: layouts, blending, captions, and charts over time.

mod blend;
mod chart;
mod colormap;
mod energy;
mod fold;
mod strip;
pub(crate) mod text;
mod timeline;

use opencv::core::{CV_8UC3, Mat, MatTrait, MatTraitConst, Point, Rect, Scalar, Size};
use opencv::imgproc;

pub use colormap::Colormap;
pub use energy::MapEnergy;
pub(crate) use fold::EnergyFold;
pub use timeline::Timeline;
pub(crate) use timeline::fitted;

use crate::Result;
use crate::choice::choices;
use crate::frame::{Frame, Maps, SaliencyMap, VideoInfo};
use blend::Blender;
use strip::EnergyStrip;

choices! {
    /// How the output picture is composed.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Layout {
        /// The map over the frame; areas that are not salient keep their colours.
        Overlay = "overlay",
        /// Saliency map, input and overlay side by side.
        Panels = "panels",
        /// Input, static (one per explained class), motion and fused in a grid, above a chart of static, motion and
        /// fused energy over the last 10 s, with cuts marked.
        Grid = "grid",
        /// The overlay above a chart of static, motion and fused energy over the last 10 s, with cuts marked.
        Timeline = "timeline",
        /// Only the saliency map.
        Map = "map",
    }
}

/// Drawing options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The arrangement.
    pub layout: Layout,
    /// The colours of the maps.
    pub colormap: Colormap,
    /// Opacity, 0..=1, of the map over the frame at map value 1.
    pub alpha: f32,
    /// Whether to write the class, its probability, the time and the names of the tiles onto the picture.
    pub label: bool,
}

/// Largest width of a canvas, in pixels, that all H.264 players support; wider canvases are scaled down.
const MAX_CANVAS_SIDE: i32 = 4096;

/// Largest canvas, in pixels, that all H.264 players support (level 5.1).
const MAX_CANVAS_PIXELS: f64 = 4096.0 * 2304.0;

/// Colour of the line around each tile.
const BLACK: Scalar = Scalar::new(0.0, 0.0, 0.0, 0.0);

/// Draws every frame of one clip.
pub struct Annotator {
    style: Style,
    /// Size of the clip's pictures, and whether the clip is a still image.
    size: Size,
    still: bool,
    blender: Blender,
    tile: Size,
    /// Number of explained classes.
    classes: usize,
    /// The chart below the tiles; `None` for a still image.
    strip: Option<EnergyStrip>,
}

impl Annotator {
    /// Creates an annotator for the frames of `clip`, with the maps of `classes` classes in a grid.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if the colour map is not available.
    pub fn new(style: Style, clip: &VideoInfo, classes: usize) -> Result<Self> {
        Self::of(style, clip.size, clip.frames == Some(1), classes)
    }

    fn of(style: Style, size: Size, still: bool, classes: usize) -> Result<Self> {
        let blender = Blender::new(style.colormap.table()?, style.alpha);
        let charted = matches!(style.layout, Layout::Grid | Layout::Timeline) && !still;
        let strip = charted.then(EnergyStrip::default);
        let mut annotator = Self { style, size, still, blender, tile: size, classes, strip };
        let canvas = annotator.canvas();
        let (width, height) = (f64::from(canvas.width), f64::from(canvas.height));
        let scale = (f64::from(MAX_CANVAS_SIDE) / width).min((MAX_CANVAS_PIXELS / width / height).sqrt());
        if canvas != size && scale < 1.0 {
            let shrink = |side: i32| even(f64::from(side) * scale);
            annotator.tile = Size::new(shrink(size.width), shrink(size.height));
        }
        Ok(annotator)
    }

    /// Switches to another style and another size of frames. The history of the chart is kept.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new).
    pub fn restyled(self, style: Style, size: Size) -> Result<Self> {
        if style == self.style && size == self.size {
            return Ok(self);
        }
        let next = Self::of(style, size, self.still, self.classes)?;
        Ok(Self { strip: next.strip.map(|empty| self.strip.unwrap_or(empty)), ..next })
    }

    /// Size of the pictures drawn, in pixels.
    pub fn canvas(&self) -> Size {
        let columns = columns(self.style.layout, self.classes);
        let rows = (tiles(self.style.layout, self.classes) + columns - 1) / columns;
        let strip = self.strip.as_ref().map_or(0, |_| EnergyStrip::height(self.tile));
        Size::new(columns * self.tile.width, rows * self.tile.height + strip)
    }

    /// Draws one frame: 8-bit BGR of the size [`Annotator::canvas`]. `labels` are the classifier's predictions, such as
    /// `zebra 92 %`, one per explained class.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid frame causes.
    pub fn draw(&mut self, frame: Frame, maps: &Maps, labels: &[String]) -> Result<Mat> {
        let time = frame.time;
        let input = self.fit(frame.image)?;
        let mut picture = match self.style.layout {
            Layout::Overlay => self.overlay(input, &maps.fused)?,
            Layout::Map => self.map(&maps.fused)?,
            Layout::Panels => {
                let (map, overlay) = (self.map(&maps.fused)?, self.overlay(input.clone(), &maps.fused)?);
                self.tiled([&map, &input, &overlay])?
            }
            Layout::Grid => self.grid(&input, maps, labels)?,
            Layout::Timeline => self.tiled([&self.overlay(input, &maps.fused)?])?,
        };
        let Size { width, height } = self.canvas();
        if let Some(strip) = &mut self.strip {
            let high = EnergyStrip::height(self.tile);
            let place = Rect::new(0, height - high, width, high);
            strip.draw(&mut picture, place, MapEnergy::of(time, maps)?, self.style.label)?;
        }
        if self.style.label {
            let place = self.labelled();
            let label = labels.first().map(String::as_str).unwrap_or_default();
            text::caption(&mut picture, place, label, text::TextCorner::Bottom)?;
            text::caption(&mut picture, place, &text::clock(time), text::TextCorner::TopRight)?;
        }
        Ok(picture)
    }

    fn grid(&self, input: &Mat, maps: &Maps, labels: &[String]) -> Result<Mat> {
        let (static_, motion) = (self.map(&maps.static_)?, self.map(&maps.motion)?);
        let others = maps.others.iter().map(|map| self.map(map)).collect::<Result<Vec<_>>>()?;
        let overlay = self.overlay(input.clone(), &maps.fused)?;
        let mut grid = self.tiled([input, &static_].into_iter().chain(&others).chain([&motion, &overlay]))?;
        if self.style.label {
            let classes = labels.iter().map(String::as_str).filter(|_| !others.is_empty());
            let statics: Vec<&str> = classes.chain(["static"]).take(self.classes).collect();
            let names = ["input"].into_iter().chain(statics).chain(["motion", "fused"]);
            for (place, name) in self.places().zip(names) {
                text::caption(&mut grid, place, name, text::TextCorner::TopLeft)?;
            }
        }
        Ok(grid)
    }

    fn fit(&self, image: Mat) -> Result<Mat> {
        if image.size()? == self.tile {
            return Ok(image);
        }
        let mut fitted = Mat::default();
        imgproc::resize(&image, &mut fitted, self.tile, 0.0, 0.0, imgproc::INTER_AREA)?;
        Ok(fitted)
    }

    fn overlay(&self, mut input: Mat, map: &SaliencyMap) -> Result<Mat> {
        self.blender.lay(map, &mut input)?;
        Ok(input)
    }

    fn map(&self, map: &SaliencyMap) -> Result<Mat> {
        self.blender.coloured(map, self.tile)
    }

    fn tiled<'a>(&self, tiles: impl IntoIterator<Item = &'a Mat>) -> Result<Mat> {
        let canvas = self.canvas();
        let mut picture = Mat::new_rows_cols_with_default(canvas.height, canvas.width, CV_8UC3, 0.into())?;
        for (place, tile) in self.places().zip(tiles) {
            tile.copy_to(&mut picture.roi_mut(place)?)?;
            imgproc::rectangle(&mut picture, place, BLACK, 1, imgproc::LINE_8, 0)?;
        }
        Ok(picture)
    }

    /// The rectangles of the tiles, row by row.
    fn places(&self) -> impl Iterator<Item = Rect> + use<> {
        let (tile, columns) = (self.tile, columns(self.style.layout, self.classes));
        (0..).map(move |i| Rect::from_point_size(Point::new(i % columns * tile.width, i / columns * tile.height), tile))
    }

    /// The tile that shows class and time: the last one, which shows the frame with its map.
    fn labelled(&self) -> Rect {
        let last = tiles(self.style.layout, self.classes) - 1;
        self.places().nth(last as usize).unwrap_or_default()
    }
}

/// Number of tiles in a picture.
fn tiles(layout: Layout, classes: usize) -> i32 {
    match layout {
        Layout::Overlay | Layout::Map | Layout::Timeline => 1,
        Layout::Panels => 3,
        Layout::Grid => 3 + classes as i32,
    }
}

fn columns(layout: Layout, classes: usize) -> i32 {
    match layout {
        Layout::Overlay | Layout::Map | Layout::Timeline => 1,
        Layout::Panels => 3,
        Layout::Grid => f64::from(tiles(layout, classes)).sqrt().ceil() as i32,
    }
}

/// The largest even length up to `length`, at least 2: chroma subsampling requires it.
fn even(length: f64) -> i32 {
    ((length / 2.0) as i32).max(1) * 2
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC1, Vec3b};

    use super::*;
    use crate::frame::Rate;

    fn map(value: f64) -> SaliencyMap {
        SaliencyMap(Mat::new_rows_cols_with_default(12, 24, CV_32FC1, Scalar::all(value)).unwrap())
    }

    fn clip(size: Size, frames: Option<u64>) -> VideoInfo {
        VideoInfo::plain(size, Rate { num: 25, den: 1 }, frames)
    }

    fn drawn(layout: Layout, size: Size, classes: usize) -> Mat {
        let style = Style { layout, colormap: Colormap::Gray, alpha: 1.0, label: false };
        let image = Mat::new_rows_cols_with_default(size.height, size.width, CV_8UC3, Scalar::all(50.0)).unwrap();
        let frame = Frame { index: 0, time: 0.0, image };
        let others = (1..classes).map(|_| map(0.4)).collect();
        let maps =
            Maps { static_: map(0.2), others, motion: map(0.6), fused: map(1.0), motion_weight: 0.5, cut: false };
        let mut annotator = Annotator::new(style, &clip(size, None), classes).unwrap();
        let picture = annotator.draw(frame, &maps, &[]).unwrap();
        assert_eq!(picture.size().unwrap(), annotator.canvas());
        picture
    }

    /// Grey levels at the centres of `columns` by `rows` tiles of 160 x 90 pixels.
    fn middles(picture: &Mat, columns: i32, rows: i32) -> Vec<u8> {
        let (w, h) = (160, 90);
        let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
        tiles.map(|(r, c)| picture.at_2d::<Vec3b>(r * h + h / 2, c * w + w / 2).unwrap()[0]).collect()
    }

    #[test]
    fn each_layout_shows_what_it_says() {
        let size = Size::new(160, 90);
        assert_eq!(middles(&drawn(Layout::Map, size, 1), 1, 1), [255]);
        assert_eq!(middles(&drawn(Layout::Overlay, size, 1), 1, 1), [255]);
        assert_eq!(middles(&drawn(Layout::Timeline, size, 1), 1, 1), [255]);
        assert_eq!(middles(&drawn(Layout::Panels, size, 1), 3, 1), [255, 50, 255]);
        assert_eq!(middles(&drawn(Layout::Grid, size, 1), 2, 2), [50, 51, 153, 255]);
        assert_eq!(middles(&drawn(Layout::Grid, size, 3), 3, 2), [50, 51, 102, 102, 153, 255]);
        assert_eq!(middles(&drawn(Layout::Grid, size, 2), 3, 2), [50, 51, 102, 153, 255, 0]);
    }

    #[test]
    fn the_strip_has_its_own_place_below_the_tiles() {
        let picture = drawn(Layout::Grid, Size::new(160, 90), 1);
        assert_eq!((picture.cols(), picture.rows()), (320, 180 + 48));
        let paper = |row: i32| (0..320).filter(|&x| picture.at_2d::<Vec3b>(row, x).unwrap().0 == [24; 3]).count();
        assert!((0..180).all(|row| paper(row) == 0), "the strip covers the picture");
        assert!((180..228).all(|row| paper(row) > 0), "the strip is missing");
        let style = Style { layout: Layout::Grid, colormap: Colormap::Gray, alpha: 1.0, label: true };
        let still = Annotator::new(style, &clip(Size::new(160, 90), Some(1)), 1).unwrap();
        assert_eq!(still.canvas(), Size::new(320, 180));
    }

    #[test]
    fn large_canvases_stay_within_what_players_take() {
        let small = drawn(Layout::Panels, Size::new(161, 91), 1);
        assert_eq!((small.cols(), small.rows()), (483, 91));
        for layout in [Layout::Panels, Layout::Grid, Layout::Timeline] {
            for size in [Size::new(3840, 2160), Size::new(2160, 3840)] {
                let canvas = drawn(layout, size, 1);
                let (width, height) = (canvas.cols(), canvas.rows());
                assert!(width <= MAX_CANVAS_SIDE && height % 2 == 0, "{layout:?}: {width}x{height}");
                assert!(f64::from(width) * f64::from(height) <= MAX_CANVAS_PIXELS, "{layout:?}: {width}x{height}");
            }
        }
    }
}
