//! `enrich-jobs receipt`: shows what a job's receipt says, and checks that it holds. Offline, unless a URL is given.
#![allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::Value;
use url::{Host, Url};

use super::receipt_findings::{Finding, Report, against_chain, of_claims, of_hash};
use super::{Failure, http_client, print, runtime};
use crate::receipt::{Claims, Jwks, jws};

/// More than the longest poll body, and far more than any set of keys.
const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Of `receipt`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check that a receipt was signed by the server's key, and that it fits what was sent, got and paid
    Verify(Verify),
    /// Show what a receipt says, without verifying anything
    Show(Show),
}

#[derive(Debug, Args)]
struct Verify {
    /// A receipt, or the JSON of a poll or callback that has one; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The server's keys: a file, or an https URL such as https://enrich.example/.well-known/jwks.json
    #[arg(long, value_name = "FILE-OR-URL")]
    jwks: String,
    /// The server's public URL, which the receipt must name
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The payload as it was sent, to hold to its hash
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// The result as it was got, to hold to its hash; without it, that of the poll or callback
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// A node of the chain, to look there for the payment
    #[arg(long, value_name = "URL")]
    rpc: Option<Url>,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Show {
    /// A receipt, or the JSON of a poll or callback that has one; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    match &arguments.action {
        Action::Verify(verify) => verified(verify),
        Action::Show(show) => shown(show),
    }
}

fn shown(show: &Show) -> Result<(), Failure> {
    let given = Given::read(&show.file)?;
    let (kid, claims) = jws::unverified(&given.receipt).map_err(|fault| Failure::Failed(format!("{}: {fault}", fault.code())))?;
    if show.json {
        print(&format!("{:#}\n", serde_json::json!({"verified": false, "kid": kid, "claims": claims})));
    } else {
        print(&format!("NOT VERIFIED, as it says of itself (key {kid}):\n{}", as_text(&claims)));
    }
    Ok(())
}

fn verified(verify: &Verify) -> Result<(), Failure> {
    let given = Given::read(&verify.file)?;
    let keys = keys(&verify.jwks)?;
    let payload = verify.payload.as_deref().map(read).transpose()?;
    let result = verify.result.as_deref().map(read).transpose()?.or(given.result);
    let mut findings = Vec::new();
    let claims = match jws::verify(&given.receipt, &keys) {
        Ok(claims) => {
            findings.push(Finding::holds("signature", "signed by a key of the set"));
            Some(claims)
        }
        Err(fault) => {
            findings.push(Finding::fails("signature", fault.code(), fault.to_string()));
            None
        }
    };
    if let Some(claims) = &claims {
        findings.extend(of_claims(claims, verify.issuer.as_deref()));
        findings.extend(payload.map(|text| of_hash("payload", &text, Some(&claims.payload_hash))));
        findings.extend(result.map(|text| of_hash("result", &text, claims.result_hash.as_deref())));
        if let Some(url) = verify.rpc.clone() {
            findings.push(runtime::run(Some(1), async { Ok(against_chain(claims, url).await) })?);
        }
    }
    let report = Report::new(findings, claims);
    if verify.json {
        print(&format!("{:#}\n", serde_json::json!(report)));
    } else {
        print(&report.to_string());
        print(&report.claims.as_ref().map(as_text).unwrap_or_default());
    }
    report.outcome()
}

/// What was given to look at.
struct Given {
    receipt: String,
    /// The result beside it, as text.
    result: Option<String>,
}

impl Given {
    fn read(file: &Path) -> Result<Self, Failure> {
        let text = read(file)?;
        let text = text.trim_ascii();
        if !text.starts_with('{') {
            return Ok(Self { receipt: text.to_owned(), result: None });
        }
        let body: Value = serde_json::from_str(text).map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
        // A callback has the poll body as its data.
        let body = body.get("data").unwrap_or(&body);
        let receipt = body.get("receipt").and_then(Value::as_str);
        let receipt =
            receipt.ok_or_else(|| Failure::Failed(format!("{}: it has no receipt; a job has one once it is over", file.display())))?;
        let result = body.get("result").or_else(|| body.get("partial_result")).map(Value::to_string);
        Ok(Self { receipt: receipt.to_owned(), result })
    }
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("{}: {error}", file.display()));
    let mut text = String::new();
    if file == Path::new("-") {
        std::io::stdin().take(BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        std::fs::File::open(file).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text)).map_err(failed)?;
    }
    Ok(text)
}

fn keys(place: &str) -> Result<Jwks, Failure> {
    let text = match Url::parse(place) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => fetched(&url)?,
        Ok(_) | Err(_) => read(Path::new(place))?,
    };
    serde_json::from_str(&text).map_err(|error| Failure::Failed(format!("{place} is no set of keys: {error}")))
}

/// Whoever can change the keys on their way can forge receipts, so they come by https, or from this machine.
fn fetched(url: &Url) -> Result<String, Failure> {
    let is_local = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() == "http" && !is_local {
        return Err(Failure::Failed("--jwks must be an https URL: keys that came in the clear prove nothing".to_owned()));
    }
    let client = http_client()?;
    let got = runtime::run(Some(1), async {
        let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
        let mut answer = answer.map_err(|error| Failure::of(&error))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Failure::of(&error))? {
            bytes.extend_from_slice(&chunk);
            if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > BYTES_MAX {
                return Err(Failure::Failed(format!("{url} has too long an answer")));
            }
        }
        String::from_utf8(bytes).map_err(|error| Failure::of(&error))
    });
    // What can't be reached says nothing about the receipt.
    got.map_err(|failure| {
        eprintln!("unknown: {failure}");
        Failure::Unknown
    })
}

fn as_text(claims: &Claims) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| writeln!(text, "  {name:<12} {value}").unwrap_or_default();
    line("issuer", &claims.iss);
    line("job", &format!("{} ({}, {})", claims.job_id, claims.route, claims.error.as_ref().unwrap_or(&claims.status)));
    line("ended", &crate::types::Timestamp::from_millis(claims.iat.saturating_mul(1000)).to_string());
    line("payload", &claims.payload_hash);
    line("result", claims.result_hash.as_deref().unwrap_or("none"));
    line("ceiling", &format!("{} micro-dollars", claims.ceiling_micro_usd));
    line("charged", &format!("{} micro-dollars, by {}", claims.charged_micro_usd, claims.billing_mode));
    if let Some(refunded) = &claims.refunded_micro_usd {
        line("refunded", &format!("{refunded} micro-dollars"));
    }
    if let Some(payment) = &claims.payment {
        line("paid", &format!("{} units of {} on {}", payment.amount, payment.asset, payment.network));
        line("by", &format!("{} to {}", payment.payer, payment.pay_to));
        line("transaction", payment.transaction.as_deref().unwrap_or("none"));
    }
    for hop in &claims.hops {
        line("hop", &format!("{}: {} micro-dollars in {} calls", hop.tool, hop.cost_micro_usd, hop.calls));
    }
    text
}
