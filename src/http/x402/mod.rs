//! Payments at the edge: reading what came, asking for what is due, and telling what became of it.
//!
//! Deliberately absent: whether a payment is good, which the node decides, and the protocol's objects, which are billing's.

pub mod demand;
pub mod incoming;
pub mod outcome;
pub mod settled;
pub mod wares;
