//! The settings that are in force, for `enrich-jobs config`: where each comes from, with secrets masked.

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use serde::Serialize;

use super::{Config, LogFormat, Options, StoreSettings, StoreUrl, Variables, networks};

/// In the place of a secret. Always as long, so that it doesn't tell the secret's length.
pub(super) const MASK: &str = "********";

/// One setting that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its variable.
    pub variable: String,
    /// Its flag; a network's own variables have none.
    pub flag: Option<String>,
    /// What is in force; a secret is masked.
    pub value: Option<String>,
    /// `default`, `environment`, `flag`, or `derived` where it follows from other settings.
    pub source: &'static str,
    /// Under which heading `--help` shows it.
    #[serde(skip)]
    pub heading: String,
}

/// Lists the settings of `command`, whose options were read into `matches`.
pub fn settings(command: &Command, matches: &ArgMatches, config: &Config) -> Vec<Setting> {
    let known = Options::ids();
    let mut settings = Vec::new();
    for argument in command.get_arguments() {
        let id = argument.get_id().as_str();
        let (Some(variable), Some(flag)) = (argument.get_env(), argument.get_long()) else { continue };
        if !known.iter().any(|known| known == id) {
            continue;
        }
        let given = matches.get_raw(id).and_then(|mut values| values.next()).map(|value| value.to_string_lossy().into_owned());
        let given = given.filter(|value| !value.is_empty());
        let (value, source) = match given {
            Some(_) if argument.is_hide_env_values_set() => (Some(MASK.to_owned()), source(matches, id)),
            // It may hold a password.
            Some(value) if id == "store" => {
                (Some(value.parse::<StoreUrl>().map_or(MASK.to_owned(), |url| url.shown())), source(matches, id))
            }
            Some(value) => (Some(value), source(matches, id)),
            None => derived(id, config),
        };
        settings.push(Setting {
            variable: variable.to_string_lossy().into_owned(),
            flag: Some(format!("--{flag}")),
            value,
            source,
            heading: argument.get_help_heading().unwrap_or_default().to_owned(),
        });
    }
    let named: Vec<_> = config.networks.iter().map(|network| network.terms.network).collect();
    for (variable, value, source) in networks::shown(&named, &Variables::of_process()) {
        settings.push(Setting { variable, flag: None, value, source, heading: "Networks".to_owned() });
    }
    settings
}

fn source(matches: &ArgMatches, id: &str) -> &'static str {
    match matches.value_source(id) {
        Some(ValueSource::CommandLine) => "flag",
        Some(ValueSource::EnvVariable) => "environment",
        Some(_) | None => "default",
    }
}

/// What stands for a setting that nobody set.
fn derived(id: &str, config: &Config) -> (Option<String>, &'static str) {
    let words = match id {
        "public_url" => crate::app::url_of(config.listen),
        "admin_token" => "made and printed at the start".to_owned(),
        "secret_key" => match &config.store {
            StoreSettings::Embedded(store) => format!("the file {}", store.path.join("secret.key").display()),
            StoreSettings::Shared(_) => return (None, "default"),
        },
        "worker_threads" => std::thread::available_parallelism().map_or(1, usize::from).to_string(),
        "log_format" => if LogFormat::for_stderr() == LogFormat::Text { "text" } else { "json" }.to_owned(),
        _ => return (None, "default"),
    };
    (Some(words), "derived")
}

impl Options {
    /// The ids of all options.
    fn ids() -> Vec<String> {
        let command = <Self as clap::Args>::augment_args(Command::new("options"));
        command.get_arguments().map(|argument| argument.get_id().as_str().to_owned()).collect()
    }
}

impl LogFormat {
    /// What suits standard error: text on a terminal, else JSON.
    pub fn for_stderr() -> Self {
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) { Self::Text } else { Self::Json }
    }
}
