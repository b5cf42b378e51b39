//! One request, again and again, to any server on this machine: for comparisons with others (`scripts/bench_payments.py`).

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use url::Url;

use super::load::{self, Pace, Same};
use super::scripts::request;
use crate::cli::{Failure, print};

/// Before the measurement the same load runs for this part of its time.
const WARM_UP_PARTS: u32 = 4;

#[derive(Debug, Clone, Args)]
pub(super) struct Arguments {
    /// Where to; on loopback
    #[arg(value_name = "URL")]
    url: Url,
    /// The body of each POST, JSON
    #[arg(long, value_name = "JSON")]
    body: String,
    /// The status of each answer
    #[arg(long, value_name = "STATUS", default_value_t = 200)]
    status: u16,
    /// For how long
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=600))]
    for_seconds: u16,
    /// Over so many connections
    #[arg(long, value_name = "NUMBER", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let Arguments { url, body, status, for_seconds, connections } = arguments;
    let address: SocketAddr = url
        .socket_addrs(|| Some(80))
        .ok()
        .and_then(|addresses| addresses.into_iter().find(|address| address.ip().is_loopback()))
        .ok_or_else(|| Failure::Failed(format!("{url} is not on this machine")))?;
    let same = Same { request: request("POST", url.path(), &[], body).into(), status: *status };
    let scripts = || vec![same.clone(); usize::from(*connections)];
    let time = Duration::from_secs((*for_seconds).into());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| Failure::of(&error))?;
    let tally = runtime.block_on(async {
        load::run(address, scripts(), Pace::Closed, time / WARM_UP_PARTS).await?;
        load::run(address, scripts(), Pace::Closed, time).await
    });
    let (tally, _) = tally.map_err(|error| Failure::Failed(format!("{error:#}")))?;
    print(&format!("{:.1} a second, p50 {:.2} ms, p99 {:.2} ms\n", tally.rate(), tally.quantile_ms(0.5), tally.quantile_ms(0.99)));
    Ok(())
}
