//! The manual page and the shell completions.

use std::io::Write;
use std::path::Path;

use clap::CommandFactory;

use super::Cli;
use crate::{Error, Result};

/// The completion script of a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "salstream", &mut script);
    script
}

/// The manual page (roff).
pub fn manual() -> std::io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    describe(&command, "", &mut page)?;
    Ok(page)
}

/// Writes a manual page for each command into the folder, which is created if it does not exist.
///
/// # Errors
/// [`Error::Io`] if one cannot be written.
pub fn write_manuals(folder: &Path) -> Result<()> {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.map_err(Error::io(folder))
}

/// Writes a section for each subcommand of `command`, recursively.
fn describe(command: &clap::Command, above: &str, page: &mut Vec<u8>) -> std::io::Result<()> {
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        let name = format!("{above}{}", part.get_name().to_uppercase());
        writeln!(page, ".SH {name}")?;
        let section = clap_mangen::Man::new(part.clone());
        section.render_synopsis_section(page)?;
        section.render_description_section(page)?;
        section.render_options_section(page)?;
        describe(part, &format!("{name} "), page)?;
    }
    Ok(())
}
