//! What both routes do to find out about a business: ask, remember who said what, decide what is about the business asked for,
//! and merge that.
//!
//! [`Research`] asks; everything it learns is a [`Finding`]. [`resolve()`] decides, [`merge`] brings many findings into one
//! business; both are pure, so the result follows from the payload and the recorded hops alone. Deliberately absent: which
//! question comes next, which is the enricher's plan.

mod ask;
mod finding;
pub mod grounded;
pub mod hits;
pub mod leaf;
pub mod markdown;
pub mod merge;
mod own_site;
pub mod resolve;

pub use ask::{Outcome, Research, Tools};
pub use finding::Finding;
pub use leaf::{Address, Business, Leaf, PersonLeaf, Source};
pub use resolve::{Resolution, resolve};
