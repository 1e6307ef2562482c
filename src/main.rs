//! Parse, run, print the error, exit.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::CommandFactory;
use salstream::cli::{Cli, Command};
use salstream::commands::eval::config::EvalConfig;
use salstream::commands::live::config::LiveConfig;
use salstream::commands::run::Ending;
use salstream::commands::run::config::RunConfig;
use salstream::reporting::terminal::{print, say};
use salstream::{
    Error, cli, commands::batch, commands::bench, commands::doctor, commands::eval, commands::live, commands::model,
    commands::run,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Exit status of a run that the user stopped, as shells report SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().collect()).map_err(Into::into).and_then(|cli| execute(cli.command)) {
        Ok(status) => status.into(),
        Err(error) => {
            say(&format!("error: {error}"));
            error.downcast_ref::<Error>().map_or(1, Error::exit_status).into()
        }
    }
}

fn execute(mut command: Command) -> anyhow::Result<u8> {
    if let Some(settings) = command.settings().filter(|settings| settings.print_config) {
        print(settings.text.as_bytes())?;
        return Ok(0);
    }
    match command {
        Command::Run(args) => return run_clip(&RunConfig::new(*args)?),
        Command::Batch(args) => return many(*args),
        Command::Live(args) => return watch(*args),
        Command::Eval(args) => return evaluate(*args),
        Command::Bench(args) => return measure(&args),
        Command::Model(command) => return Ok(model::model(command)?),
        Command::Doctor => return Ok(u8::from(!doctor::report()?)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "salstream", &mut script);
            print(&script)?;
        }
        Command::Man => print(&manual()?)?,
    }
    Ok(0)
}

/// The manual page.
fn manual() -> std::io::Result<Vec<u8>> {
    let mut command = Cli::command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    describe(&command, "", &mut page)?;
    Ok(page)
}

/// A part for each subcommand of `command`, and for theirs.
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

/// What the first SIGINT or SIGTERM sets, so that the work ends properly; the second ends the process at once.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

fn evaluate(args: cli::EvalArgs) -> anyhow::Result<u8> {
    let config = EvalConfig::new(args)?;
    match eval::evaluate(&config, &*stop_on_signals()?)? {
        Some(evaluation) => evaluation.report(&config).map(|()| 0).map_err(Into::into),
        None => {
            say("stopped: no figures were written");
            Ok(INTERRUPTED)
        }
    }
}

fn measure(args: &cli::BenchArgs) -> anyhow::Result<u8> {
    let Some(report) = bench::bench(args, &*stop_on_signals()?)? else { return Ok(INTERRUPTED) };
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    print(text.as_bytes())?;
    Ok(0)
}

fn many(args: cli::BatchArgs) -> anyhow::Result<u8> {
    let stop = stop_on_signals()?;
    if args.worker {
        batch::worker::work(&args)?;
        return Ok(0);
    }
    let summary = match &args.merge {
        Some(folder) => Some(batch::merge(folder)?),
        None => batch::batch(&args, &stop)?,
    };
    let Some(summary) = summary else { return Ok(0) };
    if !args.quiet {
        summary.say(args.progress == cli::ProgressMode::Json);
    }
    Ok(if stop.load(std::sync::atomic::Ordering::Relaxed) { INTERRUPTED } else { u8::from(summary.is_incomplete()) })
}

fn watch(args: cli::LiveArgs) -> anyhow::Result<u8> {
    if args.list {
        print(live::cameras().as_bytes())?;
        return Ok(0);
    }
    let config = LiveConfig::new(args)?;
    if config.input.is_stream() {
        live::hold_nothing_back();
    }
    let summary = live::live(&config, &*stop_on_signals()?)?;
    if !config.quiet {
        summary.say();
    }
    Ok(if summary.ending == live::Ending::Interrupted { INTERRUPTED } else { 0 })
}

fn run_clip(config: &RunConfig) -> anyhow::Result<u8> {
    let stop = stop_on_signals()?;
    let summary = run::run(config, &stop)?;
    match summary.ending {
        Ending::Complete => Ok(0),
        Ending::Interrupted => Ok(INTERRUPTED),
        Ending::Broken(error) => {
            let kept = summary.output.map(|output| format!(" (what was decoded is in {})", output.display()));
            say(&format!("error: {error}{}", kept.unwrap_or_default()));
            Ok(error.exit_status())
        }
    }
}
