//! `enrich-jobs demo`: the whole service in one minute, with nothing to install and no network.
//!
//! It starts a real server on invented data, and buys from it over HTTP as any client would: jobs that match, one that doesn't,
//! one that reaches its ceiling, and a lead session that is watched round by round; then it shows answers, bills and a statement that balances. Where anvil is found, a wallet buys
//! too, on a chain of the demo's own, and is charged there what its job cost.

mod buyer;
mod folder;
mod guests;
mod lead;
mod orders;
mod paid;
mod paid_report;
mod progress;
mod report;
mod wallet;

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use self::buyer::{Buyer, Job};
use self::folder::Folder;
use self::guests::Guests;
use self::orders::{DIRECTORY_COST, ORDERS, PAGE_COST};
use super::admin_client::AdminClient;
use super::local_chain::{Found, LocalChain, Wanted};
use super::signals::{Signals, within_time};
use super::{Failure, logs, print, runtime, samples};
use crate::app::{Addresses, App, StartError, url_of};
use crate::config::{Config, Options, Variables};
use crate::enrich::vendors::directory::{ImportReport, import};

/// Of `demo`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Keep everything here; without it, a temporary folder that is removed at the end
    #[arg(long, env = "DEMO_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// End when all is shown, instead of serving on
    #[arg(long)]
    exit: bool,
    /// The repository's folder of contracts, for a chain on which a wallet pays; looked for here and above by default
    #[arg(long, env = "DEMO_CONTRACTS", value_name = "DIR")]
    contracts: Option<PathBuf>,
    /// Where buyers come in; a free port where this one is taken
    #[arg(long, env = "ENRICH_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8411")]
    listen: SocketAddr,
    /// Where operators come in; a free port where this one is taken
    #[arg(long, env = "ENRICH_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:9411")]
    admin_listen: SocketAddr,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    logs::start_quietly();
    let folder = Folder::new(arguments.data.as_deref())?;
    runtime::run(None, demo(arguments, &folder))
}

async fn demo(arguments: &Arguments, folder: &Folder) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut guests = Guests::start().await?;
    let directory = folder.path().join("directory");
    let imported = import_samples(guests.sites_url(), &directory).await?;
    // Before the server, and so dropped after it: its last settlements need it.
    let chain = tokio::select! {
        chain = chain(arguments.contracts.as_deref()) => chain,
        () = signals.next() => return Ok(()),
    };
    let app = start(arguments, folder.path(), &directory, chain.as_ref().ok()).await?;
    let told = tokio::select! {
        told = story(app.addresses(), &imported, &mut guests, chain.as_ref(), folder.path()) => told.map(Some),
        () = signals.next() => Ok(None),
    };
    if let Ok(Some(bearer)) = &told
        && !arguments.exit
    {
        print(&report::how_to_go_on(app.addresses(), bearer, folder, chain.as_ref().ok()));
        signals.next().await;
    }
    print("\nShutting down.\n");
    within_time(&mut signals, app.shutdown()).await?;
    told.map(drop)
}

async fn import_samples(sites_url: String, directory: &Path) -> Result<ImportReport, Failure> {
    let directory = directory.to_owned();
    let imported = tokio::task::spawn_blocking(move || import(samples::directory_csv(&sites_url).as_bytes(), &directory, true));
    let imported = imported.await.map_err(|error| Failure::of(&error))?;
    imported.map_err(|error| Failure::of(&error))
}

/// A chain where a wallet can pay, or why there is none. None is needed for all the rest.
async fn chain(contracts: Option<&Path>) -> Result<LocalChain, String> {
    let found = Found::look(contracts).map_err(|missing| missing.to_string())?;
    let chain = LocalChain::start(&found, Wanted { operators: 1, batch: true, buyers: 1 }).await;
    chain.map_err(|failure| format!("there is anvil, but {failure}"))
}

/// Starts the server, on free ports where the usual ones are taken.
async fn start(arguments: &Arguments, folder: &Path, directory: &Path, chain: Option<&LocalChain>) -> Result<App, Failure> {
    let mut config = config(arguments, folder, directory, chain)?;
    let started = match App::start(config.clone()).await {
        Err(StartError::Listen { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
            config.listen.set_port(0);
            config.admin_listen.set_port(0);
            App::start(config).await
        }
        started => started,
    };
    started.map_err(|error| Failure::of(&error))
}

/// The defaults, but for what an invented world on one machine needs.
fn config(arguments: &Arguments, folder: &Path, directory: &Path, chain: Option<&LocalChain>) -> Result<Config, Failure> {
    let mut flags = vec![
        format!("--listen={}", arguments.listen),
        format!("--admin-listen={}", arguments.admin_listen),
        format!("--store=embedded:{}", folder.display()),
        format!("--directory-path={}", directory.display()),
        format!("--directory-cost-usd={DIRECTORY_COST}"),
        format!("--website-cost-usd={PAGE_COST}"),
        "--website-allow-loopback".to_owned(),
        // All the sample's websites are one host here.
        "--website-host-interval-ms=0".to_owned(),
        "--callback-allow-loopback".to_owned(),
        "--connections-max=64".to_owned(),
    ];
    flags.extend(chain.map(|chain| format!("--x402-networks={}", chain.network)));
    let options = Options::from_flags(flags.iter().map(String::as_str)).map_err(|error| Failure::of(&error))?;
    let variables = chain.map(LocalChain::variables).unwrap_or_default();
    Ok(options.check_with(&Variables::from_iter(variables))?)
}

#[derive(Debug, Deserialize)]
struct MadeAgent {
    agent_id: String,
    bearer: String,
}

/// Everything that there is to see, and the agent's bearer to go on with.
async fn story(
    addresses: &Addresses,
    imported: &ImportReport,
    guests: &mut Guests,
    chain: Result<&LocalChain, &String>,
    folder: &Path,
) -> Result<String, Failure> {
    let url = url_of(addresses.public);
    print(&report::opening(&url, imported, guests));

    let admin = AdminClient::of(url_of(addresses.admin), addresses.admin_token.clone())?;
    let wish = serde_json::json!({ "label": "Demo buyer", "credit_usd": 10 });
    let made = admin.post("/admin/agents", &wish, None).await?;
    let MadeAgent { agent_id, bearer } = serde_json::from_str(&made).map_err(|error| Failure::of(&error))?;
    print(&report::agent(&agent_id, &bearer));

    let buyer = Buyer::new(url.clone(), bearer.clone())?;
    let mut accepted = Vec::new();
    for order in &ORDERS {
        accepted.push(buyer.submit(order, &guests.callback_url()).await?);
    }
    print(&report::accepted(&accepted));
    let jobs = watch(&buyer, &accepted).await?;
    print(&report::answers(&jobs));
    print(&report::bills(&jobs));
    let session = lead::story(&buyer).await?;

    let (ledger, balance) = (buyer.ledger().await?, buyer.balance().await?);
    print(&report::statement(&ledger, &accepted, &session, balance)?);

    match chain {
        Ok(chain) => paid::story(url, &admin, chain, folder).await?,
        Err(why) => print(&paid_report::skipped(why)),
    }

    let again = buyer.again(&ORDERS, &accepted, &guests.callback_url()).await?;
    let callback = guests.callback(&accepted).await;
    let audit = admin.get("/admin/audit").await?;
    print(&report::promises(&again, callback.as_ref(), &audit, balance == buyer.balance().await?)?);
    Ok(bearer)
}

/// Polls all jobs until they have ended, and shows how they get on.
async fn watch(buyer: &Buyer, accepted: &[buyer::Accepted]) -> Result<Vec<Job>, Failure> {
    let mut display = progress::Display::new(&ORDERS);
    let mut jobs: Vec<Job> = Vec::new();
    loop {
        jobs.clear();
        for (place, accepted) in accepted.iter().enumerate() {
            let job = buyer.poll(accepted).await?;
            display.show(place, &job);
            jobs.push(job);
        }
        if jobs.iter().all(Job::has_ended) {
            display.finish();
            return Ok(jobs);
        }
        tokio::time::sleep(progress::EVERY).await;
    }
}
