//! What a receipt says.

use serde::{Deserialize, Serialize};

use super::hash;
use crate::billing::x402::amount::units;
use crate::job::view::{billing_mode, outcome_of};
use crate::job::{HopOutcome, Job};
use crate::types::Usd;

/// The claims of a receipt, in the order in which they are written. Money is whole micro-dollars, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Of these claims; a change that an old reader would misread raises it.
    #[serde(rename = "v")]
    pub version: u32,
    /// The server's public URL, or the URI of the key where none is configured.
    pub iss: String,
    /// When the job ended, in whole Unix seconds.
    pub iat: i64,
    /// The job.
    pub job_id: String,
    /// What was done.
    pub route: String,
    /// `completed` or `failed`.
    pub status: String,
    /// The code of a failure.
    pub error: Option<String>,
    /// Who pays, and how.
    pub billing_mode: String,
    /// Of the payload as it was sent.
    pub payload_hash: String,
    /// Of the result, or the partial result, as it was shown; null where there was none.
    pub result_hash: Option<String>,
    /// What the charge is made of.
    pub hops: Vec<HopClaim>,
    /// The most that it could cost.
    pub ceiling_micro_usd: String,
    /// What it cost.
    pub charged_micro_usd: String,
    /// What came back from the hold; null where nothing was held.
    pub refunded_micro_usd: Option<String>,
    /// What a wallet paid, where one pays.
    pub payment: Option<PaymentClaim>,
}

/// One vendor call, or an answer that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopClaim {
    /// Which vendor.
    pub tool: String,
    /// 1, or 0 where an earlier answer was kept.
    pub calls: u32,
    /// What that cost us, before any markup.
    pub cost_micro_usd: String,
}

/// A wallet's payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentClaim {
    /// The chain, by its CAIP-2 name.
    pub network: String,
    /// The token.
    pub asset: String,
    /// Who paid.
    pub payer: String,
    /// Who was paid.
    pub pay_to: String,
    /// How much, in atomic units of the asset; 0 where nothing was settled.
    pub amount: String,
    /// By which transaction; null where none was needed or none was made.
    pub transaction: Option<String>,
}

fn micros(usd: Usd) -> String {
    usd.micros().to_string()
}

impl Claims {
    /// What is written now.
    pub const VERSION: u32 = 1;

    /// Of a job that is over; nothing of one that isn't.
    pub(super) fn of(job: &Job, issuer: String) -> Option<Self> {
        let (spec, state) = (&*job.spec, &job.state);
        let ended_at = state.ended_at.filter(|_| state.status.is_ended())?;
        let bill = state.bill?;
        let outcome = outcome_of(job).map(|outcome| serde_json::to_string(&outcome)).transpose().ok()?;
        let hops = job.hops.iter().filter(|hop| !hop.is_note()).map(|hop| HopClaim {
            tool: hop.tool.to_string(),
            calls: u32::from(hop.outcome != HopOutcome::Cached),
            cost_micro_usd: micros(hop.cost),
        });
        Some(Self {
            version: Self::VERSION,
            iss: issuer,
            iat: ended_at.seconds(),
            job_id: spec.id.to_string(),
            route: spec.route.as_str().to_owned(),
            status: state.status.as_str().to_owned(),
            error: state.failure.as_ref().map(|failure| failure.code.as_str().to_owned()),
            billing_mode: billing_mode(spec).to_owned(),
            payload_hash: hash::of(&spec.payload),
            result_hash: outcome.as_deref().map(hash::of),
            hops: hops.collect(),
            ceiling_micro_usd: micros(spec.ceiling),
            charged_micro_usd: micros(bill.charged),
            refunded_micro_usd: bill.refunded.map(micros),
            payment: PaymentClaim::of(job),
        })
    }
}

impl PaymentClaim {
    fn of(job: &Job) -> Option<Self> {
        let payment = job.spec.payment.as_ref()?;
        let paid = job.state.bill.filter(|_| job.state.settled_in.is_some() && job.is_settled());
        Some(Self {
            network: payment.verified.network.to_string(),
            asset: payment.terms.asset.to_string(),
            payer: payment.verified.payer.to_string(),
            pay_to: payment.terms.pay_to.to_string(),
            amount: units(paid.map_or(Usd::ZERO, |bill| bill.charged)).to_string(),
            transaction: job.state.settled_in.map(|tx| tx.to_string()),
        })
    }
}
