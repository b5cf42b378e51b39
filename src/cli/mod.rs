//! The command line: one file a subcommand. Each ends with an exit code: 0 done, 1 failed, 2 bad usage or configuration.

mod admin_client;
mod agents;
mod audit;
mod audit_chain;
mod backup;
mod bench;
mod config;
mod copying;
mod demo;
mod eval;
mod import_directory;
mod local_chain;
mod logs;
mod migrate;
mod openapi;
mod receipt;
mod receipt_findings;
mod restore;
mod runtime;
pub mod samples;
mod serve;
mod settler;
mod signals;
mod stored;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{ConfigError, explain, later};

/// Done.
const DONE: u8 = 0;
/// It could not be done, or an invariant is broken.
const FAILED: u8 = 1;
/// It could not be found out (`receipt verify` only).
const UNKNOWN: u8 = 3;
/// Bad usage or configuration.
const MISUSED: u8 = 2;

/// For one call to a server of our own: more than the longest poll waits.
const CALL_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(70);

/// Sells long-running data enrichment by the job, and bills each job only after it has run.
#[derive(Debug, Parser)]
#[command(name = "enrich-jobs", version, propagate_version = true, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "Every option is a flag and an environment variable; `enrich-jobs COMMAND --help` shows both with the default.
Exit codes: 0 done, 1 failed (for audit: an invariant is broken; for receipt verify: it doesn't hold), 2 bad usage or configuration, 3 unknown (receipt verify: what would decide could not be had).";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// See all of it in a minute: a server on invented data, jobs, bills, a statement that balances
    Demo(demo::Arguments),
    /// Check the books of a store, beside a running server too
    Audit(audit::Arguments),
    /// Put a store as it is now into a file, beside a running server too
    Backup(backup::Arguments),
    /// Make a store from a backup
    Restore(restore::Arguments),
    /// Move a store somewhere else: from a folder into Redis, or back
    Migrate(migrate::Arguments),
    /// Bring a CSV file of businesses into the directory that websearch asks
    ImportDirectory(import_directory::Arguments),
    /// Measure enrichment against a set of questions whose answers are known
    Eval(eval::Arguments),
    /// Make, credit and list agents, through a running server
    Agents(agents::Arguments),
    /// Deploy the contract that settles many payments in one transaction
    Settler(settler::Arguments),
    /// Measure how fast this program is on this machine
    Bench(bench::Arguments),
    /// Show the settings that are in force, with secrets masked
    Config(config::Arguments),
    /// Show what a job's receipt says, and check that it holds
    Receipt(receipt::Arguments),
    /// Print the OpenAPI document that the server serves
    Openapi(openapi::Arguments),
}

/// Why a command ended without having done what it should.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// A setting can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else. The message stands alone.
    #[error("{0}")]
    Failed(String),
    /// It could not be found out; all has been said already.
    #[error("unknown")]
    Unknown,
    /// All has been said already.
    #[error("failed")]
    Said,
}

impl Failure {
    /// With the causes of `error` behind it.
    fn of(error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their source.
            if !message.contains(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            cause = error.source();
        }
        Self::Failed(message)
    }
}

/// Reads the command line and the environment, and does what they say.
pub fn run() -> ExitCode {
    let mut command = Cli::command();
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => return refused(&error, &mut command),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return refused(&error, &mut command),
    };
    let done = later::refuse(later::environment()).map_err(Failure::from).and_then(|()| match cli.command {
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Migrate(arguments) => migrate::run(&arguments),
        Command::ImportDirectory(arguments) => import_directory::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Agents(arguments) => agents::run(arguments),
        Command::Settler(arguments) => settler::run(&arguments),
        Command::Receipt(arguments) => receipt::run(&arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Config(arguments) => {
            let own = matches.subcommand_matches("config").zip(command.find_subcommand("config"));
            own.map_or(Ok(()), |(matches, command)| config::run(&arguments, command, matches))
        }
    });
    match done {
        Ok(()) => ExitCode::from(DONE),
        Err(failure) => {
            if !matches!(failure, Failure::Said | Failure::Unknown) {
                eprintln!("error: {failure}");
            }
            ExitCode::from(match failure {
                Failure::Config(_) => MISUSED,
                Failure::Unknown => UNKNOWN,
                Failure::Failed(_) | Failure::Said => FAILED,
            })
        }
    }
}

/// Help and the version are asked for, and not a fault.
fn refused(error: &clap::Error, command: &mut clap::Command) -> ExitCode {
    // Only a command that is built throughout can name its arguments.
    command.build();
    if let Some(message) = explain::refused_value(error, command) {
        eprintln!("error: {message}");
        return ExitCode::from(MISUSED);
    }
    // A closed standard output changes nothing about the exit code.
    error.print().ok();
    ExitCode::from(if error.use_stderr() { MISUSED } else { DONE })
}

/// Writes to standard output; a reader that has gone away (`| head`) is no failure.
fn print(text: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

/// A client for servers of our own, whose URL the operator gave; never for the URLs of strangers.
fn http_client() -> Result<reqwest::Client, Failure> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(CALL_TIMEOUT).build();
    client.map_err(|error| Failure::of(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    /// T-25: `--help` shows the values of the environment, but not those of secrets.
    #[test]
    fn t25_help_hides_secrets() {
        for command in Cli::command().get_subcommands() {
            for argument in command.get_arguments() {
                let id = argument.get_id().as_str();
                if ["token", "secret", "_key"].iter().any(|word| id.contains(word)) {
                    assert!(argument.is_hide_env_values_set(), "{id}");
                }
            }
        }
    }
}
