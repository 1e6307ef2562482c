//! Writes the synthetic clips and their masks in the layout of DAVIS, for `salstream eval`:
//! `cargo run --release --example synthetic -- FOLDER [NAME...]`.

#[path = "../support/data.rs"]
mod data;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "synthetic/mod.rs"]
mod synthetic;

use std::path::Path;

use anyhow::{Context, Result, ensure};
use opencv::core::{Mat, Vector};
use opencv::imgcodecs;
use synthetic::{Shown, catalogue};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().context("usage: synthetic FOLDER [NAME...]")?;
    let names: Vec<String> = arguments.collect();
    for clip in catalogue::all().iter().filter(|clip| names.is_empty() || names.contains(&clip.name)) {
        let frames = clip.frames();
        write(Path::new(&folder), &clip.name, &frames)?;
        println!("{}: {} frames", clip.name, frames.len());
    }
    Ok(())
}

fn write(folder: &Path, name: &str, frames: &[Shown]) -> Result<()> {
    let parts = ["JPEGImages", "Annotations"].map(|part| folder.join(part).join("480p").join(name));
    parts.iter().try_for_each(std::fs::create_dir_all)?;
    for Shown { frame, mask } in frames {
        write_picture(&parts[0].join(format!("{:05}.jpg", frame.index)), &frame.image)?;
        write_picture(&parts[1].join(format!("{:05}.png", frame.index)), mask)?;
    }
    Ok(())
}

fn write_picture(path: &Path, picture: &Mat) -> Result<()> {
    let written = imgcodecs::imwrite(path, picture, &Vector::new())?;
    ensure!(written, "{}: cannot be written", path.display());
    Ok(())
}
