//! `noop`: an enricher that asks nobody. For measuring the machinery around a run, never for selling.
//!
//! `VENDOR_NOOP=true` puts it in the place of a route's enricher: one hop of a set cost and a set delay, always a match, a
//! result of a few bytes. What a load test then measures is admission, the journal, billing and the answer.

use std::time::Duration;

use crate::billing::quote::{Estimate, Question};
use crate::enrich::{Answer, Call, Enricher, Error, Found, Run};
use crate::types::{Route, Usd};

/// What the one hop costs, and how long it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoopSettings {
    /// The hop's cost.
    pub cost: Usd,
    /// How long the hop takes.
    pub delay: Duration,
}

/// Answers at once, and always matches.
#[derive(Debug, Clone, Copy)]
pub struct Noop {
    route: Route,
    settings: NoopSettings,
}

impl Noop {
    /// For one route.
    pub fn new(route: Route, settings: NoopSettings) -> Self {
        Self { route, settings }
    }
}

#[async_trait::async_trait]
impl Enricher for Noop {
    fn route(&self) -> Route {
        self.route
    }

    fn estimate(&self, _payload: &str) -> Estimate {
        let cost = self.settings.cost;
        let questions = vec![Question { tool: "noop", cost: Some(cost), at_most: Some(1) }];
        Estimate { questions, typical: cost, plan_max: Some(cost), budget: None }
    }

    async fn run(&self, _payload: &str, run: &mut Run) -> Result<Found, Error> {
        let NoopSettings { cost, delay } = self.settings;
        let call = Call { tool: "noop", request: "", cost_max: cost, timeout: delay.saturating_add(Duration::from_secs(1)) };
        let work = async {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            Ok(Answer { value: Some(true), cost })
        };
        let matched = matches!(run.hop(call, work).await?, Ok(Ok(Some(true))));
        Ok(Found { matched, result: format!(r#"{{"matched":{matched},"cache_hit":false}}"#) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::clock::SystemClock;
    use crate::enrich::{Journal, JournalError, RunSettings};
    use crate::job::Hop;

    #[derive(Default)]
    struct Book(Mutex<Vec<Hop>>);

    #[async_trait::async_trait]
    impl Journal for Book {
        async fn record(&self, hop: Hop) -> Result<(), JournalError> {
            self.0.lock().unwrap().push(hop);
            Ok(())
        }
    }

    async fn run(budget: i64) -> (Found, Vec<Usd>) {
        let book = Arc::new(Book::default());
        let mut run = Run::new(RunSettings {
            journal: Arc::clone(&book) as Arc<dyn Journal>,
            clock: Arc::new(SystemClock),
            recorded: Vec::new(),
            budget: Usd::from_micros(budget),
            deadline: tokio::time::Instant::now() + Duration::from_secs(10),
            cancel: CancellationToken::new(),
            gate: None,
        });
        let noop = Noop::new(Route::Websearch, NoopSettings { cost: Usd::from_micros(10), delay: Duration::ZERO });
        let found = noop.run("{}", &mut run).await.unwrap();
        let costs = book.0.lock().unwrap().iter().map(|hop| hop.cost).collect();
        (found, costs)
    }

    #[tokio::test]
    async fn one_hop_and_a_match_within_the_budget() {
        let (found, costs) = run(10).await;
        assert_eq!(
            (found.matched, found.result.as_str(), costs),
            (true, r#"{"matched":true,"cache_hit":false}"#, vec![Usd::from_micros(10)])
        );
        let (found, costs) = run(9).await;
        assert_eq!((found.matched, costs), (false, Vec::new()));
    }
}
