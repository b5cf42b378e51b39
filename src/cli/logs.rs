//! What is logged, and how: to standard error, so that standard output holds what a command answers.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::Failure;
use crate::config::{ConfigError, LogFormat, LogOptions};

/// Starts logging for a server.
pub(super) fn start(options: &LogOptions) -> Result<(), Failure> {
    begin(filter(options)?, options.log_format.unwrap_or_else(LogFormat::for_stderr), std::io::stderr);
    Ok(())
}

/// Whether the options can be used.
pub(super) fn check(options: &LogOptions) -> Result<(), Failure> {
    filter(options)?;
    Ok(())
}

fn filter(options: &LogOptions) -> Result<EnvFilter, ConfigError> {
    // The actor library opens a span for every actor and message, which costs more than what they do; its warnings stay.
    EnvFilter::try_new(format!("ractor=warn,{}", options.log))
        .map_err(|error| ConfigError::new("ENRICH_LOG", format!("must be a filter, such as info or info,enrich_jobs::net=debug: {error}")))
}

/// Starts logging for a command that answers a person: warnings only.
pub(super) fn start_quietly() {
    begin(EnvFilter::new("warn"), LogFormat::Text, std::io::stderr);
}

fn begin<W>(filter: EnvFilter, format: LogFormat, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(is_terminal);
    // It can only have been started before, by a test; then that one goes on.
    match format {
        LogFormat::Text => builder.with_target(false).try_init().ok(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init().ok(),
    };
}
