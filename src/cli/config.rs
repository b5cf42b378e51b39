//! `enrich-jobs config`: the settings that are in force.

use clap::{ArgMatches, Args};

use super::{Failure, print};
use crate::config::effective::{self, Setting};
use crate::config::{Config, Options, unread};

/// Of `config`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(arguments: &Arguments, command: &clap::Command, matches: &ArgMatches) -> Result<(), Failure> {
    let config = arguments.options.check()?;
    super::logs::check(&arguments.options.logs)?;
    let settings = effective::settings(command, matches, &config);
    for warning in unread::warnings(&arguments.options.payments.networks) {
        eprintln!("warning: {warning}");
    }
    print(&if arguments.json { as_json(&settings, &config) } else { as_table(&settings, &config) });
    Ok(())
}

fn as_json(settings: &[Setting], config: &Config) -> String {
    let whole = serde_json::json!({ "settings": settings, "max_timeout_seconds": config.node.max_timeout_seconds });
    format!("{whole:#}\n")
}

fn as_table(settings: &[Setting], config: &Config) -> String {
    use std::fmt::Write as _;
    let width = |column: fn(&Setting) -> &str| settings.iter().map(|setting| column(setting).len()).max().unwrap_or_default();
    let (name, value) = (width(|setting| &setting.variable), width(|setting| setting.value.as_deref().unwrap_or("none")));
    let mut text = String::new();
    let mut heading = "";
    for setting in settings {
        if setting.heading != heading {
            let gap = if text.is_empty() { "" } else { "\n" };
            writeln!(text, "{gap}{}", setting.heading).unwrap_or_default();
            heading = &setting.heading;
        }
        let shown = setting.value.as_deref().unwrap_or("none");
        writeln!(text, "  {:name$}  {shown:value$}  {}", setting.variable, setting.source).unwrap_or_default();
    }
    let seconds = config.node.max_timeout_seconds;
    writeln!(text, "\nJOB_QUEUE_SECONDS, JOB_RUN_SECONDS and SETTLE_MARGIN_SECONDS make max_timeout_seconds {seconds}.")
        .unwrap_or_default();
    text
}
