//! The clips for measuring robustness.

use opencv::core::Size;
use salstream::frame::Rate;

use super::{Camera, Clip, Disturbance, Ground, Object, Path};

const LYING: Size = Size { width: 640, height: 360 };
const FILM: Rate = Rate { num: 24, den: 1 };
const PAN: Camera = Camera { pan: [80.0, 30.0], ..STILL };
const STILL: Camera = Camera { pan: [0.0; 2], zoom: 0.0, turn: 0.0, shake: 0.0, readout: 0.0 };
/// Subjects that a classifier knows and some that it does not; skies and walls without texture, fine leaves, straight
/// edges.
const PHOTOGRAPHS: [(&str, &str); 12] = [
    ("zebra", "photos/captum_zebra.jpg"),
    ("cat", "photos/coral_cat_1080p.jpg"),
    ("swan", "photos/captum_swan.jpg"),
    ("samoyed", "photos/pytorch_hub_dog_samoyed.jpg"),
    ("street", "mit1003/stimuli/i05june05_static_street_boston_p1010764.jpg"),
    ("boat", "mit1003/stimuli/i05june05_static_street_boston_p1010855.jpg"),
    ("car", "mit1003/stimuli/i1010483663.jpg"),
    ("haze", "mit1003/stimuli/i1022085609.jpg"),
    ("tree", "mit1003/stimuli/i104267087.jpg"),
    ("tiles", "mit1003/stimuli/i107362766.jpg"),
    ("rock", "mit1003/stimuli/i1131124824.jpg"),
    ("cloth", "mit1003/stimuli/i1065169436.jpg"),
];

/// All clips, each one and a half seconds long.
pub fn all() -> Vec<Clip> {
    [cameras(), objects(), disturbed(), rates(), shapes()].concat()
}

fn clip(name: String, camera: Camera, objects: Vec<Object>) -> Clip {
    let ground = Ground::Texture(7);
    Clip { name, size: LYING, rate: FILM, seconds: 1.5, ground, camera, objects, disturbance: Disturbance::None }
}

/// A disc that crosses the picture and passes its centre together with the camera.
fn crossing() -> Vec<Object> {
    vec![Object::disc([-110.0, -40.0], [180.0, 60.0])]
}

fn movements() -> Vec<(&'static str, Camera)> {
    vec![
        ("still", STILL),
        ("pan", PAN),
        ("fast-pan", Camera { pan: [260.0, 0.0], ..STILL }),
        ("zoom", Camera { zoom: 0.35, ..STILL }),
        ("turn", Camera { turn: 0.25, ..STILL }),
        ("shake", Camera { shake: 8.0, ..STILL }),
        ("rolling", Camera { pan: [200.0, 0.0], shake: 8.0, readout: 0.03, ..STILL }),
        ("all", Camera { pan: [60.0, 20.0], zoom: 0.2, turn: 0.15, shake: 5.0, readout: 0.02 }),
    ]
}

/// Every camera over a texture and photographs, without moving objects.
fn cameras() -> Vec<Clip> {
    let textures = movements().into_iter().map(|(name, camera)| clip(format!("camera-{name}"), camera, vec![]));
    let photographs = PHOTOGRAPHS.into_iter().flat_map(|(photo, path)| {
        let over = move |(name, camera)| Clip {
            ground: Ground::Photograph(path),
            ..clip(format!("camera-{name}-{photo}"), camera, vec![])
        };
        movements().into_iter().filter(|(name, _)| ["still", "pan", "shake", "all"].contains(name)).map(over)
    });
    textures.chain(photographs).collect()
}

/// Objects of every kind, and one object under every camera.
fn objects() -> Vec<Clip> {
    let disc = |from, speed| vec![Object::disc(from, speed)];
    let rests = Path { from: [-130.0, -40.0], speed: [200.0, 60.0], until: 0.75 };
    let stops = vec![Object { path: rests, ..Object::disc([0.0; 2], [0.0; 2]) }];
    let blob = vec![Object { uneven: 0.3, radius: 65.0, ..Object::disc([-100.0, 0.0], [150.0, 30.0]) }];
    let small = vec![Object { radius: 22.0, ..Object::disc([-100.0, 0.0], [150.0, 30.0]) }];
    let large = vec![Object { radius: 120.0, ..Object::disc([-80.0, 0.0], [120.0, 30.0]) }];
    let two = vec![Object::disc([-200.0, -60.0], [120.0, 0.0]), Object::disc([180.0, 70.0], [-150.0, 0.0])];
    let kinds = [
        ("slow", disc([-30.0, 0.0], [36.0, 0.0])),
        ("fast", disc([-280.0, -60.0], [600.0, 100.0])),
        ("stops", stops),
        ("enters", disc([-370.0, 20.0], [200.0, 0.0])),
        ("two", two),
        ("blob", blob),
        ("small", small),
        ("large", large),
    ];
    let kinds = kinds.into_iter().map(|(name, objects)| clip(format!("object-{name}"), PAN, objects));
    let cameras = movements().into_iter().map(|(name, camera)| clip(format!("object-{name}"), camera, crossing()));
    let cut_out = Object { photograph: Some("photos/pytorch_hub_dog_samoyed.jpg"), ..crossing().remove(0) };
    let photographs = PHOTOGRAPHS.into_iter().map(|(photo, path)| Clip {
        ground: Ground::Photograph(path),
        ..clip(format!("object-pan-{photo}"), PAN, vec![Object { radius: 70.0, ..cut_out.clone() }])
    });
    cameras.chain(kinds).chain(photographs).collect()
}

/// Each disturbance on a panned texture, without moving objects and with a disc.
fn disturbed() -> Vec<Clip> {
    use Disturbance::*;
    let all = [
        ("noise", Noise(8.0)),
        ("grain", Grain(8.0)),
        ("compressed", Compressed(35)),
        ("exposure", Exposure),
        ("flash", Flash),
        ("fade", Fade),
        ("cut", Cut),
        ("frozen", Frozen),
        ("pulldown", Pulldown),
        ("dropped", Dropped),
        ("interlaced", Interlaced),
        ("letterbox", Bars(0.0, 0.13)),
        ("pillarbox", Bars(0.15, 0.0)),
        ("windowbox", Bars(0.1, 0.1)),
    ];
    let both = all.into_iter().flat_map(|(name, disturbance)| {
        let rate = if disturbance == Pulldown { Rate { num: 30, den: 1 } } else { FILM };
        [("camera", vec![]), ("object", crossing())].map(|(kind, objects)| Clip {
            rate,
            disturbance,
            ..clip(format!("{kind}-{name}"), PAN, objects)
        })
    });
    both.collect()
}

/// Various frame rates at the same speed.
fn rates() -> Vec<Clip> {
    let both = [12, 60, 120].into_iter().flat_map(|fps| {
        [("camera", vec![]), ("object", crossing())].map(|(kind, objects)| Clip {
            rate: Rate { num: fps, den: 1 },
            ..clip(format!("{kind}-{fps}fps"), PAN, objects)
        })
    });
    both.collect()
}

/// Various picture sizes: portrait, extreme and tiny.
fn shapes() -> Vec<Clip> {
    let both = [(360, 640), (960, 240), (240, 720), (96, 64), (48, 48)].into_iter().flat_map(|(width, height)| {
        [("camera", vec![]), ("object", vec![Object::disc([-40.0, -40.0], [80.0, 80.0])])].map(|(kind, objects)| Clip {
            size: Size { width, height },
            ..clip(format!("{kind}-{width}x{height}"), Camera { pan: [-50.0, 30.0], ..STILL }, objects)
        })
    });
    both.collect()
}
