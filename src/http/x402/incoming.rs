//! The payment that came with a request, if one did.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::actors::IdempotencyKey;
use crate::billing::x402::claim::PaymentIdentifier;
use crate::billing::x402::header::{self, HeaderError, PAYMENT_SIGNATURE};
use crate::billing::x402::{ClientKey, RequestHash, extensions};
use crate::http::problem::{Kind, PaymentState, Problem};
use crate::types::Timestamp;

const V2: HeaderName = HeaderName::from_static(PAYMENT_SIGNATURE);
const V1: HeaderName = HeaderName::from_static("x-payment");

/// What to tell a client of the protocol's first version.
pub const OLD_VERSION: &str = "payment required: this server speaks x402 version 2, so send PAYMENT-SIGNATURE and not X-PAYMENT";

/// What came.
#[derive(Debug)]
pub enum Incoming {
    /// Nothing.
    Nothing,
    /// Something, and no wallet can pay here.
    NotTaken,
    /// Only a payment of version 1.
    Old,
    /// A payment that can be read. Nothing else is known of it yet.
    Signed(Box<Signed>),
}

/// A payment and the buyer's name for it.
#[derive(Debug)]
pub struct Signed {
    /// As it came.
    pub payment: header::Payment,
    /// The `id` of the `payment-identifier` extension.
    pub identifier: Option<PaymentIdentifier>,
}

impl Incoming {
    /// Reads what came, as far as `has_networks` makes sense of it.
    ///
    /// # Errors
    /// 400 where there are two, or one of each version: which of them counts must never be a guess (T-26). And 400 for one that
    /// can't be read.
    pub fn read(headers: &HeaderMap, has_networks: bool) -> Result<Self, Problem> {
        let (new, old) = (headers.get_all(V2).iter().count(), headers.get_all(V1).iter().count());
        let value = match (new, old) {
            (0, 0) => return Ok(Self::Nothing),
            (1, 0) | (0, 1) if !has_networks => return Ok(Self::NotTaken),
            (0, 1) => return Ok(Self::Old),
            (1, 0) => headers.get(V2).map(HeaderValue::as_bytes).unwrap_or_default(),
            _ => {
                let detail = "Send one PAYMENT-SIGNATURE, and no X-PAYMENT beside it.";
                return Err(Problem::new(Kind::InvalidHeader, detail).with_payment(PaymentState::Unused));
            }
        };
        let payment = header::decode_payment(value).map_err(|error| malformed(&error))?;
        let identifier = extensions::identifier(&payment.payload)
            .map_err(|error| Problem::new(Kind::MalformedPayment, format!("{error}.")).with_payment(PaymentState::Unused))?;
        Ok(Self::Signed(Box::new(Signed { payment, identifier })))
    }
}

fn malformed(error: &HeaderError) -> Problem {
    Problem::new(Kind::MalformedPayment, format!("PAYMENT-SIGNATURE {error} ({}).", error.as_str())).with_payment(PaymentState::Unused)
}

impl Signed {
    /// What only the buyer knows of the payment, and so tells him from who reads it off the chain (safety.md D-12).
    pub fn client_key(&self, key: Option<&IdempotencyKey>) -> Option<ClientKey> {
        let of_key = key.map(|key| ClientKey::of_idempotency_key(&key.key));
        of_key.or_else(|| self.identifier.as_ref().map(ClientKey::of_identifier))
    }

    /// Until when a chain takes it, as it says itself: nothing where that is no time.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let payload = &self.payment.payload.payload;
        let last = match (&payload.permit2_authorization, &payload.authorization) {
            (Some(permit), None) => permit.deadline.seconds()?,
            // A token wants a block before it (x402.md 5).
            (None, Some(transfer)) => transfer.valid_before.seconds()?.saturating_sub(1),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let millis = i64::try_from(last).ok()?.checked_mul(1_000)?;
        // The year 9999 is the last that a timestamp can be written with.
        (millis < 253_402_300_800_000).then(|| Timestamp::from_millis(millis))
    }

    /// Under which key a repeat is looked for: the request's own, or else the payment's identifier, which stands for the very
    /// payment and request (x402.md 7). No `Idempotency-Key` has a space in it, so neither can be taken for the other.
    pub fn key(&self, key: Option<IdempotencyKey>, request: RequestHash) -> Option<IdempotencyKey> {
        let of_identifier = |identifier: &PaymentIdentifier| IdempotencyKey {
            key: format!("payment-identifier {}", identifier.as_str()),
            request: request.paid(&self.payment.json).0,
        };
        key.or_else(|| self.identifier.as_ref().map(of_identifier))
    }
}

/// The answer to a payment where no wallet can pay. The balance is not used in its place: the buyer wanted to pay another way.
pub fn not_taken(has_bearer: bool) -> Problem {
    let problem = if has_bearer {
        Problem::new(Kind::X402NotOffered, "This server has no x402 network; send the request without a payment to use the balance.")
    } else {
        Problem::new(
            Kind::AgentTokenRequired,
            "This server has no x402 network and did not use the payment; send Authorization: Bearer with an agent's token.",
        )
    };
    problem.with_payment(PaymentState::Unused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t26_two_payments_are_refused() {
        for (names, wanted) in [
            (&[][..], Ok("nothing")),
            (&["payment-signature"], Err(Kind::MalformedPayment)),
            (&["x-payment"], Ok("old")),
            (&["payment-signature", "payment-signature"], Err(Kind::InvalidHeader)),
            (&["x-payment", "x-payment"], Err(Kind::InvalidHeader)),
            (&["payment-signature", "x-payment"], Err(Kind::InvalidHeader)),
        ] {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(HeaderName::from_static(name), "e30=".parse().unwrap());
            }
            let read = |has_networks| match Incoming::read(&headers, has_networks) {
                Ok(Incoming::Nothing) => Ok("nothing"),
                Ok(Incoming::NotTaken) => Ok("not taken"),
                Ok(Incoming::Old) => Ok("old"),
                Ok(Incoming::Signed(_)) => Ok("signed"),
                Err(problem) => {
                    assert_eq!(problem.payment_state(), PaymentState::Unused);
                    Err(problem.kind())
                }
            };
            assert_eq!(read(true), wanted, "{names:?}");
            let without_networks = if names.len() == 1 { Ok("not taken") } else { wanted };
            assert_eq!(read(false), without_networks, "{names:?}");
        }
    }
}
