//! Synthetic clips with known ground truth: a camera over a texture or a photograph, and objects with independent
//! motion.
//!
//! Lengths are in pixels of a picture 640 pixels long and scale with the picture; times are in seconds.

mod camera;
pub mod catalogue;
mod disturbance;
mod file;
mod ground;
mod object;

use opencv::core::{self, CV_32FC2, Mat, Point2f, Scalar, Size, Vec2f, Vec3b};
use opencv::imgproc::{self, INTER_CUBIC};
use opencv::prelude::*;
use salstream::frame::{Frame, Rate};

pub use self::camera::Camera;
pub use self::disturbance::Disturbance;
pub use self::ground::Ground;
pub use self::object::{Object, Path};

use self::disturbance::Moment;

/// The longer side, in pixels, that lengths refer to.
const REFERENCE: f64 = 640.0;

/// The content of a clip, and how it was recorded.
#[derive(Clone)]
pub struct Clip {
    pub name: String,
    pub size: Size,
    pub rate: Rate,
    pub seconds: f64,
    pub ground: Ground,
    pub camera: Camera,
    pub objects: Vec<Object>,
    pub disturbance: Disturbance,
}

/// A frame and the mask of its objects (`CV_8UC1`, 255 inside).
pub struct Shown {
    pub frame: Frame,
    pub mask: Mat,
}

impl Clip {
    /// Whether it shows photographs, which are part of the test data.
    pub fn has_photographs(&self) -> bool {
        matches!(self.ground, Ground::Photograph(_)) || self.objects.iter().any(|object| object.photograph.is_some())
    }

    /// Every frame as recorded.
    pub fn frames(&self) -> Vec<Shown> {
        let inner = self.disturbance.inner(self.size);
        let shots = self.disturbance.shots().into_iter();
        let worlds: Vec<World> = shots.map(|shot| World::new(self, shot, inner)).collect();
        let moments = self.disturbance.moments(self.rate, self.seconds);
        let shown = moments.iter().enumerate().map(|(index, moment)| {
            let world = &worlds[moment.shot.min(worlds.len() - 1)];
            let (image, mask) = self.disturbance.expose(index, moments.len(), |later| world.view(self, moment, later));
            let [image, mask] = [image, mask].map(|picture| disturbance::framed(&picture, self.size));
            Shown { frame: Frame { index: index as u64, time: moment.time, image }, mask }
        });
        self.disturbance.recorded(shown.collect(), self.rate)
    }
}

/// The pictures from which a clip is sampled.
struct World {
    size: Size,
    unit: f64,
    ground: Mat,
    skins: Vec<Mat>,
}

impl World {
    fn new(clip: &Clip, shot: u64, size: Size) -> Self {
        let unit = f64::from(size.width.max(size.height)) / REFERENCE;
        let ground = clip.ground.picture(size, shot);
        let skins = clip.objects.iter().map(|object| object.skin(unit)).collect();
        Self { size, unit, ground, skins }
    }

    /// The picture `later` seconds after `moment`, and the mask of its objects.
    fn view(&self, clip: &Clip, moment: &Moment, later: f64) -> (Mat, Mat) {
        let time = moment.content + later;
        let places = self.places(&clip.camera, time);
        let middle = middle(&self.ground);
        let mut image = sample(&self.ground, &places, middle);
        let mut mask = Mat::new_size_with_default(self.size, core::CV_8U, Scalar::default()).unwrap();
        for (object, skin) in clip.objects.iter().zip(&self.skins) {
            let [x, y] = object.path.at(time).map(|v| (v * self.unit) as f32);
            let skin_middle = self::middle(skin);
            let skin = sample(skin, &places, skin_middle - Point2f::new(x, y));
            let places = places.data_typed::<Vec2f>().unwrap();
            let cover = |place: &Vec2f| object.cover(place[0] - x, place[1] - y, self.unit as f32);
            let pixels = image.data_typed_mut::<Vec3b>().unwrap().iter_mut().zip(skin.data_typed::<Vec3b>().unwrap());
            let truth = mask.data_typed_mut::<u8>().unwrap();
            for (((pixel, skin), truth), place) in pixels.zip(truth).zip(places) {
                let cover = cover(place);
                *pixel = Vec3b::from([0, 1, 2].map(|c| mix(pixel[c], skin[c], cover)));
                *truth = if cover > 0.5 { 255 } else { *truth };
            }
        }
        (image, mask)
    }

    /// For each pixel, the point that the camera sees there, in pixels from the world's centre (`CV_32FC2`).
    fn places(&self, camera: &Camera, time: f64) -> Mat {
        let mut places = Mat::new_size_with_default(self.size, CV_32FC2, Scalar::default()).unwrap();
        let (width, height) = (f64::from(self.size.width), f64::from(self.size.height));
        let rows = places.data_typed_mut::<Vec2f>().unwrap().chunks_exact_mut(self.size.width as usize);
        for (y, row) in rows.enumerate() {
            let y = (y as f64 - height / 2.0) / self.unit;
            let pose = camera.pose(time, y * self.unit / height);
            for (x, place) in row.iter_mut().enumerate() {
                let seen = pose.place((x as f64 - width / 2.0) / self.unit, y);
                *place = Vec2f::from(seen.map(|v| (v * self.unit) as f32));
            }
        }
        places
    }
}

fn middle(picture: &Mat) -> Point2f {
    Point2f::new(picture.cols() as f32 / 2.0, picture.rows() as f32 / 2.0)
}

/// `picture`, sampled at `places` moved by `origin`.
fn sample(picture: &Mat, places: &Mat, origin: Point2f) -> Mat {
    let mut sources = Mat::default();
    core::add(places, &Scalar::new(origin.x.into(), origin.y.into(), 0.0, 0.0), &mut sources, &core::no_array(), -1)
        .unwrap();
    let mut out = Mat::default();
    let border = core::BORDER_REFLECT;
    imgproc::remap(picture, &mut out, &sources, &Mat::default(), INTER_CUBIC, border, Scalar::default()).unwrap();
    out
}

fn mix(from: u8, to: u8, part: f32) -> u8 {
    (f32::from(from) + part * (f32::from(to) - f32::from(from))).round() as u8
}
