//! What `enrich-jobs receipt verify` finds: one line for each thing that was looked at.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::Failure;
use crate::billing::lane::TxHash;
use crate::billing::x402::amount::{parse_decimal, usd};
use crate::billing::x402::logs::{Moved, transfer_in};
use crate::chain::Rpc;
use crate::chain::rpc::RpcSettings;
use crate::receipt::claims::PaymentClaim;
use crate::receipt::{Claims, hash};

/// For one question to a node.
const RPC_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Holds,
    Fails,
    Unknown,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    outcome: Outcome,
    /// Stable, where it doesn't hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    detail: String,
}

impl Finding {
    pub(super) fn holds(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Holds, code: None, detail: detail.into() }
    }

    pub(super) fn fails(check: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Fails, code: Some(code), detail: detail.into() }
    }

    fn unknown(check: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self { check, outcome: Outcome::Unknown, code: Some(code), detail: detail.into() }
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ok: bool,
    findings: Vec<Finding>,
    /// What it says, where the signature holds.
    pub(super) claims: Option<Claims>,
}

impl Report {
    pub(super) fn new(findings: Vec<Finding>, claims: Option<Claims>) -> Self {
        Self { ok: findings.iter().all(|finding| finding.outcome == Outcome::Holds), findings, claims }
    }

    /// What doesn't hold weighs more than what isn't known.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let any = |outcome| self.findings.iter().any(|finding| finding.outcome == outcome);
        match () {
            () if any(Outcome::Fails) => Err(Failure::Said),
            () if any(Outcome::Unknown) => Err(Failure::Unknown),
            () => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { check, outcome, code, detail } in &self.findings {
            let word = match outcome {
                Outcome::Holds => "ok",
                Outcome::Fails => "FAILS",
                Outcome::Unknown => "UNKNOWN",
            };
            let code = code.map(|code| format!("{code}: ")).unwrap_or_default();
            writeln!(f, "{word:<7} {check}: {code}{detail}")?;
        }
        writeln!(f, "{}", if self.ok { "The receipt holds." } else { "THE RECEIPT IS NOT PROVEN." })
    }
}

/// Whether the claims fit one another, and the issuer.
pub(super) fn of_claims(claims: &Claims, issuer: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(issuer) = issuer {
        findings.push(if claims.iss == issuer.trim_end_matches('/') {
            Finding::holds("issuer", "as expected")
        } else {
            Finding::fails("issuer", "ISSUER_DIFFERS", format!("it was issued by {}", claims.iss))
        });
    }
    findings.push(if adds_up(claims) {
        Finding::holds("amounts", "charge, refund and ceiling add up")
    } else {
        Finding::fails("amounts", "AMOUNTS_DIFFER", "charge, refund, payment and ceiling contradict one another")
    });
    findings
}

fn adds_up(claims: &Claims) -> bool {
    let number = |text: &str| text.parse::<u64>().ok();
    let (Some(ceiling), Some(charged)) = (number(&claims.ceiling_micro_usd), number(&claims.charged_micro_usd)) else { return false };
    let of_hold = claims.refunded_micro_usd.as_deref().map(|text| number(text).and_then(|refunded| refunded.checked_add(charged)));
    let is_paid_as_charged = |payment: &PaymentClaim| payment.transaction.is_none() || number(&payment.amount) == Some(charged);
    charged <= ceiling && of_hold.is_none_or(|sum| sum == Some(ceiling)) && claims.payment.as_ref().is_none_or(is_paid_as_charged)
}

/// Whether a text is what was hashed.
pub(super) fn of_hash(check: &'static str, text: &str, wanted: Option<&str>) -> Finding {
    let Some(wanted) = wanted else {
        return Finding::fails(check, "HASH_ABSENT", "the receipt names none, so the job had none");
    };
    // What was hashed byte by byte is found by the bytes without the line's end that an editor adds.
    if [text, text.trim_ascii()].iter().any(|text| hash::of(text) == wanted) {
        return Finding::holds(check, "its hash is the receipt's");
    }
    Finding::fails(check, "HASH_DIFFERS", format!("it has {}, and the receipt {wanted}", hash::of(text)))
}

fn tx_of(text: &str) -> Option<TxHash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x")?, &mut bytes).ok()?;
    Some(TxHash(bytes))
}

/// Whether the chain has the payment. What a node can't say is unknown, which isn't failed.
pub(super) async fn against_chain(claims: &Claims, url: Url) -> Finding {
    const CHECK: &str = "chain";
    let Some(payment) = &claims.payment else {
        return Finding::fails(CHECK, "NO_PAYMENT", "no wallet pays for this job, so no chain can show it");
    };
    let Some(tx) = &payment.transaction else {
        return if payment.amount == "0" {
            Finding::holds(CHECK, "nothing was settled, and nothing is claimed to be")
        } else {
            Finding::fails(CHECK, "TRANSACTION_ABSENT", "it claims an amount without a transaction")
        };
    };
    let read = (|| {
        let moved = Moved {
            asset: payment.asset.parse().ok()?,
            from: payment.payer.parse().ok()?,
            to: payment.pay_to.parse().ok()?,
            amount: usd(parse_decimal(&payment.amount)?)?,
        };
        Some((moved, payment.network.parse().ok()?, tx_of(tx)?))
    })();
    let Some((moved, network, tx)) = read else {
        return Finding::fails(CHECK, "PAYMENT_UNREADABLE", "an address, amount or transaction of it is none");
    };
    let settings = RpcSettings { network, urls: vec![url], timeout: RPC_TIMEOUT, calls_max: 1 };
    let asked = match Rpc::new(settings) {
        Ok(rpc) => rpc.receipt(tx).await,
        Err(error) => return Finding::unknown(CHECK, "NODE_UNREACHABLE", error.to_string()),
    };
    match asked {
        Ok(Some(receipt)) if receipt.ok && transfer_in(&receipt.logs, &moved) => Finding::holds(
            CHECK,
            format!("the transaction moved {} units from payer to payee, in block {}", payment.amount, receipt.block.number),
        ),
        Ok(Some(_)) => {
            Finding::fails(CHECK, "TRANSFER_ABSENT", "the transaction is mined, and doesn't move this amount from payer to payee")
        }
        Ok(None) => Finding::unknown(CHECK, "TRANSACTION_UNKNOWN", "the node doesn't know the transaction"),
        Err(error) => Finding::unknown(CHECK, "NODE_UNREACHABLE", error.to_string()),
    }
}
