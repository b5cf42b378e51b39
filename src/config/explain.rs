//! What is said of a flag or a variable that can't be read: its name, what it must be, and never a secret.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

/// The message for a value that was refused, without the word "error"; `None` for any other fault, which clap explains well.
pub fn refused_value(error: &clap::Error, command: &Command) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue) {
        return None;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let argument = find(command, shown)?;
    let name = match (argument.get_env().and_then(|name| name.to_str()), argument.get_long()) {
        (Some(variable), Some(flag)) => format!("{variable} (--{flag})"),
        (None, Some(flag)) => format!("--{flag}"),
        (_, None) => shown.clone(),
    };
    let fault = error.source().map_or_else(|| "must have a value".to_owned(), ToString::to_string);
    let fault = if fault.starts_with("must ") || fault.starts_with("is ") { fault } else { format!("can't be used: {fault}") };
    Some(match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if !argument.is_hide_env_values_set() && !value.is_empty() && !value.contains('@') => {
            format!("{name} {fault}; it is {value:?}")
        }
        _ => format!("{name} {fault}"),
    })
}

fn find<'a>(command: &'a Command, shown: &str) -> Option<&'a Arg> {
    let own = command.get_arguments().find(|argument| argument.to_string() == shown);
    own.or_else(|| command.get_subcommands().find_map(|command| find(command, shown)))
}
