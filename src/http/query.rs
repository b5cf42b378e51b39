//! Query parameters of lists. One that is unknown or given twice is refused, so that typos surface.

use std::str::FromStr;

use serde::Serialize;
use url::form_urlencoded;

use super::problem::{Kind, Problem};
use crate::actors::JobFilter;
use crate::job::Status;
use crate::types::{Cursor, Page, Route};

/// How many rows a page has where nobody says.
pub const LIMIT_DEFAULT: usize = 50;
/// The most rows of a page.
pub const LIMIT_MAX: usize = 200;

/// Which page of which rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The most rows.
    pub limit: usize,
    /// Behind which row to go on.
    pub after: Option<Cursor>,
    status: Option<Status>,
    route: Option<Route>,
}

impl Listing {
    /// Reads `limit` and `cursor`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn plain(query: Option<&str>) -> Result<Self, Problem> {
        Self::read(query, false)
    }

    /// Reads also `status` and `route`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn of_jobs(query: Option<&str>) -> Result<Self, Problem> {
        Self::read(query, true)
    }

    /// The filter of a list of jobs.
    pub fn filter(&self) -> JobFilter {
        JobFilter { status: self.status, route: self.route }
    }

    fn read(query: Option<&str>, of_jobs: bool) -> Result<Self, Problem> {
        let (mut limit, mut after, mut status, mut route) = (None, None, None, None);
        for (name, text) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let is_new = match (&*name, of_jobs) {
                ("limit", _) => limit.replace(limit_of(&text)?).is_none(),
                ("cursor", _) => {
                    after.replace(Cursor::parse(&text).ok_or_else(|| wrong("cursor must be a next_cursor of this list"))?).is_none()
                }
                ("status", true) => status.replace(status_of(&text)?).is_none(),
                ("route", true) => route.replace(Route::parse(&text).ok_or_else(|| wrong("route must be the name of a route"))?).is_none(),
                _ => return Err(wrong("there is a parameter that is unknown here")),
            };
            if !is_new {
                return Err(wrong(&format!("{name} is given twice")));
            }
        }
        Ok(Self { limit: limit.unwrap_or(LIMIT_DEFAULT), after, status, route })
    }
}

fn limit_of(text: &str) -> Result<usize, Problem> {
    let limit = usize::from_str(text).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.ok_or_else(|| wrong(&format!("limit must be from 1 to {LIMIT_MAX}")))
}

fn status_of(text: &str) -> Result<Status, Problem> {
    let status = Status::ALL.into_iter().find(|status| status.as_str() == text);
    status.ok_or_else(|| wrong("status must be queued, running, completing, completed or failed"))
}

fn wrong(detail: &str) -> Problem {
    Problem::new(Kind::InvalidQuery, format!("{detail}."))
}

/// A page of a list on the wire.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Items<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it as `cursor` to go on; null at the end.
    #[schema(required = true)]
    pub next_cursor: Option<String>,
}

impl<T> Items<T> {
    /// The page, each row as `show` shows it.
    pub fn of<'a, R>(page: &'a Page<R>, show: impl FnMut(&'a R) -> T) -> Self {
        Self { items: page.items.iter().map(show).collect(), next_cursor: page.next.as_ref().map(Cursor::to_text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_cursors_and_filters() {
        let listing = Listing::of_jobs(Some("limit=200&status=failed&route=enrich%2Fwebsearch")).unwrap();
        assert_eq!((listing.limit, listing.filter().status, listing.filter().route), (200, Some(Status::Failed), Some(Route::Websearch)));
        assert_eq!(Listing::plain(None).unwrap().limit, LIMIT_DEFAULT);
        let cursor = Cursor(vec![1, 2, 3]);
        assert_eq!(Listing::plain(Some(&format!("cursor={}", cursor.to_text()))).unwrap().after, Some(cursor));
        for wrong in
            ["limit=0", "limit=201", "limit=-1", "limit=", "limit=1&limit=1", "cursor=x", "status=done", "route=x", "limits=1", "x"]
        {
            assert_eq!(Listing::of_jobs(Some(wrong)).unwrap_err().kind(), Kind::InvalidQuery, "{wrong}");
        }
        assert!(Listing::plain(Some("status=failed")).is_err());
    }
}
