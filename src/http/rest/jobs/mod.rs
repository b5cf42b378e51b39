//! Jobs: submit, poll, stream, cancel, list.

pub mod access;
pub mod cancel;
pub mod events;
pub mod list;
pub mod order;
pub mod poll;
pub mod quote;
pub mod submit;
