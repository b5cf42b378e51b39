//! Payments that come with a request to a server that takes none.

use axum::http::{HeaderMap, HeaderName};

use crate::http::problem::{Kind, PaymentState, Problem};

const V2: HeaderName = HeaderName::from_static("payment-signature");
const V1: HeaderName = HeaderName::from_static("x-payment");

/// Whether a payment came.
///
/// # Errors
/// 400 where there are two, or one of each version: which of them counts must never be a guess (T-26).
pub fn came(headers: &HeaderMap) -> Result<bool, Problem> {
    let count = headers.get_all(V2).iter().count().saturating_add(headers.get_all(V1).iter().count());
    match count {
        0 | 1 => Ok(count == 1),
        _ => {
            Err(Problem::new(Kind::InvalidHeader, "Send one PAYMENT-SIGNATURE, and no X-PAYMENT beside it.")
                .with_payment(PaymentState::Unused))
        }
    }
}

/// The answer to a payment that can't be taken. The balance is not used in its place: the buyer wanted to pay another way.
pub fn refused(has_bearer: bool) -> Problem {
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
            (&[][..], Some(false)),
            (&["payment-signature"], Some(true)),
            (&["x-payment"], Some(true)),
            (&["payment-signature", "payment-signature"], None),
            (&["x-payment", "x-payment"], None),
            (&["payment-signature", "x-payment"], None),
        ] {
            let mut headers = HeaderMap::new();
            for name in names {
                headers.append(HeaderName::from_static(name), "e30=".parse().unwrap());
            }
            assert_eq!(came(&headers).ok(), wanted, "{names:?}");
        }
    }
}
