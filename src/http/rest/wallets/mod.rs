//! What wallets do beside buying: paying a debt, filling an agent's balance, and signing in as an agent of their own.

pub mod claims;
pub mod debts;
pub mod deposits;
pub mod sign_in;
