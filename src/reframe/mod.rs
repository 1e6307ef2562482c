//! Where to crop a clip so that it shows what is salient: the path of a window through each shot.
//!
//! For each frame, a table says which share of the salient mass every position of the window loses. The steadiest
//! sequence of good positions is found exactly (dynamic programming), with a price on travel, so that the window does
//! not change between two objects without a reason. Around it, an L1-optimal camera path is found (Grundmann, Kwatra,
//! Essa: "Auto-directed video stabilization with robust L1 optimal camera paths", CVPR 2011), which rests, moves at a
//! constant speed, or accelerates evenly. Paths are continuous within a shot, and jump only at cuts.

mod aspect;
mod evidence;
mod export;
mod loss;
mod planner;
mod shot;
mod smooth;
mod target;

pub use aspect::Aspect;
pub use evidence::EvidenceMap;
pub use export::{path_json, sendcmd};
pub use planner::{CameraPath, FrameWindow, PathPlanner, PlanOptions, ShotSummary};
