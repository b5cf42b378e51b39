//! `email`: whether an address can be somebody's, and which one somebody may have.
//!
//! [`Email::check`] looks at the text, and asks DNS where the domain's mail goes. [`Email::guess`] derives a person's address from known
//! ones of the same domain. Deliberately absent: asking a mail host whether it knows the recipient; [`crate::net::dns`] says why.
//! So the best that is said of an address is that it can be reached by mail, never that somebody reads it.

mod address;
mod pattern;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use address::{Address, is_disposable, is_public_provider};
pub use pattern::{Candidate, KNOWN_MAX, Known, candidates};

use crate::enrich::person::PersonName;
use crate::enrich::{Answer, Call, JournalError, Run, Stop};
use crate::net::{MailLookup, MailRoute, NameServers};
use crate::types::Usd;

/// How much longer than DNS a hop waits, for the resolver to say that it got no answer.
const GRACE: Duration = Duration::from_millis(500);

/// What a look costs, and whom it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmailSettings {
    /// Per address that is checked and per guess (`VENDOR_EMAIL_COST_USD`).
    pub cost: Usd,
    /// Which name servers are asked (`VENDOR_EMAIL_RESOLVER`).
    pub resolver: NameServers,
    /// For all questions about one domain together (`VENDOR_EMAIL_TIMEOUT_MS`).
    pub timeout: Duration,
}

impl Default for EmailSettings {
    fn default() -> Self {
        Self { cost: Usd::from_micros(1000), resolver: NameServers::System, timeout: Duration::from_secs(5) }
    }
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailFacts {
    /// In lower case, its domain as DNS writes it.
    pub email: String,
    /// A mailbox of a task, not of a person.
    pub is_role: bool,
    /// A throw-away mailbox.
    pub is_disposable: bool,
    /// A provider where anybody can have a mailbox.
    pub is_public_provider: bool,
    /// Where its mail goes.
    pub route: MailRoute,
}

impl EmailFacts {
    /// Mail to it can arrive somewhere that lasts.
    pub const fn is_usable(&self) -> bool {
        self.route.takes_mail() && !self.is_disposable
    }
}

/// What somebody's address may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guess {
    /// The likeliest first; never empty.
    pub candidates: Vec<Candidate>,
    /// Where the domain's mail goes; it takes mail.
    pub route: MailRoute,
}

/// What an answer is: the outcome of a hop, or why it wasn't made.
pub type Told<T> = Result<Result<Result<Option<T>, String>, Stop>, JournalError>;

/// Looks at addresses.
#[derive(Debug, Clone)]
pub struct Email {
    settings: EmailSettings,
    lookup: Arc<dyn MailLookup>,
}

/// A hop's request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Request<'a> {
    Check { email: &'a str },
    Guess { person: &'a PersonName, domain: &'a str, known: &'a [Known] },
}

impl Email {
    /// Asks `lookup` where mail goes.
    pub fn new(settings: EmailSettings, lookup: Arc<dyn MailLookup>) -> Self {
        Self { settings, lookup }
    }

    /// Its settings.
    pub fn settings(&self) -> &EmailSettings {
        &self.settings
    }

    /// Makes the hop that looks at `email`. `None`, free of charge, where the text is no address.
    ///
    /// # Errors
    /// As [`Run::hop`]; a hop whose name servers failed is a failed one and costs nothing.
    pub async fn check(&self, run: &mut Run, email: &str) -> Told<EmailFacts> {
        let address = Address::parse(email);
        let shown = address.as_ref().map_or_else(|| email.to_owned(), Address::to_string);
        let request = serde_json::to_string(&Request::Check { email: &shown }).unwrap_or_default();
        let work = async {
            let Some(address) = address else { return Ok(Answer { value: None, cost: Usd::ZERO }) };
            let route = self.route(&address.domain).await?;
            let (is_role, is_disposable) = (address.is_role(), address.is_disposable());
            let is_public_provider = is_public_provider(&address.domain);
            let facts = EmailFacts { email: shown.clone(), is_role, is_disposable, is_public_provider, route };
            Ok(Answer { value: Some(facts), cost: self.settings.cost })
        };
        run.hop(self.call(&request), work).await
    }

    /// Makes the hop that derives the address of `person` at `domain` from `known` ones there, and asks whether the domain takes mail at
    /// all. `None` where nothing can be derived (free of charge: nobody was asked) or where the domain takes none.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub async fn guess(&self, run: &mut Run, person: &PersonName, domain: &str, known: &[Known]) -> Told<Guess> {
        let domain = Address::parse(&format!("x@{domain}")).map_or_else(|| domain.to_lowercase(), |address| address.domain);
        // In one order, so that the same people make the same request.
        let mut known: Vec<Known> = known.iter().take(KNOWN_MAX).cloned().collect();
        known.sort();
        known.dedup();
        let request = serde_json::to_string(&Request::Guess { person, domain: &domain, known: &known }).unwrap_or_default();
        let work = async {
            let candidates = if is_disposable(&domain) { Vec::new() } else { candidates(person, &domain, &known) };
            if candidates.is_empty() {
                return Ok(Answer { value: None, cost: Usd::ZERO });
            }
            let route = self.route(&domain).await?;
            let value = route.takes_mail().then_some(Guess { candidates, route });
            Ok(Answer { value, cost: self.settings.cost })
        };
        run.hop(self.call(&request), work).await
    }

    fn call<'a>(&self, request: &'a str) -> Call<'a> {
        Call { tool: "email", request, cost_max: self.settings.cost, timeout: self.settings.timeout.saturating_add(GRACE) }
    }

    async fn route(&self, domain: &str) -> Result<MailRoute, String> {
        self.lookup.mail_route(domain).await.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::enrich::fixture::Book;
    use crate::job::HopOutcome;
    use crate::net::DnsError;

    /// Knows two domains; another one hangs, and the rest fail.
    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    #[async_trait::async_trait]
    impl MailLookup for Told {
        async fn mail_route(&self, domain: &str) -> Result<MailRoute, DnsError> {
            self.0.lock().unwrap().push(domain.to_owned());
            match domain {
                "acme.example" | "mailinator.com" => Ok(MailRoute::Hosts(vec!["mx.acme.example".to_owned()])),
                "null.example" => Ok(MailRoute::Refused),
                "silent.example" => std::future::pending().await,
                _ => Err(DnsError::TimedOut),
            }
        }
    }

    fn email() -> (Arc<Told>, Email) {
        let told = Arc::new(Told::default());
        let settings = EmailSettings { timeout: Duration::from_millis(50), ..EmailSettings::default() };
        (Arc::clone(&told), Email::new(settings, told))
    }

    #[tokio::test]
    async fn an_address_is_a_hop_with_its_price() {
        let (told, email) = email();
        let book = Book::default();
        let mut run = book.run(10_000);
        let facts = email.check(&mut run, " Info@ACME.example ").await.unwrap().unwrap().unwrap().unwrap();
        assert_eq!(facts.email, "info@acme.example");
        assert!(facts.is_role && !facts.is_disposable && !facts.is_public_provider && facts.is_usable());
        let throw_away = email.check(&mut run, "jane@mailinator.com").await.unwrap().unwrap().unwrap().unwrap();
        assert!(throw_away.is_disposable && throw_away.route.takes_mail() && !throw_away.is_usable());
        let null = email.check(&mut run, "jane@null.example").await.unwrap().unwrap().unwrap().unwrap();
        assert!(!null.is_usable() && null.route == MailRoute::Refused);
        assert_eq!(email.check(&mut run, "nobody").await, Ok(Ok(Ok(None))));
        // The same address in other letters is the same hop.
        assert_eq!(email.check(&mut run, "INFO@acme.example").await, Ok(Ok(Ok(Some(facts)))));
        let hops: Vec<_> = book.hops().iter().map(|hop| (hop.tool.to_string(), hop.cost.micros(), hop.outcome)).collect();
        let hop = |cost, outcome| ("email".to_owned(), cost, outcome);
        let found = || hop(1000, HopOutcome::Found);
        assert_eq!(hops, [found(), found(), found(), hop(0, HopOutcome::Nothing)]);
        assert_eq!(*told.0.lock().unwrap(), ["acme.example", "mailinator.com", "null.example"]);
    }

    /// F-V1, F-V2: name servers that hang or fail are a failed hop that costs nothing, and a resumed run doesn't ask again.
    #[tokio::test]
    async fn fv1_fv2_a_failed_look_up_costs_nothing() {
        let (told, email) = email();
        let book = Book::default();
        let mut run = book.run(10_000);
        assert_eq!(email.check(&mut run, "jane@silent.example").await, Ok(Ok(Err("timed out".to_owned()))));
        let failed = Ok(Ok(Err("no name server answered in time".to_owned())));
        assert_eq!(email.check(&mut run, "jane@other.example").await, failed);
        assert!(run.all_vendors_failed() && run.spent() == Usd::ZERO);
        let mut again = book.run(10_000);
        assert_eq!(email.check(&mut again, "jane@other.example").await, failed);
        assert_eq!(told.0.lock().unwrap().len(), 2);
        assert_eq!(email.check(&mut book.run(999), "jane@acme.example").await, Ok(Err(Stop::Budget)));
    }

    #[tokio::test]
    async fn a_guess_is_a_hop_too() {
        let (told, email) = email();
        let book = Book::default();
        let mut run = book.run(10_000);
        let person = PersonName::parse("Robert Smith").unwrap();
        let known = |name: &str, email: &str| Known { name: name.to_owned(), email: email.to_owned() };
        let pairs = [known("Jane Doe", "jdoe@acme.example"), known("Mark Lee", "mlee@acme.example")];
        let guess = email.guess(&mut run, &person, "ACME.example", &pairs).await.unwrap().unwrap().unwrap().unwrap();
        assert_eq!((guess.candidates[0].email.as_str(), guess.candidates[0].confidence), ("rsmith@acme.example", 66));
        let swapped = [pairs[1].clone(), pairs[0].clone(), pairs[0].clone()];
        assert_eq!(email.guess(&mut run, &person, "acme.example", &swapped).await, Ok(Ok(Ok(Some(guess)))), "the order says nothing");
        assert_eq!(email.guess(&mut run, &person, "acme.example", &[]).await, Ok(Ok(Ok(None))));
        let elsewhere = [known("Jane Doe", "jdoe@null.example"), known("Mark Lee", "mlee@null.example")];
        assert_eq!(email.guess(&mut run, &person, "null.example", &elsewhere).await, Ok(Ok(Ok(None))));
        let hops: Vec<_> = book.hops().iter().map(|hop| (hop.cost.micros(), hop.outcome)).collect();
        assert_eq!(hops, [(1000, HopOutcome::Found), (0, HopOutcome::Nothing), (1000, HopOutcome::Nothing)]);
        assert_eq!(*told.0.lock().unwrap(), ["acme.example", "null.example"]);
    }
}
