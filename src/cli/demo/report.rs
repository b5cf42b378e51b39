//! What the demo says, section by section.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::Value;

use super::buyer::{Accepted, Again, Cost, Entry, Job};
use super::folder::Folder;
use super::guests::{Callback, Guests};
use super::lead;
use super::orders::{DIRECTORY_COST, ORDERS, PAGE_COST};
use crate::app::{Addresses, url_of};
use crate::cli::Failure;
use crate::cli::local_chain::{Account, LocalChain};
use crate::cli::table::{Table, money};
use crate::enrich::vendors::directory::ImportReport;
use crate::types::{OutOfRange, Usd};

pub(super) fn section(title: &str) -> String {
    let (bold, plain) = if std::io::stdout().is_terminal() { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
    format!("\n{bold}{title}{plain}\n{}\n", "=".repeat(title.chars().count()))
}

/// To the thousandth of a dollar, which is as fine as prices are here: then points stand below points.
pub(super) fn mils(amount: Usd) -> String {
    let text = money(amount);
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{text}{}", "0".repeat(3_usize.saturating_sub(decimals)))
}

pub(super) fn opening(url: &str, imported: &ImportReport, guests: &Guests) -> String {
    let mut text = section("enrich-jobs: enrichment by the job, billed after it has run");
    let businesses = imported.imported.saturating_add(imported.replaced);
    let mut lines = Table::new(&["what", "here"]);
    for (what, here) in [
        ("server", url.to_owned()),
        ("directory", format!("{businesses} invented businesses, at ${DIRECTORY_COST} a query")),
        ("their web sites", format!("{}/, at ${PAGE_COST} a page", guests.sites_url())),
        ("network", "none is needed: everything stays on this machine".to_owned()),
    ] {
        lines.row(vec![what.to_owned(), here]);
    }
    write!(text, "{lines}").unwrap_or_default();
    text
}

pub(super) fn agent(id: &str, bearer: &str) -> String {
    format!("{}  {id} has $10.00 to spend.\n  Its bearer, shown this once: {bearer}\n", section("An agent"))
}

pub(super) fn accepted(accepted: &[Accepted]) -> String {
    let mut text = section("Five jobs: each holds its ceiling, and pays no more than it");
    let mut table = Table::new(&["job", ">ceiling", "paid by", "shows"]);
    for (order, accepted) in ORDERS.iter().zip(accepted) {
        let (ceiling, mode) = (money(accepted.bill_up_to_usd), accepted.billing_mode.clone());
        table.row(vec![order.title.to_owned(), ceiling, mode, order.shows.to_owned()]);
    }
    writeln!(text, "{table}").unwrap_or_default();
    text
}

pub(super) fn answers(jobs: &[Job]) -> String {
    let mut text = section("The answers");
    let mut table = Table::new(&["job", "business", "phone", "address", "sources"]);
    for (order, job) in ORDERS.iter().zip(jobs) {
        let at = |field: &str| job.text(&format!("/business/{field}/value")).unwrap_or("").to_owned();
        let address = [at("address/street"), at("address/city"), at("address/state")].into_iter().filter(|part| !part.is_empty());
        let address = address.collect::<Vec<_>>().join(", ");
        let business = if job.is_match() { at("name") } else { "no match".to_owned() };
        table.row(vec![order.title.to_owned(), business, at("phones/0"), address, sources(job)]);
    }
    write!(text, "{table}").unwrap_or_default();
    if let Some(first) = jobs.first().and_then(|job| job.result.as_ref()) {
        text.push_str(&provenance(first));
    }
    text
}

/// `directory, 2 pages`.
fn sources(job: &Job) -> String {
    let of = |wanted: &str| {
        let sources = job.result.as_ref().and_then(|result| result.get("sources")).and_then(Value::as_array);
        sources.map_or(0, |sources| sources.iter().filter(|source| source.get("tool").and_then(Value::as_str) == Some(wanted)).count())
    };
    let directory = (of("directory") > 0).then(|| "directory".to_owned());
    let pages = match of("website") {
        0 => None,
        1 => Some("1 page".to_owned()),
        pages => Some(format!("{pages} pages")),
    };
    let stopped = job.text("/stopped_because").map(|why| format!("stopped by its {why}"));
    directory.into_iter().chain(pages).chain(stopped).collect::<Vec<_>>().join(", ")
}

/// Where the values of one answer come from, and how certain they are.
fn provenance(result: &Value) -> String {
    let tool = |id: &str| {
        let sources = result.get("sources").and_then(Value::as_array).into_iter().flatten();
        let mut of_id = sources.filter(|source| source.get("id").and_then(Value::as_str) == Some(id));
        of_id.next().and_then(|source| source.get("tool")).and_then(Value::as_str).unwrap_or(id).to_owned()
    };
    let mut table = Table::new(&["field", "value", ">confidence", "sources"]);
    for field in ["legal_name", "phones/0", "emails/0", "emails/1", "people/0/name", "people/1/name", "social/linkedin"] {
        let Some(leaf) = result.pointer(&format!("/business/{field}")) else { continue };
        let text =
            |name: &str| leaf.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
        let ids = leaf.get("sources").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let from = ids.map(tool).collect::<Vec<_>>().join(", ");
        table.row(vec![field.replace("/0", "").replace("/1", ""), text("value"), text("confidence"), from]);
    }
    format!("\n  Every value says who says so. Of the first answer:\n\n{table}")
}

pub(super) fn bills(jobs: &[Job]) -> String {
    let mut text = section("The bills, hop by hop");
    let mut table = Table::new(&["job", ">hop", "tool", ">calls", ">cost", ">charged", ">given back"]);
    for (order, job) in ORDERS.iter().zip(jobs) {
        let mut title = order.title;
        for Cost { hop, tool, calls, cost_usd } in &job.costs {
            let cells = [hop.to_string(), tool.clone(), calls.to_string(), mils(*cost_usd), String::new(), String::new()];
            table.row(std::iter::once(std::mem::take(&mut title).to_owned()).chain(cells).collect());
        }
        let [charged, refunded] = [job.charged_usd, job.refunded_usd].map(|amount| mils(amount.unwrap_or_default()));
        let sum = if job.is_match() { "in all" } else { "no match: free" };
        table.row([title, "", sum, "", &mils(job.spent()), &charged, &refunded].map(str::to_owned).into());
    }
    write!(text, "{table}").unwrap_or_default();
    text
}

pub(super) fn statement(ledger: &[Entry], accepted: &[Accepted], session: &Accepted, closing: Usd) -> Result<String, Failure> {
    let titles = ORDERS.iter().map(|order| order.title).chain([lead::TITLE]).zip(accepted.iter().chain([session]));
    let titles: Vec<_> = titles.map(|(title, accepted)| (accepted.job_id.as_str(), title)).collect();
    let (text, is_balanced) = balanced(ledger, &titles, closing).map_err(|error| Failure::of(&error))?;
    if is_balanced { Ok(text) } else { Err(Failure::Failed(text)) }
}

fn balanced(ledger: &[Entry], titles: &[(&str, &str)], closing: Usd) -> Result<(String, bool), OutOfRange> {
    let title_of = |id: &str| titles.iter().find(|(known, _)| *known == id).map_or("", |(_, title)| *title);
    let mut table = Table::new(&["what", "job", ">amount", ">balance", ">held"]);
    let (mut balance, mut held, mut opening, mut charges) = (Usd::ZERO, Usd::ZERO, Usd::ZERO, Usd::ZERO);
    for Entry { kind, amount_usd: amount, debit, credit, job_id } in ledger {
        for (account, sign) in [(debit, -1), (credit, 1)] {
            let change = if sign < 0 { Usd::ZERO.minus(*amount)? } else { *amount };
            if account.starts_with("agent/") {
                balance = balance.plus(change)?;
            } else if account.starts_with("hold/") {
                held = held.plus(change)?;
            }
        }
        if credit == "revenue" {
            charges = charges.plus(*amount)?;
        }
        if kind == "deposit" {
            opening = opening.plus(*amount)?;
        }
        let job = job_id.as_deref().map_or("", title_of);
        table.row(vec![kind.clone(), job.to_owned(), mils(*amount), mils(balance), mils(held)]);
    }
    let mut text = section("The statement");
    let is_balanced = opening.minus(charges)? == closing && balance == closing && held.is_zero();
    let verdict = if is_balanced { "it balances" } else { "IT DOES NOT BALANCE" };
    let sum = format!("opening {} - charges {} = closing {}", mils(opening), mils(charges), mils(closing));
    write!(text, "{table}\n  {sum}: {verdict}.\n").unwrap_or_default();
    Ok((text, is_balanced))
}

#[derive(Debug, Deserialize)]
struct Audit {
    ok: bool,
    checked: std::collections::BTreeMap<String, u64>,
}

pub(super) fn promises(again: &Again, callback: Option<&Callback>, audit: &str, balance_is_same: bool) -> Result<String, Failure> {
    let audit: Audit = serde_json::from_str(audit).map_err(|error| Failure::of(&error))?;
    let mut table = Table::new(&["promise", "kept", "how it was seen"]);
    let mut line = |promise: &str, kept: bool, seen: String| {
        table.row(vec![promise.to_owned(), if kept { "yes" } else { "NO" }.to_owned(), seen]);
    };
    let once = again.is_same_job && again.is_replay && balance_is_same;
    line("one key buys once", once, "the first submit, sent again, answered with the same job and cost nothing".to_owned());
    let (genuine, seen) = match callback {
        Some(Callback { event, is_genuine, is_forgery_noticed }) => {
            (*is_genuine && *is_forgery_noticed, format!("{event} came, its signature holds, and not for a changed body"))
        }
        None => (false, "none came".to_owned()),
    };
    line("callbacks are signed", genuine, seen);
    let count = |kind: &str| audit.checked.get(kind).copied().unwrap_or_default();
    let seen = format!("{} transfers and {} ended jobs were gone through", count("transfers"), count("ended_jobs"));
    line("the books balance", audit.ok, seen);
    let text = format!("{}{table}", section("What is promised"));
    if once && genuine && audit.ok { Ok(text) } else { Err(Failure::Failed(format!("a promise was not kept:\n{text}"))) }
}

pub(super) fn how_to_go_on(addresses: &Addresses, bearer: &str, folder: &Folder, chain: Option<&LocalChain>) -> String {
    let (url, admin, token) = (url_of(addresses.public), url_of(addresses.admin), addresses.admin_token.expose_secret());
    // They are typed in another terminal, in any folder.
    let (program, store) = (program(), absolute(folder.path()).display().to_string());
    let (wallet, audit) = match chain {
        Some(chain) => (as_a_wallet(chain), audit_with(chain, &program, &store)),
        None => (String::new(), format!("{program} audit --store embedded:{store}")),
    };
    let kept = if folder.is_temporary() { "The data is temporary and goes when it ends." } else { "The data stays where it is." };
    format!(
        r#"{}  The server keeps running until Ctrl-C. {kept}

  export BASE_URL={url} AGENT_TOKEN={bearer}
  curl -s $BASE_URL/api/v1/agents/balance -H "Authorization: Bearer $AGENT_TOKEN"
  curl -s $BASE_URL/api/v1/enrich/jobs -H "Authorization: Bearer $AGENT_TOKEN" \
       -H "Content-Type: application/json" -H "Idempotency-Key: mine-1" \
       -d '{{"route":"enrich/websearch","payload":{{"business_name":"Bayside Dental","city":"Tampa"}}}}'
  curl -s "$BASE_URL/api/v1/enrich/jobs?limit=1" -H "Authorization: Bearer $AGENT_TOKEN"
  curl -s $BASE_URL/api/v1/agents/ledger -H "Authorization: Bearer $AGENT_TOKEN"
  curl -s $BASE_URL/openapi.json
{wallet}
  As an operator:

  export ENRICH_ADMIN_URL={admin} ENRICH_ADMIN_TOKEN={token}
  {program} agents list
  {audit}
  curl -s $ENRICH_ADMIN_URL/metrics -H "Authorization: Bearer $ENRICH_ADMIN_TOKEN"
"#,
        section("Go on yourself")
    )
}

fn as_a_wallet(chain: &LocalChain) -> String {
    let key = chain.buyers.first().map(Account::secret).unwrap_or_default();
    format!(
        r"
  As a wallet, in the repository; its key is good on this chain alone:

  export BUYER_KEY={key}
  scripts/smoke_enrich_upto_jobs.py --anon
  pip install -r tests/clients/requirements.txt && scripts/smoke_enrich_upto_jobs.py --upto --ceiling 0.25
"
    )
}

fn audit_with(chain: &LocalChain, program: &str, store: &str) -> String {
    let variables = chain.public_variables().into_iter().map(|(name, value)| format!(" {name}={value}")).collect::<Vec<_>>().concat();
    let LocalChain { network, first_block, .. } = chain;
    format!("env X402_NETWORKS={network}{variables} \\\n      {program} audit --chain --from-block {first_block} --store embedded:{store}")
}

/// How this program is called: by its name where a shell found it by that, else by where it lies.
fn program() -> String {
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let program = if called.components().count() > 1 { absolute(&called) } else { called };
    program.display().to_string()
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
