//! Parse, run, print the error, exit.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use salstream::Error;
use salstream::cli::{self, BatchArgs, BenchArgs, Command, LiveArgs};
use salstream::commands::batch::config::BatchConfig;
use salstream::commands::eval::config::EvalConfig;
use salstream::commands::live::config::LiveConfig;
use salstream::commands::run::RunEnding;
use salstream::commands::run::config::RunConfig;
use salstream::commands::{batch, bench, doctor, eval, live, model, run};
use salstream::reporting::mode::ReportMode;
use salstream::reporting::terminal::{print, say};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The exit status of a run that the user stopped, as shells report SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os().collect()).map_err(Into::into).and_then(|cli| execute(cli.command)) {
        Ok(status) => status.into(),
        Err(error) => {
            if !matches!(error.downcast_ref(), Some(Error::ReaderGone)) {
                say(&format!("error: {error}"));
            }
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
        Command::Run(args) => run_clip(&(*args).try_into()?),
        Command::Batch(args) => run_batch(*args),
        Command::Live(args) => watch(*args),
        Command::Eval(args) => evaluate(&(*args).try_into()?),
        Command::Bench(args) => measure(args),
        Command::Model(command) => Ok(model::model(command.try_into()?)?),
        Command::Doctor => Ok(u8::from(!doctor::report()?)),
        Command::Completions { shell } => print(&cli::completions(shell)).map(|()| 0).map_err(Into::into),
        Command::Man => print(&cli::manual()?).map(|()| 0).map_err(Into::into),
    }
}

/// A flag that the first SIGINT or SIGTERM sets, so that the work ends properly. The second signal ends the process at
/// once.
fn stop_on_signals() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), stop.clone())?;
        flag::register(signal, stop.clone())?;
    }
    Ok(stop)
}

fn evaluate(config: &EvalConfig) -> anyhow::Result<u8> {
    match eval::evaluate(config, &*stop_on_signals()?)? {
        Some(evaluation) => evaluation.report(config).map(|()| 0).map_err(Into::into),
        None => {
            say("stopped: no figures were written");
            Ok(INTERRUPTED)
        }
    }
}

fn measure(args: BenchArgs) -> anyhow::Result<u8> {
    let json = args.json;
    let Some(report) = bench::bench(&args.try_into()?, &*stop_on_signals()?)? else { return Ok(INTERRUPTED) };
    let text = if json { serde_json::to_string_pretty(&report)? + "\n" } else { report.to_string() };
    print(text.as_bytes())?;
    Ok(0)
}

fn run_batch(args: BatchArgs) -> anyhow::Result<u8> {
    let stop = stop_on_signals()?;
    if let Some(folder) = &args.merge {
        let summary = batch::merge(folder)?;
        return Ok(end_batch(&summary, args.report(), &stop));
    }
    let is_worker = args.worker;
    let config = BatchConfig::try_from(args)?;
    if is_worker {
        batch::worker::work(&config)?;
        return Ok(0);
    }
    let summary = batch::batch(&config, &stop)?;
    Ok(summary.map_or(0, |summary| end_batch(&summary, config.report, &stop)))
}

fn end_batch(summary: &batch::Summary, report: ReportMode, stop: &AtomicBool) -> u8 {
    if report != ReportMode::Quiet {
        summary.say(report == ReportMode::Json);
    }
    if stop.load(Ordering::Relaxed) { INTERRUPTED } else { u8::from(summary.is_incomplete()) }
}

fn watch(args: LiveArgs) -> anyhow::Result<u8> {
    if args.list {
        print(live::cameras().as_bytes())?;
        return Ok(0);
    }
    let config = LiveConfig::try_from(args)?;
    let summary = live::live(&config, &*stop_on_signals()?)?;
    if !config.quiet {
        summary.say();
    }
    Ok(match summary.ending {
        _ if summary.recording.outages > 0 => 1,
        live::SessionEnding::Interrupted => INTERRUPTED,
        live::SessionEnding::Complete => 0,
    })
}

fn run_clip(config: &RunConfig) -> anyhow::Result<u8> {
    let stop = stop_on_signals()?;
    let summary = run::run(config, &stop)?;
    match summary.ending {
        RunEnding::Complete => Ok(0),
        RunEnding::Interrupted => Ok(INTERRUPTED),
        RunEnding::Broken(error) => {
            let kept = summary.output.map(|output| format!(" (the decoded part is in {})", output.display()));
            say(&format!("error: {error}{}", kept.unwrap_or_default()));
            Ok(error.exit_status())
        }
    }
}
