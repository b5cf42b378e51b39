//! What we ask for, and whether a payment's echo of it is the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::amount;
use super::messages::{Members, PaymentPayload, Requirements, VERSION};
use super::refusal::{Reason, Refusal};
use crate::types::{Network, Usd, Wallet};

/// How a payment works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Scheme {
    /// A signed maximum; what was used is settled afterwards. Asynchronous jobs.
    Upto,
    /// A fixed amount, settled before the answer. Synchronous routes, deposits, debts.
    Exact,
}

impl Scheme {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upto => "upto",
            Self::Exact => "exact",
        }
    }

    /// For how long a client signs unless a setting says otherwise, in seconds (safety.md D-4).
    pub const fn timeout_seconds(self) -> u64 {
        match self {
            Self::Upto => 1200,
            Self::Exact => 300,
        }
    }
}

/// A network's side of every offer there. Fixed by the configuration and checked against the chain at start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The chain.
    pub network: Network,
    /// The token: six decimals, worth a dollar.
    pub asset: Wallet,
    /// The name in the token's EIP-712 domain.
    pub asset_name: Box<str>,
    /// The version in that domain.
    pub asset_version: Box<str>,
    /// Where the money goes.
    pub pay_to: Wallet,
    /// Who calls the proxy, up to twenty minutes from now.
    pub facilitator: Wallet,
    /// The Permit2 contract.
    pub permit2: Wallet,
    /// The upto proxy: the spender that payers sign.
    pub proxy: Wallet,
}

impl Terms {
    /// Permit2's address on every EVM chain.
    pub const PERMIT2: Wallet = wallet(alloy_primitives::address!("0x000000000022D473030F116dDEE9F6B43aC78BA3"));
    /// The upto proxy's address on every EVM chain that has it.
    pub const UPTO_PROXY: Wallet = wallet(alloy_primitives::address!("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002"));
}

const fn wallet(address: alloy_primitives::Address) -> Wallet {
    Wallet::from_bytes(address.0.0)
}

/// One entry of `accepts`: what a payment is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The network's side.
    pub terms: &'a Terms,
    /// How it is paid.
    pub scheme: Scheme,
    /// The most that is charged, or all of it.
    pub amount: Usd,
    /// For how long the client signs.
    pub timeout_seconds: u64,
}

impl<'a> Offer<'a> {
    /// An offer that is open for as long as its scheme usually takes.
    pub const fn new(terms: &'a Terms, scheme: Scheme, amount: Usd) -> Self {
        Self { terms, scheme, amount, timeout_seconds: scheme.timeout_seconds() }
    }

    /// As it is written: one spelling of every address, since clients echo it and others compare text (x402.md 12.5).
    pub fn requirements(&self) -> Requirements {
        let terms = self.terms;
        let mut extra = Members::new();
        let mut add = |name: &str, value: String| extra.insert(name.to_owned(), Value::String(value));
        add("name", terms.asset_name.to_string());
        add("version", terms.asset_version.to_string());
        match self.scheme {
            Scheme::Upto => {
                add("assetTransferMethod", "permit2".to_owned());
                add("facilitatorAddress", terms.facilitator.to_string());
            }
            Scheme::Exact => {
                add("assetTransferMethod", "eip3009".to_owned());
            }
        }
        Requirements {
            scheme: self.scheme.as_str().to_owned(),
            network: terms.network.to_string(),
            amount: amount::units(self.amount).to_string(),
            asset: terms.asset.to_string(),
            pay_to: terms.pay_to.to_string(),
            max_timeout_seconds: self.timeout_seconds,
            extra,
        }
    }

    /// Whether `accepted` is this offer: addresses as addresses, numbers as numbers, and `extra` at least ours. It only tells
    /// which of our offers a client took; what it signed is checked against the offer, not against this (T-18).
    ///
    /// # Errors
    /// With the first field that differs.
    pub fn matches(&self, accepted: &Requirements) -> Result<(), Refusal> {
        let terms = self.terms;
        let is_wallet = |text: &str, wallet: Wallet| text.parse() == Ok(wallet);
        let checks = [
            (accepted.scheme == self.scheme.as_str(), Reason::Scheme),
            (accepted.network.parse() == Ok(terms.network), Reason::Network),
            (is_wallet(&accepted.asset, terms.asset), Reason::Asset),
            (is_wallet(&accepted.pay_to, terms.pay_to), Reason::Recipient),
            (amount::parse_decimal(&accepted.amount) == Some(amount::units(self.amount)), Reason::Amount),
            (accepted.max_timeout_seconds == self.timeout_seconds, Reason::Requirements),
        ];
        let failed = checks.into_iter().find(|(same, _)| !same).map(|(_, reason)| reason);
        match failed.or_else(|| self.differs_in_extra(&accepted.extra)) {
            Some(reason) => Err(Refusal { scheme: self.scheme, reason }),
            None => Ok(()),
        }
    }

    fn differs_in_extra(&self, theirs: &Members) -> Option<Reason> {
        let text = |name: &str| theirs.get(name).and_then(Value::as_str);
        let ours = self.requirements().extra;
        ours.iter().find_map(|(name, value)| {
            if name == "facilitatorAddress" {
                let same = text(name).is_some_and(|text| text.parse() == Ok(self.terms.facilitator));
                return (!same).then_some(Reason::Facilitator);
            }
            (text(name) != value.as_str()).then_some(Reason::Requirements)
        })
    }

    /// The one of `offers` that a client took.
    ///
    /// # Errors
    /// Where it is none of them: with what differs from the offer that is nearest, the same scheme and network first.
    pub fn taken<'o>(offers: &'o [Self], payment: &PaymentPayload) -> Result<&'o Self, Refusal> {
        let mut nearest = Refusal { scheme: Scheme::Upto, reason: Reason::Scheme };
        if payment.x402_version != VERSION {
            return Err(Refusal { reason: Reason::Version, ..nearest });
        }
        for (at, offer) in offers.iter().enumerate() {
            match offer.matches(&payment.accepted) {
                Ok(()) => return Ok(offer),
                Err(refusal) if at == 0 || closeness(refusal) > closeness(nearest) => nearest = refusal,
                Err(_) => {}
            }
        }
        Err(nearest)
    }
}

/// How far a comparison came.
fn closeness(refusal: Refusal) -> u8 {
    if refusal.reason == Reason::Scheme {
        0
    } else if refusal.reason == Reason::Network {
        1
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn requirements_are_written_in_one_spelling() {
        let terms = samples::terms();
        let upto = Offer::new(&terms, Scheme::Upto, Usd::from_micros(500_000)).requirements();
        assert_eq!(
            serde_json::to_value(&upto).unwrap(),
            serde_json::json!({
                "scheme": "upto", "network": "eip155:8453", "amount": "500000",
                "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
                "payTo": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "maxTimeoutSeconds": 1200,
                "extra": {
                    "name": "USD Coin", "version": "2", "assetTransferMethod": "permit2",
                    "facilitatorAddress": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
                },
            })
        );
        let exact = Offer::new(&terms, Scheme::Exact, Usd::from_micros(1_000_000)).requirements();
        assert_eq!(exact.max_timeout_seconds, 300);
        assert_eq!(
            serde_json::to_value(&exact.extra).unwrap(),
            serde_json::json!({"name": "USD Coin", "version": "2", "assetTransferMethod": "eip3009"})
        );
    }

    #[test]
    fn an_echo_may_be_spelt_otherwise_and_say_more() {
        let terms = samples::terms();
        let offer = samples::offer(&terms);
        let mut echo = offer.requirements();
        echo.asset = echo.asset.to_lowercase();
        echo.pay_to = echo.pay_to.to_lowercase();
        echo.extra.insert("facilitatorAddress".into(), terms.facilitator.to_string().to_lowercase().into());
        echo.extra.insert("more".into(), 1.into());
        assert_eq!(offer.matches(&echo), Ok(()));
    }

    /// T-18: a client that names other terms than ours is told which.
    #[test]
    fn t18_each_field_of_an_echo_is_compared() {
        let terms = samples::terms();
        let offer = samples::offer(&terms);
        let other = samples::wallet(77).to_string();
        let changed = |change: &dyn Fn(&mut Requirements)| {
            let mut echo = offer.requirements();
            change(&mut echo);
            offer.matches(&echo).unwrap_err().as_str()
        };
        for (change, wanted) in [
            (&(|echo: &mut Requirements| echo.scheme = "exact".into()) as &dyn Fn(&mut Requirements), "invalid_upto_evm_scheme"),
            (&|echo| echo.network = "eip155:1".into(), "invalid_upto_evm_network_mismatch"),
            (&|echo| echo.network = "base".into(), "invalid_upto_evm_network_mismatch"),
            (&|echo| echo.asset.clone_from(&other), "permit2_token_mismatch"),
            (&|echo| echo.asset = String::new(), "permit2_token_mismatch"),
            (&|echo| echo.pay_to.clone_from(&other), "invalid_permit2_recipient_mismatch"),
            (&|echo| echo.amount = "500001".into(), "permit2_amount_mismatch"),
            (&|echo| echo.amount = "5e5".into(), "permit2_amount_mismatch"),
            (&|echo| echo.max_timeout_seconds = 1201, "invalid_payment_requirements"),
            (&|echo| echo.extra.clear(), "invalid_payment_requirements"),
            (&|echo| drop(echo.extra.insert("name".into(), "US Coin".into())), "invalid_payment_requirements"),
            (&|echo| drop(echo.extra.insert("facilitatorAddress".into(), other.clone().into())), "upto_facilitator_mismatch"),
            (&|echo| drop(echo.extra.remove("facilitatorAddress")), "upto_facilitator_mismatch"),
        ] {
            assert_eq!(changed(change), wanted);
        }
    }

    #[test]
    fn the_offer_that_was_taken_is_found() {
        let terms = samples::terms();
        let elsewhere = Terms { network: Network::Eip155(84532), ..samples::terms() };
        let offers = [samples::offer(&elsewhere), samples::offer(&terms)];
        let payment = samples::payment(1);
        assert_eq!(Offer::taken(&offers, &payment), Ok(&offers[1]));
        let dearer = [samples::offer(&elsewhere), Offer { amount: Usd::from_micros(1), ..offers[1] }];
        assert_eq!(Offer::taken(&dearer, &payment).unwrap_err().reason, Reason::Amount, "not the other network");
        assert_eq!(Offer::taken(&offers[..1], &payment).unwrap_err().reason, Reason::Network);
        let exact = [Offer::new(&terms, Scheme::Exact, Usd::from_micros(500_000))];
        assert_eq!(Offer::taken(&exact, &payment).unwrap_err().as_str(), "invalid_exact_evm_scheme");
        assert_eq!(Offer::taken(&[], &payment).unwrap_err().reason, Reason::Scheme);
    }
}
