//! Parsing strangers' HTML in bounded time.
//!
//! The standard's tree construction looks through the open elements at every tag, so two megabytes of `<div>` take minutes.
//! The parser can't be told to mind its depth, but it takes its input in pieces; the rest of a page that is too slow is left out.

use std::time::Duration;

use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{Html, HtmlTreeSink};
use tokio::time::Instant;

/// Real pages take milliseconds.
const TIME_MAX: Duration = Duration::from_secs(1);
const PIECE_BYTES: usize = 4096;

/// The document, or the part of it that could be parsed in time.
pub(super) fn parse(text: &str) -> Html {
    let mut parser = driver::parse_document(HtmlTreeSink::new(Html::new_document()), ParseOpts::default());
    let start = Instant::now();
    let mut rest = text;
    while !rest.is_empty() && start.elapsed() < TIME_MAX {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(PIECE_BYTES));
        parser.process(StrTendril::from_slice(piece));
        rest = after;
    }
    parser.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-V2: whatever is repeated to fill the body limit, the parser comes back.
    #[test]
    fn a_page_made_to_be_slow_is_left_in_the_middle() {
        for unit in ["<div>", "<p><b><i>", "x "] {
            let start = Instant::now();
            let _document = parse(&unit.repeat(2 * 1024 * 1024 / unit.len()));
            assert!(start.elapsed() < 10 * TIME_MAX, "{unit}: {:?}", start.elapsed());
        }
    }
}
