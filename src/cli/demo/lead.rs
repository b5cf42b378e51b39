//! The lead session of the demo: its rounds as they happen, and what came of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::buyer::{Accepted, Buyer, FoundField, Job, Progress};
use super::progress::EVERY;
use super::report::{mils, section};
use crate::cli::table::money;
use crate::cli::{Failure, print, samples};

/// For people.
pub(super) const TITLE: &str = "Ruth Haney, a lead";
/// In US dollars.
const CEILING: &str = "5.00";

/// Orders the session, and shows how it gets on until it has ended.
pub(super) async fn story(buyer: &Buyer) -> Result<Accepted, Failure> {
    let order = json!({ "route": "enrich/lead-session", "payload": samples::reference_lead(), "bill_up_to_usd": CEILING });
    print(&opening(&order));
    let accepted = buyer.order(TITLE, &order).await?;
    let (mut rounds_told, mut told) = (0, BTreeMap::new());
    loop {
        let job = buyer.poll(&accepted).await?;
        if let Some(progress) = job.progress.as_ref().filter(|progress| progress.rounds_done > rounds_told) {
            rounds_told = progress.rounds_done;
            print(&round(progress, &mut told));
        }
        if job.has_ended() {
            print(&outcome(&job)?);
            return Ok(accepted);
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn opening(order: &Value) -> String {
    let text = |key: &str| {
        order.pointer(&format!("/payload/lead/{key}")).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let lead = ["contact_id", "first_name", "last_name", "company", "city", "state", "number1"].into_iter().filter_map(text);
    format!(
        "{}  A record of a CRM: {}.\n  Rounds go on until nothing is lacking, up to ${} of the ${CEILING} that are held. As they happen:\n\n",
        section("A lead session"),
        lead.collect::<Vec<_>>().join(", "),
        order.pointer("/payload/budget_usd").map(ToString::to_string).unwrap_or_default(),
    )
}

/// A round, with what is new since what was told.
fn round(progress: &Progress, told: &mut BTreeMap<String, String>) -> String {
    let Progress { rounds_done, rounds_max, cost_usd, found } = progress;
    let mut text = format!("  round {rounds_done} of {rounds_max}, {} so far\n", mils(*cost_usd));
    for FoundField { field, value } in found {
        if told.insert(field.clone(), value.clone()).as_ref() != Some(value) {
            writeln!(text, "    {field}: {value}").unwrap_or_default();
        }
    }
    text
}

fn outcome(job: &Job) -> Result<String, Failure> {
    let Some(summary) = job.text("/summary_markdown").filter(|_| job.is_match()) else {
        return Err(Failure::Failed(format!("the lead session came to nothing: {}", job.status)));
    };
    let charged = job.charged_usd.unwrap_or_default();
    // Shown as text, so that what keeps it from being markup is left out.
    let lines = summary
        .replace('\\', "")
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| format!("    {line}\n"))
        .collect::<Vec<_>>()
        .concat();
    let because = job.text("/stopped_because").unwrap_or("it had to");
    Ok(format!(
        "  {}: it ended with \"{because}\", charged {} of {}. Its summary:\n\n{lines}",
        job.status,
        mils(charged),
        money(job.bill_up_to_usd)
    ))
}
