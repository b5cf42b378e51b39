//! `enrich-jobs eval`: measures enrichment against a set of questions whose answers are known.
//!
//! The set's web is served on this machine, and the real enrichers ask it through their real clients: pages, a search engine
//! over them, mail servers' names, and a scripted model in the place of a language model. Nothing else is reached.

mod compare;
mod play;
mod report;
mod score;
mod script;
mod set;
mod web;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use url::Url;

use self::play::{Budget, Played};
use self::set::{Case, Set, Split};
use super::{Failure, print, runtime};
use crate::clock::{Clock, Random, SystemClock, SystemRandom};
use crate::enrich::Enricher;
use crate::enrich::cache::Cache;
use crate::enrich::lead_session::{Experience, LeadSession};
use crate::enrich::research::Tools;
use crate::enrich::vendors::directory::{self, Directory, DirectorySettings};
use crate::enrich::vendors::email::{Email, EmailSettings};
use crate::enrich::vendors::line::Exchange;
use crate::enrich::vendors::llm::{Llm, LlmSettings, PriceSheet, TokensField};
use crate::enrich::vendors::phone::Phone;
use crate::enrich::vendors::search::{Search, SearchKind, SearchSettings};
use crate::enrich::vendors::website::{Website, WebsiteSettings};
use crate::enrich::websearch::Websearch;
use crate::net::TrustedClient;
use crate::types::Usd;

/// More than any session can spend.
const UNLIMITED: Usd = Usd::from_micros(20_000_000);
/// Budgets of the curve, in micro-dollars a lead.
const CURVE: [i64; 8] = [10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 70_000];

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// `enrich/websearch`, without a model.
    Websearch,
    /// `enrich/websearch` with the scripted model.
    WebsearchLlm,
    /// `enrich/lead-session` by expected gain per cost.
    Waterfall,
    /// `enrich/lead-session` by the scripted model.
    Llm,
    /// `enrich/lead-session` in the mode that it picks by itself.
    Auto,
    /// What smaller budgets find of what an unlimited one finds.
    Curve,
}

#[allow(clippy::doc_markdown, reason = "`--help` shows these texts as they are")]
/// Of `eval`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The set's folder; its README.md says what is in it
    #[arg(long, value_name = "DIR", default_value = "samples/eval")]
    set: PathBuf,
    /// Which half: rules may be tuned on the one, and figures are reported of the other
    #[arg(long, value_enum, default_value = "held_out")]
    split: Split,
    /// What to measure; everything by default
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<What>,
    /// What a case may cost at most, in US dollars
    #[arg(long, value_name = "USD", default_value = "1.50")]
    budget: Usd,
    /// Write a line of JSON for every case that was not wholly right
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Print how often each question of the waterfall brought what was lacking, in percent: what its expectations begin with
    #[arg(long)]
    gains: bool,
    /// Leave the search engine out, as where no key is had
    #[arg(long)]
    without_search: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    super::logs::start_quietly();
    let budget = arguments.budget;
    let set = Set::read(&arguments.set).map_err(|error| Failure::of(&error))?;
    runtime::run(None, measure(arguments, set, budget))
}

async fn measure(arguments: &Arguments, set: Set, budget: Usd) -> Result<(), Failure> {
    let Set { manifest, directory_csv, pages, dns, websearch, leads } = set;
    let folder = tempfile_dir()?;
    let csv = std::fs::File::open(&directory_csv).map_err(|error| Failure::of(&error))?;
    directory::import(csv, &folder.0, false).map_err(|error| Failure::of(&error))?;
    let page_count = pages.len();
    let base = web::serve(pages).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let tools = tools(&base, &folder.0, dns, &clock, &random, arguments.without_search)?;
    let half = if arguments.split == Split::Tune { "tune" } else { "held out" };
    print(&format!("{}: {page_count} pages, the half that is {half}\n\n", manifest.name));

    let searches: Vec<&Case<_>> = websearch.iter().filter(|case| case.split == arguments.split).collect();
    let leads: Vec<&Case<_>> = leads.iter().filter(|case| case.split == arguments.split).collect();
    let wants = |what| arguments.only.is_empty() || arguments.only.contains(&what);
    let mut faulty: Vec<(&str, Played)> = Vec::new();
    let without_model = Tools { llm: None, ..tools.clone() };
    for (what, title, tools) in [(What::Websearch, "websearch", &without_model), (What::WebsearchLlm, "websearch, llm", &tools)] {
        if wants(what) {
            let (tally, played) = play::websearch(&Websearch::new(tools.clone()), &clock, &searches, budget).await;
            print(&report::tally(title, &tally));
            faulty.extend(played.into_iter().map(|played| (title, played)));
        }
    }
    // A session's table is the one that it began with, so every mode starts from the same expectations.
    let experience = Experience::default();
    let session = || LeadSession::new(tools.clone(), Experience::default());
    if arguments.gains {
        let learning = LeadSession::new(tools.clone(), experience.clone());
        play::leads(&learning, &clock, &leads, "waterfall", Budget::Named(UNLIMITED)).await;
        print(&report::gains(&experience.snapshot()));
    }
    for (what, mode) in [(What::Waterfall, "waterfall"), (What::Llm, "llm"), (What::Auto, "auto")] {
        if wants(what) {
            let (tally, played) = play::leads(&session(), &clock, &leads, mode, Budget::Ceiling(budget)).await;
            print(&report::tally(&format!("lead-session, {mode}"), &tally));
            faulty.extend(played.into_iter().map(|played| (mode, played)));
        }
    }
    if wants(What::Curve) {
        let frozen = LeadSession::new(tools.clone(), Experience::default());
        let enricher: &dyn Enricher = &frozen;
        let (unlimited, _) = play::leads(enricher, &clock, &leads, "waterfall", Budget::Named(UNLIMITED)).await;
        let (unnamed, _) = play::leads(&session(), &clock, &leads, "waterfall", Budget::Ceiling(UNLIMITED)).await;
        let mut points = Vec::new();
        for micros in CURVE {
            let (tally, _) = play::leads(&session(), &clock, &leads, "waterfall", Budget::Named(Usd::from_micros(micros))).await;
            #[allow(clippy::cast_precision_loss, reason = "it is shown to a tenth of a cent")]
            points.push((micros as f64 / 1_000_000.0, tally));
        }
        print(&report::curve(&points, &unnamed, &unlimited));
    }
    if let Some(path) = &arguments.faults {
        write_faults(path, &faulty)?;
    }
    Ok(())
}

fn write_faults(path: &std::path::Path, faulty: &[(&str, Played)]) -> Result<(), Failure> {
    let lines = faulty.iter().filter(|(_, played)| !played.faults.is_empty()).map(|(what, Played { id, tags, faults, result, hops })| {
        serde_json::json!({ "what": what, "id": id, "tags": tags, "faults": faults, "result": result, "hops": hops }).to_string() + "\n"
    });
    std::fs::write(path, lines.collect::<String>()).map_err(|error| Failure::of(&error))
}

/// The vendors, each at its usual price, over the set's web.
fn tools(
    base: &Url,
    folder: &std::path::Path,
    dns: std::collections::BTreeMap<String, Vec<String>>,
    clock: &Arc<dyn Clock>,
    random: &Arc<dyn Random>,
    without_search: bool,
) -> Result<Tools, Failure> {
    let client = TrustedClient::new().map_err(|error| Failure::of(&error))?;
    let exchange = Exchange { client: client.clone(), clock: Arc::clone(clock), random: Arc::clone(random) };
    let timeout = Duration::from_secs(30);
    let search =
        SearchSettings { kind: SearchKind::Searxng, url: base.clone(), key: None, cost: Usd::from_micros(10_000), timeout, concurrency: 8 };
    let llm = LlmSettings {
        url: base.join("v1").map_err(|error| Failure::of(&error))?,
        key: None,
        model: "scripted".to_owned(),
        prices: PriceSheet { input_per_mtok: Usd::from_micros(150_000), output_per_mtok: Usd::from_micros(600_000) },
        tokens_field: TokensField::MaxTokens,
        is_deterministic: true,
        timeout,
        concurrency: 8,
    };
    let website = WebsiteSettings { host_interval: Duration::ZERO, timeout, ..WebsiteSettings::default() };
    Ok(Tools {
        directory: Some(Directory::new(DirectorySettings { dir: folder.to_owned(), cost: Usd::from_micros(10_000), timeout })),
        website: Some(Website::new(website, Arc::new(web::FromSet { client, base: base.clone() }))),
        search: (!without_search).then(|| Search::new(search, exchange.clone())),
        llm: Some(Llm::new(llm, exchange)),
        phone: Some(Phone::default()),
        email: Some(Email::new(EmailSettings::default(), Arc::new(web::MailOfSet(dns)))),
        // Every case pays for what it asks, or its cost would be that of the cases before it.
        cache: Cache::default(),
    })
}

/// A folder of this run, removed at its end.
struct Folder(PathBuf);

fn tempfile_dir() -> Result<Folder, Failure> {
    let dir = std::env::temp_dir().join(format!("enrich-jobs-eval-{}", std::process::id()));
    std::fs::create_dir_all(&dir).map_err(|error| Failure::of(&error))?;
    Ok(Folder(dir))
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}
