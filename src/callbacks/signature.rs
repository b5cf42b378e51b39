//! How a receiver can tell that a callback is ours: two signatures over the same body.
//!
//! - Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`, which is `v1,` and the base64
//!   of HMAC-SHA256 over `id.timestamp.body`. Its key is the 32 bytes that the base64 in the secret stands for.
//! - `X-411data-Signature`: `sha256=` and the hex of HMAC-SHA256 over the body alone. Its key is the secret's *whole text* as
//!   ASCII, `whsec_` included, so that a receiver uses what it was shown as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::types::mac::hmac_sha256;
use crate::types::{DeliveryId, Timestamp, WebhookSecret};

/// Names and values of the four headers.
pub type Headers = [(&'static str, String); 4];

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// The same in each attempt, so that a receiver sees a repeat.
    pub id: DeliveryId,
    /// When this attempt is made; receivers refuse what is minutes old.
    pub at: Timestamp,
    /// The body to the byte.
    pub body: &'a [u8],
}

/// Signs with the secret that is valid, and after a rotation also with the `previous` one as long as that is.
///
/// Standard Webhooks takes several signatures, one behind the other. `X-411data-Signature` has room for one: the valid one.
pub fn sign(message: Message<'_>, secret: &WebhookSecret, previous: Option<&WebhookSecret>) -> Headers {
    let id = message.id.to_string();
    let timestamp = message.at.seconds().to_string();
    let standard = |secret: &WebhookSecret| {
        let code = hmac_sha256(secret.bytes(), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", message.body]);
        format!("v1,{}", STANDARD.encode(code))
    };
    let mut signatures = standard(secret);
    if let Some(previous) = previous {
        signatures.push(' ');
        signatures.push_str(&standard(previous));
    }
    let plain = format!("sha256={}", hex::encode(hmac_sha256(&text_key(secret), &[message.body])));
    [("webhook-id", id), ("webhook-timestamp", timestamp), ("webhook-signature", signatures), ("x-411data-signature", plain)]
}

fn text_key(secret: &WebhookSecret) -> [u8; WebhookSecret::TEXT_LEN] {
    let mut key = [0; WebhookSecret::TEXT_LEN];
    key.iter_mut().zip(secret.reveal().bytes()).for_each(|(slot, byte)| *slot = byte);
    key
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::clock::{Clock, SystemClock};
    use crate::types::{JobId, Slot};
    use reqwest::header::HeaderMap;
    use standardwebhooks::Webhook;

    pub(crate) fn id() -> DeliveryId {
        DeliveryId::new(&JobId::new(Slot(3), [1; 16]), 0)
    }

    fn header_map(headers: &Headers) -> HeaderMap {
        headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const BODY: &[u8] = br#"{"id":"evt_1","type":"enrich.job_completed","data":{"name":"B\u00fccher \xf0"}}"#;

    /// The public reference implementation accepts what we sign, with the secret as we show it, and nothing that was changed.
    #[test]
    fn the_reference_implementation_agrees() {
        let (secret, other) = (WebhookSecret::new([7; 32]), WebhookSecret::new([8; 32]));
        let at = SystemClock.now();
        let headers = header_map(&sign(Message { id: id(), at, body: BODY }, &secret, None));
        let receiver = Webhook::new(&secret.reveal()).unwrap();
        receiver.verify(BODY, &headers).unwrap();
        assert!(receiver.verify(b"{}", &headers).is_err(), "another body");
        assert!(Webhook::new(&other.reveal()).unwrap().verify(BODY, &headers).is_err(), "another secret");
        let mut moved = headers.clone();
        moved.insert("webhook-timestamp", (at.seconds() + 1).to_string().parse().unwrap());
        assert!(receiver.verify(BODY, &moved).is_err(), "another time");
        let mut renamed = headers.clone();
        renamed.insert("webhook-id", "evt_2".parse().unwrap());
        assert!(receiver.verify(BODY, &renamed).is_err(), "another id");
        let old = sign(Message { id: id(), at: at.plus_millis(-600_000), body: BODY }, &secret, None);
        assert!(receiver.verify(BODY, &header_map(&old)).is_err(), "ten minutes old");
    }

    /// After a rotation both secrets verify for a while.
    #[test]
    fn the_previous_secret_verifies_too() {
        let (secret, previous) = (WebhookSecret::new([7; 32]), WebhookSecret::new([8; 32]));
        let headers = header_map(&sign(Message { id: id(), at: SystemClock.now(), body: BODY }, &secret, Some(&previous)));
        for known in [secret, previous] {
            Webhook::new(&known.reveal()).unwrap().verify(BODY, &headers).unwrap();
        }
    }

    /// To the byte, against values computed with another implementation: receivers in the field depend on each of them.
    #[test]
    fn golden_headers() {
        let at = Timestamp::from_millis(1_767_225_600_999);
        let [id, timestamp, standard, plain] = sign(Message { id: id(), at, body: b"{\"a\":1}" }, &WebhookSecret::new([7; 32]), None);
        assert_eq!(id, ("webhook-id", "evt_001g2081040g2081040g2081040g200".to_owned()));
        assert_eq!(timestamp, ("webhook-timestamp", "1767225600".to_owned()));
        assert_eq!(standard, ("webhook-signature", "v1,6DiqxWwYhQjNJyWY0i1CeLfyUdxDV5vIHz3j0nHEGxQ=".to_owned()));
        assert_eq!(plain, ("x-411data-signature", "sha256=5e311a3de1d034f7795443197f92801512827c7024b3fb51f95840bd250f1dcc".to_owned()));
    }
}
