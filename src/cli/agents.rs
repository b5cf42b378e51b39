//! `enrich-jobs agents`: who buys here. Through the operators' listener of a running server.

use clap::{Args, Subcommand};
use serde::Deserialize;

use super::admin_client::AdminClient;
use super::{Failure, print, runtime, table};
use crate::config::AdminClientOptions;
use crate::types::{AgentId, Usd};

/// How many agents one request lists.
const PAGE: u32 = 200;

/// Of `agents`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an agent and print its bearer, which is shown this once
    Create {
        /// Your name for it
        #[arg(long, value_name = "TEXT")]
        label: String,
        /// Its first balance
        #[arg(long, value_name = "USD", default_value = "0")]
        credit_usd: Usd,
        /// The same key again makes no second agent; without it, one is drawn
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        shared: Shared,
    },
    /// Add to an agent's balance
    Credit {
        /// Whose: its id
        #[arg(value_name = "AGENT_ID")]
        agent: AgentId,
        /// How much
        #[arg(value_name = "USD")]
        amount: Usd,
        /// Why, for its statement and the log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// The same key again books nothing more; without it, one is drawn
        #[arg(long, value_name = "KEY")]
        idempotency_key: Option<String>,
        #[command(flatten)]
        shared: Shared,
    },
    /// List the agents with their balances, newest first
    List {
        #[command(flatten)]
        shared: Shared,
    },
}

#[derive(Debug, Args)]
struct Shared {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: AdminClientOptions,
}

#[derive(Debug, Deserialize)]
struct Made {
    agent_id: String,
    bearer: Option<String>,
    virtual_balance_usd: Usd,
}

#[derive(Debug, Deserialize)]
struct Credited {
    virtual_balance_usd: Usd,
}

#[derive(Debug, Deserialize)]
struct Line {
    agent_id: String,
    label: String,
    created_at: String,
    disabled: bool,
    virtual_balance_usd: Usd,
    held_usd: Usd,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    runtime::run(Some(1), act(arguments.action))
}

async fn act(action: Action) -> Result<(), Failure> {
    match action {
        Action::Create { label, credit_usd, idempotency_key, shared } => {
            let body = serde_json::json!({ "label": label, "credit_usd": credit_usd });
            let answer = AdminClient::new(&shared.server)?.post("/admin/agents", &body, idempotency_key).await?;
            show(shared.json, &answer, |made: Made| {
                let bearer = made.bearer.unwrap_or_else(|| "(shown when it was made)".to_owned());
                format!("agent   {}\nbearer  {bearer}\nbalance {}\n", made.agent_id, made.virtual_balance_usd)
            })
        }
        Action::Credit { agent, amount, reason, idempotency_key, shared } => {
            let body = serde_json::json!({ "amount_usd": amount, "reason": reason });
            let path = format!("/admin/agents/{agent}/credit");
            let answer = AdminClient::new(&shared.server)?.post(&path, &body, idempotency_key).await?;
            show(shared.json, &answer, |credited: Credited| format!("agent   {agent}\nbalance {}\n", credited.virtual_balance_usd))
        }
        Action::List { shared } => {
            let agents = AdminClient::new(&shared.server)?.all("/admin/agents", PAGE).await?;
            show(shared.json, &agents, |agents: Vec<Line>| listed(&agents))
        }
    }
}

fn listed(agents: &[Line]) -> String {
    let sum = |amount: fn(&Line) -> Usd| agents.iter().try_fold(Usd::ZERO, |sum, line| sum.plus(amount(line))).map(table::money);
    let of_all = [sum(|line| line.virtual_balance_usd), sum(|line| line.held_usd)].map(Result::unwrap_or_default);
    let mut rows = table::Table::new(&["agent", "label", "made", ">balance", ">held", ""]);
    for agent in agents {
        let state = if agent.disabled { "disabled" } else { "" };
        let (balance, held) = (table::money(agent.virtual_balance_usd), table::money(agent.held_usd));
        rows.row(vec![agent.agent_id.clone(), agent.label.clone(), agent.created_at.clone(), balance, held, state.to_owned()]);
    }
    rows.line();
    let [balance, held] = of_all;
    rows.row(vec![format!("{} agents", agents.len()), String::new(), String::new(), balance, held, String::new()]);
    rows.to_string()
}

fn show<T: serde::de::DeserializeOwned>(as_json: bool, answer: &str, text: impl FnOnce(T) -> String) -> Result<(), Failure> {
    if as_json {
        print(&format!("{answer}\n"));
        return Ok(());
    }
    let answer = serde_json::from_str(answer).map_err(|error| Failure::Failed(format!("the server's answer can't be read: {error}")))?;
    print(&text(answer));
    Ok(())
}
