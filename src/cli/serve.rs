//! `enrich-jobs serve`: the server, until a signal ends it.

use clap::Args;
use secrecy::ExposeSecret;

use super::signals::{Signals, within_time};
use super::{Failure, logs, print, runtime};
use crate::app::{Addresses, App};
use crate::config::{Config, Options, unread};

/// Of `serve`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    options: Options,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.options.check()?;
    logs::start(&arguments.options.logs)?;
    for warning in unread::warnings(&arguments.options.payments.networks) {
        tracing::warn!("{warning}");
    }
    runtime::run(arguments.options.limits.worker_threads, serve(config))
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Before anything is opened: a signal that comes during the start ends it in order, too.
    let mut signals = Signals::new()?;
    let app = App::start(config).await.map_err(|error| Failure::of(&error))?;
    print(&ready(app.addresses()));
    signals.next().await;
    within_time(&mut signals, app.shutdown()).await
}

/// One line for whoever waits for the server; before it the token, where nobody else knows it.
pub(super) fn ready(addresses: &Addresses) -> String {
    let Addresses { public, public_url, admin, admin_token, is_token_made } = addresses;
    let token = if *is_token_made {
        format!("admin token, made for this run (set ENRICH_ADMIN_TOKEN to keep one): {}\n", admin_token.expose_secret())
    } else {
        String::new()
    };
    let own = crate::app::url_of(*public);
    let behind = if own == *public_url { String::new() } else { format!(" (listening on {own})") };
    format!("{token}enrich-jobs is ready: public {public_url}{behind}, admin {}\n", crate::app::url_of(*admin))
}
