//! Parsing strangers' HTML in bounded time.
//!
//! The standard's tree construction looks through the open elements at every tag, so two megabytes of `<div>` take minutes.
//! The parser can't be told to mind its depth, but it takes its input in pieces; the rest of a page that is too slow is left out.
//! Nothing here recurses, so no depth of elements is too much.

use std::sync::LazyLock;
use std::time::Duration;

use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{ElementRef, Html, HtmlTreeSink, Selector};
use tokio::time::Instant;

use crate::enrich::words::one_line;

/// A selector, parsed once.
pub(super) type Pattern = LazyLock<Option<Selector>>;

/// A [`Pattern`] of the text of a selector.
macro_rules! pattern {
    ($selector:expr) => {
        std::sync::LazyLock::new(|| scraper::Selector::parse($selector).ok())
    };
}
pub(super) use pattern;

/// Text that is looked at, in bytes.
const TEXT_BYTES_MAX: usize = 200_000;
/// The longest line that is looked at, in characters.
const LINE_CHARS_MAX: usize = 2000;

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

/// The elements that a pattern selects, in the order of the document.
pub(super) fn select<'a>(document: &'a Html, pattern: &'static Pattern) -> impl Iterator<Item = ElementRef<'a>> {
    pattern.iter().flat_map(|selector| document.select(selector))
}

/// An element's text on one line, of its first `max` characters or so.
pub(super) fn short_text(element: ElementRef<'_>, max: usize) -> String {
    let mut text = String::new();
    for node in element.descendants().take(20 * max.max(50)) {
        if let Some(piece) = node.value().as_text().filter(|_| !node.parent().and_then(ElementRef::wrap).is_some_and(is_hidden_element)) {
            text.push_str(piece.get(..piece.floor_char_boundary(4 * max)).unwrap_or_default());
        } else if node.value().as_element().is_some_and(|element| breaks(element.name())) {
            text.push(' ');
        }
        if text.len() > 4 * max {
            break;
        }
    }
    one_line(&text, max)
}

/// What is to know of the place that a text stands in.
struct Surroundings<Id> {
    block: Option<Id>,
    is_hidden: bool,
    is_navigation: bool,
}

/// How far up surroundings reach; pages are rarely half as deep.
const LEVELS_MAX: usize = 50;

macro_rules! surroundings {
    ($parent:expr) => {{
        let (mut block, mut is_hidden, mut is_navigation) = (None, false, false);
        let above = std::iter::once($parent).chain($parent.ancestors().take(LEVELS_MAX).filter_map(ElementRef::wrap));
        for element in above {
            is_hidden |= is_hidden_element(element);
            is_navigation |= element.value().name() == "nav" || element.attr("role") == Some("navigation");
            if block.is_none() && breaks(element.value().name()) {
                block = Some(element.id());
            }
        }
        Surroundings { block, is_hidden, is_navigation }
    }};
}

/// A line that people see.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    pub(super) text: String,
    /// The element that the line's first words stand in.
    pub(super) element: ElementRef<'a>,
    /// It is part of the site's navigation.
    pub(super) is_navigation: bool,
}

/// The lines that people see of an element: what stands between two elements that break a line. Scripts and the like are none.
pub(super) fn lines(element: ElementRef<'_>) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let (mut block, mut broken, mut bytes, mut last_parent) = (None, true, 0, None);
    for node in element.descendants() {
        if node.value().as_element().is_some_and(|element| matches!(element.name(), "br" | "hr")) {
            broken = true;
        }
        let Some(text) = node.value().as_text() else { continue };
        let Some(parent) = node.parent().and_then(ElementRef::wrap) else { continue };
        let surroundings = surroundings!(parent);
        if surroundings.is_hidden {
            continue;
        }
        let begins = broken || block != surroundings.block;
        if text.trim().is_empty() {
            // Space between two words of a line.
            if let Some(line) = lines.last_mut().filter(|_| !begins) {
                line.text.push(' ');
            }
            continue;
        }
        (block, broken) = (surroundings.block, false);
        let piece = text.get(..text.floor_char_boundary(4 * LINE_CHARS_MAX)).unwrap_or_default();
        bytes += piece.len();
        match lines.last_mut().filter(|_| !begins) {
            Some(line) if line.text.len() < 4 * LINE_CHARS_MAX => {
                // Parts of a word are set apart by weight or slant, never by spans.
                if last_parent != Some(parent.id()) && matches!(parent.value().name(), "span" | "a" | "label") {
                    line.text.push(' ');
                }
                line.text.push_str(piece);
            }
            Some(_) => {}
            None => lines.push(Line { text: piece.to_owned(), element: parent, is_navigation: surroundings.is_navigation }),
        }
        last_parent = Some(parent.id());
        if bytes > TEXT_BYTES_MAX {
            break;
        }
    }
    for line in &mut lines {
        line.text = one_line(&line.text, LINE_CHARS_MAX);
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// Whether an element is set as an address, or at the foot of the page, where a business says how it is to be had.
pub(super) fn is_typeset(element: ElementRef<'_>) -> bool {
    let above = std::iter::once(element).chain(element.ancestors().take(20).filter_map(ElementRef::wrap));
    above.map(|element| element.value().name()).any(|name| matches!(name, "address" | "footer"))
}

/// Of which level of headings the line is, the highest first.
pub(super) fn heading_level(element: ElementRef<'_>) -> Option<usize> {
    let near = std::iter::once(element).chain(element.ancestors().take(2).filter_map(ElementRef::wrap));
    near.into_iter().find_map(|element| ["h1", "h2", "h3", "h4", "h5", "h6"].iter().position(|name| *name == element.value().name()))
}

/// Whether a style makes text that people can't see, and machines are meant to.
fn is_unseen(style: &str) -> bool {
    let style: String = style.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_lowercase();
    style.split(';').any(|rule| match rule.split_once(':').unwrap_or_default() {
        ("display", "none") | ("visibility", "hidden" | "collapse") | ("opacity", "0" | "0.0") | ("clip", "rect(0,0,0,0)") => true,
        ("font-size", size) => {
            size.strip_suffix("px").or(size.strip_suffix("pt")).unwrap_or(size).parse::<f32>().is_ok_and(|size| size < 3.0)
        }
        ("left" | "top" | "right" | "text-indent" | "margin-left", place) => place.starts_with("-99"),
        _ => false,
    })
}

fn is_hidden_element(element: ElementRef<'_>) -> bool {
    matches!(
        element.value().name(),
        "script" | "style" | "noscript" | "template" | "head" | "title" | "svg" | "select" | "textarea" | "iframe" | "object"
    ) || element.attr("hidden").is_some()
        || element.attr("style").is_some_and(is_unseen)
}

/// Elements whose text stands on lines of its own.
pub(super) fn breaks(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "button"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "legend"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "summary"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
    )
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
