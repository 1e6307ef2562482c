//! Settings from a file: `--config FILE` supplies flags that are not on the command line, and `--print-config` prints
//! all of them in the format of such a file.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, CommandFactory, FromArgMatches};
use toml::{Table, Value};

use super::Cli;
use crate::address::without_secrets;
use crate::platform::whole_file;
use crate::reporting::terminal::{printable, say};
use crate::{Error, Result};

/// Flags that are not settings.
const NO_SETTINGS: [&str; 3] = ["config", "print_config", "help"];

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// Read settings from this TOML file, such as static-every = 4; flags on the command line take precedence
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print all settings in the format of a --config file, and exit
    #[arg(long)]
    pub print_config: bool,
    /// All settings, in the format of such a file.
    #[arg(skip)]
    pub text: String,
    /// The command line after the subcommand, including the file's settings.
    #[arg(skip)]
    pub line: Vec<OsString>,
}

/// Parses the command line `line`, including the file of its `--config`. If it is wrong, ends the process, as clap
/// does.
///
/// # Errors
/// [`Error::Usage`] or [`Error::Input`] if the file cannot be read or holds something that is not a flag.
pub fn parse(mut line: Vec<OsString>) -> Result<Cli> {
    let command = Cli::command();
    // The second parse reports what is wrong or missing, because it also sees the file's settings.
    let first = command.clone().ignore_errors(true).try_get_matches_from(&line);
    // The line of a batch's worker already contains the file's settings.
    let is_worker = line.get(2).is_some_and(|flag| flag == "--worker");
    if !is_worker
        && let Some((name, given)) = first.as_ref().ok().and_then(ArgMatches::subcommand)
        && let Ok(Some(file)) = given.try_get_one::<PathBuf>("config")
        && let Some(subcommand) = command.find_subcommand(name)
    {
        let (flags, inputs) = flags(subcommand, given, file)?;
        line.splice(2..2, flags);
        line.extend(inputs);
    }
    let matches = command.clone().try_get_matches_from(&line).unwrap_or_else(|error| refuse(&error));
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| refuse(&error));
    if let Some((name, given)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand(name)
        && let Some(settings) = cli.command.settings()
    {
        settings.text = text(subcommand, given);
        settings.line = line.split_off(2);
    }
    Ok(cli)
}

/// Prints what is wrong with the command line, or the help, and ends the process. The message repeats arguments, which
/// may contain anything, and addresses with passwords.
fn refuse(error: &clap::Error) -> ! {
    let text = error.render().to_string();
    let shown = without_secrets(&text);
    let lines: Vec<_> = shown.lines().map(printable).collect();
    if shown == text && lines.iter().all(|line| matches!(line, Cow::Borrowed(_))) {
        error.exit();
    }
    lines.iter().for_each(|line| say(line));
    std::process::exit(error.exit_code());
}

/// The flags and the inputs that are in `file`, without those that are `given` already.
fn flags(command: &Command, given: &ArgMatches, file: &Path) -> Result<(Vec<OsString>, Vec<OsString>)> {
    let text = whole_file::read_text(file).map_err(|error| match error {
        Error::Io { source, .. } => Error::input(file, format!("cannot be read: {source}")),
        other => other,
    })?;
    let table: Table = text.parse().map_err(|e: toml::de::Error| {
        Error::Usage(format!("{}: is not a TOML file: {}", file.display(), e.to_string().replace('\n', " ").trim()))
    })?;
    let (mut flags, mut inputs) = (Vec::new(), Vec::new());
    for (key, value) in table {
        let known = settings(command).find(|arg| name(arg) == key);
        let wrong = |what: &str| Error::Usage(format!("{}: {key}: {what}", file.display()));
        let arg = known.ok_or_else(|| wrong("no such setting; see --print-config"))?;
        if given.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            let value = match value {
                Value::Boolean(false) => continue,
                Value::Boolean(true) => None,
                Value::String(value) => Some(value),
                Value::Integer(_) | Value::Float(_) => Some(value.to_string()),
                _ => return Err(wrong("must be a string, a number, true, false, or a list of them")),
            };
            // If given explicitly, a default could require other flags.
            if value.as_ref().is_some_and(|value| arg.get_default_values() == [value.as_str()]) {
                continue;
            }
            match (arg.is_positional(), value) {
                (true, value) => inputs.extend(value.map(OsString::from)),
                (false, Some(value)) => flags.push(format!("--{key}={value}").into()),
                (false, None) => flags.push(format!("--{key}").into()),
            }
        }
    }
    if !inputs.is_empty() {
        inputs.insert(0, "--".into());
    }
    Ok((flags, inputs))
}

/// The arguments that may be in a file.
fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set() && !NO_SETTINGS.contains(&arg.get_id().as_str()))
}

/// An argument's name in a file.
fn name(arg: &Arg) -> &str {
    arg.get_long().unwrap_or(arg.get_id().as_str())
}

/// All settings that have a value.
fn text(command: &Command, given: &ArgMatches) -> String {
    let mut text = format!("# salstream {}; what has no line here is at its default\n", command.get_name());
    for arg in settings(command) {
        let id = arg.get_id().as_str();
        let values: Vec<Value> = match arg.get_action() {
            ArgAction::SetTrue => vec![given.get_flag(id).into()],
            _ => given.get_raw(id).into_iter().flatten().map(|raw| typed(&raw.to_string_lossy())).collect(),
        };
        let value = match (arg.get_action(), &values[..]) {
            (_, []) => continue,
            (ArgAction::Append, _) => Value::Array(values),
            (_, [first, ..]) => first.clone(),
        };
        text += &format!("{} = {value}\n", name(arg));
    }
    text
}

/// A number, if the text is that number's canonical form; else the text.
fn typed(text: &str) -> Value {
    let whole = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    let broken = text.parse::<f64>().ok().filter(|number| number.to_string() == text && number.is_finite());
    whole.map(Value::from).or(broken.map(Value::from)).unwrap_or_else(|| text.into())
}
