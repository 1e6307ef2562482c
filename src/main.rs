//! Parse, run, print the error, exit.

use std::path::PathBuf;
use std::process::ExitCode;

use salstream::Error;
use salstream::cli::{self, BatchArgs, BenchArgs, Command, LiveArgs};
use salstream::commands::batch::config::BatchConfig;
use salstream::commands::eval::config::EvalConfig;
use salstream::commands::live::config::LiveConfig;
use salstream::commands::reframe::config::ReframeConfig;
use salstream::commands::run::RunEnding;
use salstream::commands::run::config::RunConfig;
use salstream::commands::{batch, bench, doctor, eval, live, model, reframe, run, setup};
use salstream::platform::silence::silence_libraries;
use salstream::platform::stop::StopSignals;
use salstream::reporting::mode::ReportMode;
use salstream::reporting::terminal::{print, say};

fn main() -> ExitCode {
    silence_libraries();
    match cli::parse(std::env::args_os().collect()).map_err(Into::into).and_then(|cli| execute(cli.command)) {
        Ok(status) => status.into(),
        Err(error) => {
            say_error(&error);
            error.downcast_ref::<Error>().map_or(1, Error::exit_status).into()
        }
    }
}

fn say_error(error: &anyhow::Error) {
    match error.downcast_ref() {
        Some(Error::ReaderGone) => {}
        Some(Error::Interrupted) => say(&error.to_string()),
        _ => say(&format!("error: {error}")),
    }
}

fn execute(mut command: Command) -> anyhow::Result<u8> {
    if let Some(settings) = command.settings().filter(|settings| settings.print_config) {
        print(settings.text.as_bytes())?;
        return Ok(0);
    }
    match command {
        Command::Run(args) => stoppable(|stop| run_clip(&(*args).try_into()?, stop)),
        Command::Batch(args) => stoppable(|stop| run_batch(*args, stop)),
        Command::Live(args) => stoppable(|stop| watch(*args, stop)),
        Command::Reframe(args) => stoppable(|stop| reframe_clip(&(*args).try_into()?, stop)),
        Command::Eval(args) => stoppable(|stop| evaluate(&(*args).try_into()?, stop)),
        Command::Bench(args) => stoppable(|stop| measure(args, stop)),
        Command::Model(command) => Ok(model::model(command.try_into()?)?),
        Command::Setup(args) => setup::setup(&args.into()).map(|()| 0).map_err(Into::into),
        Command::Doctor => Ok(u8::from(!doctor::report()?)),
        Command::Completions { shell } => print(&cli::completions(shell)).map(|()| 0).map_err(Into::into),
        Command::Man { folder: Some(folder) } => cli::write_manuals(&folder).map(|()| 0).map_err(Into::into),
        Command::Man { folder: None } => print(&cli::manual()?).map(|()| 0).map_err(Into::into),
    }
}

/// Does `work`, which a signal can stop. If one does, it decides the exit status.
fn stoppable(work: impl FnOnce(&StopSignals) -> anyhow::Result<u8>) -> anyhow::Result<u8> {
    let signals = StopSignals::install()?;
    match (work(&signals), signals.exit_status()) {
        (Err(error), Some(status)) => {
            say_error(&error);
            Ok(status)
        }
        (result, _) => result,
    }
}

fn evaluate(config: &EvalConfig, stop: &StopSignals) -> anyhow::Result<u8> {
    let reported = match config.reframe {
        Some(aspect) => eval::reframe::evaluate(config, aspect, stop.flag())?.map(|scored| scored.report(config)),
        None => eval::evaluate(config, stop.flag())?.map(|scored| scored.report(config)),
    };
    match reported {
        Some(reported) => reported.map(|()| 0).map_err(Into::into),
        None => {
            say("stopped: no figures were written");
            Ok(stop.exit_status().unwrap_or(1))
        }
    }
}

fn measure(args: BenchArgs, stop: &StopSignals) -> anyhow::Result<u8> {
    let json = args.json;
    let Some(report) = bench::bench(&args.try_into()?, stop.flag())? else {
        return Ok(stop.exit_status().unwrap_or(1));
    };
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    print(text.as_bytes())?;
    Ok(0)
}

fn run_batch(args: BatchArgs, stop: &StopSignals) -> anyhow::Result<u8> {
    if let Some(folder) = &args.merge {
        let summary = batch::merge(folder, args.report(), stop.flag())?;
        return Ok(end_batch(&summary, args.report(), stop));
    }
    let is_worker = args.worker;
    let config = BatchConfig::try_from(args)?;
    if is_worker {
        batch::worker::work(&config)?;
        return Ok(0);
    }
    let summary = batch::batch(&config, stop.flag())?;
    Ok(summary.map_or(0, |summary| end_batch(&summary, config.report, stop)))
}

fn end_batch(summary: &batch::Summary, report: ReportMode, stop: &StopSignals) -> u8 {
    if report != ReportMode::Quiet {
        summary.say(report == ReportMode::Json);
    }
    stop.exit_status().unwrap_or_else(|| u8::from(summary.is_incomplete()))
}

fn watch(args: LiveArgs, stop: &StopSignals) -> anyhow::Result<u8> {
    if args.list {
        print(live::cameras().as_bytes())?;
        return Ok(0);
    }
    let config = LiveConfig::try_from(args)?;
    let summary = live::live(&config, stop.flag())?;
    if !config.quiet {
        summary.say();
    }
    Ok(match summary.ending {
        _ if summary.recording.outages > 0 => 1,
        live::SessionEnding::Interrupted => stop.exit_status().unwrap_or(1),
        live::SessionEnding::Complete => 0,
    })
}

fn run_clip(config: &RunConfig, stop: &StopSignals) -> anyhow::Result<u8> {
    let summary = run::run(config, stop.flag())?;
    match summary.ending {
        RunEnding::Complete => Ok(0),
        RunEnding::Interrupted => Ok(stop.exit_status().unwrap_or(1)),
        RunEnding::Broken(error) => Ok(say_broken(&error, summary.output)),
    }
}

fn reframe_clip(config: &ReframeConfig, stop: &StopSignals) -> anyhow::Result<u8> {
    let summary = reframe::reframe(config, stop.flag())?;
    Ok(match summary.broken {
        Some(error) => say_broken(&error, Some(summary.output)),
        None if summary.interrupted => stop.exit_status().unwrap_or(1),
        None => 0,
    })
}

/// Says why the rest of a clip is missing, and returns the exit status.
fn say_broken(error: &Error, output: Option<PathBuf>) -> u8 {
    let kept = output.map(|output| format!(" (the decoded part is in {})", output.display()));
    say(&format!("error: {error}{}", kept.unwrap_or_default()));
    error.exit_status()
}
