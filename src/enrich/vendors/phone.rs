//! `phone`: what a phone number's digits tell: form, region, kind, and whether a numbering plan has it.
//!
//! It asks nobody: the tables come with the program. It is a hop all the same, so that an operator can price it and a report
//! shows where a value comes from. Deliberately absent: whether the line is alive or whose it is, which only a carrier knows.

use std::time::Duration;

use serde::Serialize;

use crate::enrich::phone::{self, Number};
use crate::enrich::{Answer, Call, JournalError, Run, Stop};
use crate::types::Usd;

/// Reading the tables for the first time takes a good part of a second in a debug build.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What a number costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PhoneSettings {
    /// Per number (`VENDOR_PHONE_COST_USD`).
    pub cost: Usd,
}

/// Reads numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Phone {
    settings: PhoneSettings,
}

/// The hop's request.
#[derive(Debug, Serialize)]
struct Request<'a> {
    number: &'a str,
    country: &'a str,
}

impl Phone {
    /// At these prices.
    pub fn new(settings: PhoneSettings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &PhoneSettings {
        &self.settings
    }

    /// Makes the hop that reads `number`, written in `country` (ISO 3166-1 alpha-2; empty where it isn't known). `None` where
    /// the text is no number; a number that no plan has is an answer.
    ///
    /// # Errors
    /// As [`Run::hop`].
    pub async fn read(
        &self,
        run: &mut Run,
        number: &str,
        country: &str,
    ) -> Result<Result<Result<Option<Number>, String>, Stop>, JournalError> {
        let request = serde_json::to_string(&Request { number, country }).unwrap_or_default();
        let cost = self.settings.cost;
        let (number, country) = (number.to_owned(), country.to_owned());
        let work = async move {
            // The tables are big, and read at the first number.
            let read = tokio::task::spawn_blocking(move || phone::read(&number, &country)).await;
            let value = read.map_err(|_| "the reading ended early".to_owned())?;
            Ok(Answer { value, cost })
        };
        run.hop(Call { tool: "phone", request: &request, cost_max: cost, timeout: TIMEOUT }, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::fixture::Book;
    use crate::enrich::phone::Kind;
    use crate::job::HopOutcome;

    #[tokio::test]
    async fn a_number_is_a_hop_with_its_price() {
        let book = Book::default();
        let phone = Phone::new(PhoneSettings { cost: Usd::from_micros(70) });
        let mut run = book.run(200);
        let number = phone.read(&mut run, "030/23125 012", "DE").await.unwrap().unwrap().unwrap().unwrap();
        assert_eq!((number.e164.as_str(), number.kind, number.region.as_deref()), ("+493023125012", Kind::FixedLine, Some("DE")));
        assert_eq!(phone.read(&mut run, "call us", "DE").await, Ok(Ok(Ok(None))));
        assert_eq!(phone.read(&mut run, "030 23125013", "DE").await, Ok(Err(Stop::Budget)));
        let costs: Vec<_> = book.hops().iter().map(|hop| (hop.tool.to_string(), hop.cost.micros(), hop.outcome)).collect();
        assert_eq!(costs, [("phone".to_owned(), 70, HopOutcome::Found), ("phone".to_owned(), 70, HopOutcome::Nothing)]);

        // Another attempt reads it from the record, and the country is part of what was asked.
        let mut again = book.run(210);
        assert_eq!(phone.read(&mut again, "030/23125 012", "DE").await, Ok(Ok(Ok(Some(number)))));
        assert_eq!(book.hops().len(), 2);
        assert_eq!(
            phone.read(&mut again, "030/23125 012", "US").await.unwrap().unwrap().unwrap().map(|number| number.is_valid),
            Some(false)
        );
        assert_eq!(book.hops().len(), 3);
    }
}
