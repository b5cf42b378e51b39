//! What is stored of what jobs came to.

use enrich_jobs::job::{Lesson, Lessons};
use enrich_jobs::shard::Precedent;
use enrich_jobs::types::payload::Cohort;
use enrich_jobs::types::{Route, Timestamp, Usd};

pub(crate) fn precedent() -> Precedent {
    let asked = vec![Lesson { question: 10, lacking: 0x3ff, brought: 0x201 }, Lesson { question: 0, lacking: 1, brought: 0 }];
    Precedent {
        number: 300,
        route: Route::LeadSession,
        cohort: Some(Cohort::WaterfallWithDomain),
        at: Timestamp::from_millis(1_767_225_604_123),
        matched: true,
        cost: Usd::from_micros(20_000),
        lessons: Lessons { version: 1, asked },
    }
}

pub(crate) fn every_cohort() -> Vec<Option<Cohort>> {
    Cohort::ALL.into_iter().map(Some).chain([None]).collect()
}
