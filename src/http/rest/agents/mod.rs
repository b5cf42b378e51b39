//! Agents: their balance, their statement, their keys.

pub mod account;
pub mod keys;
pub mod statement;
