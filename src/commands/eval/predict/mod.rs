//! The maps to score: this program's own, simple baselines, or files of another method.

mod baseline;
mod files;
mod map_generator;
mod named;
mod own_map;

pub use self::baseline::centre;
pub use self::files::MapFiles;
pub use self::map_generator::{FrameMaps, MapGenerator, MapGeneratorConfig};
pub use self::named::Named;
pub use self::own_map::OwnMap;
