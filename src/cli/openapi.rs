//! `enrich-jobs openapi`: the OpenAPI document that the server serves, without a server.

use clap::Args;

use super::{Failure, print};
use crate::config::{ListenOptions, Options};
use crate::http::{self, openapi};

/// Of `openapi`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The operators' listener instead of the public one
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.options.check()?;
    let ListenOptions { listen, public_url, .. } = &arguments.options.listen;
    let public_url = public_url.clone().unwrap_or_else(|| crate::app::url_of(*listen));
    let has_networks = !config.networks.is_empty();
    let settings = http::Settings { public_url, ..config.edge };
    let document =
        if arguments.admin { openapi::admin(&http::admin::rows()) } else { openapi::public(&http::rest::rows(), &settings, has_networks) };
    let document: serde_json::Value = serde_json::from_slice(&document).map_err(|error| Failure::of(&error))?;
    print(&format!("{document:#}\n"));
    Ok(())
}
