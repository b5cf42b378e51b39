//! What the demo says of wallets.

use std::fmt::Write as _;

use super::paid::Seen;
use super::report::{mils, section};
use crate::cli::Failure;
use crate::cli::local_chain::LocalChain;
use crate::cli::table::Table;
use crate::types::{Usd, Wallet};

const TITLE: &str = "A wallet pays: no account, by x402 upto, on a chain of its own";

/// Where there is no chain: why, and how to get one.
pub(super) fn skipped(why: &str) -> String {
    format!("{}  Not shown: {why}.\n", section(TITLE))
}

pub(super) fn place(chain: &LocalChain, buyer: Wallet) -> String {
    let mut table = Table::new(&["what", "here"]);
    for (what, here) in [
        ("chain", format!("{}: anvil, at {}", chain.network, chain.node.url())),
        ("dollar", format!("{}, a test token", chain.token)),
        ("settler", chain.settler.map_or_else(String::new, |settler| format!("{settler}, ours, deployed just now"))),
        ("is paid", chain.pay_to.to_string()),
        ("buyer", format!("{buyer}, with $1,000 and an allowance for Permit2")),
    ] {
        table.row(vec![what.to_owned(), here]);
    }
    format!("{}{table}", section(TITLE))
}

/// Each step of both jobs side by side, and an error where they don't tell the same.
pub(super) fn jobs(seen: &[Seen]) -> Result<String, Failure> {
    let mut titles = vec!["step"];
    titles.extend(seen.iter().map(|seen| seen.bought.order.title));
    let mut table = Table::new(&titles);
    let mut line = |step: &str, cell: &dyn Fn(&Seen) -> String| {
        table.row(std::iter::once(step.to_owned()).chain(seen.iter().map(cell)).collect());
    };
    line("asked without a payment", &|seen| format!("402: {}, {}", seen.bought.asked.scheme, dollars(&seen.bought.asked.amount)));
    line("sent again, signed", &|seen| format!("202: {}", seen.bought.accepted.billing_mode));
    line("polled to its end", &|seen| if seen.bought.job.is_match() { "match" } else { "no match" }.to_owned());
    line("its hops cost", &|seen| mils(seen.bought.job.spent()));
    line("charged", &|seen| mils(charged(seen)));
    line("settled, says PAYMENT-RESPONSE", &|seen| seen.bought.settled.amount.as_deref().map_or_else(String::new, dollars));
    line("moved, says the token's log", &|seen| match seen.on_chain.as_slice() {
        [] => "nothing".to_owned(),
        logs => logs.iter().map(|log| mils(log.amount)).collect::<Vec<_>>().join(" and "),
    });
    line("blocks of the chain meanwhile", &|seen| seen.blocks.to_string());
    let mut text = format!("\n{table}");
    for log in seen.iter().flat_map(|seen| &seen.on_chain) {
        write!(text, "\n  The transaction: {}\n", log.transaction).unwrap_or_default();
    }
    if seen.iter().all(agrees) { Ok(text) } else { Err(Failure::Failed(format!("buyer, books and chain do not say the same:\n{text}"))) }
}

/// Job, header and chain say the same amount, once; or there was nothing to pay, and so no transaction at all.
fn agrees(seen: &Seen) -> bool {
    let (charged, bought) = (charged(seen), &seen.bought);
    let said = bought.settled.success && amount(bought.settled.amount.as_deref()) == Some(charged);
    let shown = amount(bought.payment.amount.as_deref()) == Some(charged);
    let matches = if bought.job.is_match() { charged == bought.job.spent() && !charged.is_zero() } else { charged.is_zero() };
    let moved = match seen.on_chain.as_slice() {
        [] => charged.is_zero() && bought.payment.transaction.is_none() && bought.settled.transaction.is_empty() && seen.blocks == 0,
        [log] => {
            log.amount == charged
                && bought.payment.transaction.as_ref() == Some(&log.transaction)
                && bought.settled.transaction == log.transaction
        }
        _ => false,
    };
    said && shown && matches && moved
}

fn charged(seen: &Seen) -> Usd {
    seen.bought.job.charged_usd.unwrap_or_default()
}

/// Atomic units are micro-dollars.
fn amount(units: Option<&str>) -> Option<Usd> {
    units?.parse().ok().map(Usd::from_micros)
}

fn dollars(units: &str) -> String {
    amount(Some(units)).map_or_else(|| units.to_owned(), mils)
}

pub(super) fn books(seen: &[Seen]) -> String {
    let mut table = Table::new(&["what", "job", ">amount", "from", "to"]);
    for seen in seen {
        let mut title = seen.bought.order.title;
        if seen.booked.is_empty() {
            table.row(["nothing", title, "", "", ""].map(str::to_owned).into());
        }
        for line in &seen.booked {
            let cells =
                [line.kind.clone(), std::mem::take(&mut title).to_owned(), mils(line.amount_usd), line.debit.clone(), line.credit.clone()];
            table.row(cells.into());
        }
    }
    format!("\n  In the books, what is claimed for it and settled:\n\n{table}")
}

/// What `audit --chain` says.
pub(super) fn compared(report: &str) -> String {
    format!("\n  enrich-jobs audit --chain: {}\n", report.trim_end().replace('\n', "\n  "))
}
