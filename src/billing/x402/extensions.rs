//! Extensions: what a 402 says beside its price, and what of it a client sends back.
//!
//! `payment-identifier` is offered and never required, because the default client echoes it without an id (x402.md 7).

use serde_json::{Value, json};

use super::claim::PaymentIdentifier;
use super::messages::{Members, PaymentPayload};

/// Lets a buyer name his payment.
pub const PAYMENT_IDENTIFIER: &str = "payment-identifier";
/// Tells a catalogue what is sold.
pub const BAZAAR: &str = "bazaar";

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a catalogue is told of a route that takes a JSON body by POST.
#[derive(Debug, Clone, PartialEq)]
pub struct Bazaar {
    /// A body that the route takes.
    pub body: Value,
    /// The body's JSON Schema, with references within itself only.
    pub body_schema: Value,
    /// An answer.
    pub output: Option<Value>,
}

impl Bazaar {
    /// The extension as it is sent.
    pub fn to_json(&self) -> Value {
        let mut info = json!({"input": {"type": "http", "method": "POST", "bodyType": "json", "body": self.body}});
        let mut properties = json!({
            "input": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "const": "http"},
                    "method": {"type": "string", "enum": ["POST"]},
                    "bodyType": {"type": "string", "enum": ["json", "form-data", "text"]},
                    "body": self.body_schema,
                },
                "required": ["type", "method", "bodyType", "body"],
                "additionalProperties": false,
            },
        });
        if let (Some(output), Some(info), Some(properties)) = (&self.output, info.as_object_mut(), properties.as_object_mut()) {
            info.insert("output".to_owned(), json!({"type": "json", "example": output}));
            let schema =
                json!({"type": "object", "properties": {"type": {"type": "string"}, "example": {"type": "object"}}, "required": ["type"]});
            properties.insert("output".to_owned(), schema);
        }
        json!({"info": info, "schema": {"$schema": DRAFT, "type": "object", "properties": properties, "required": ["input"]}})
    }
}

/// The `extensions` of a 402.
pub fn offered(bazaar: Option<&Bazaar>) -> Members {
    let mut extensions = Members::new();
    extensions.insert(PAYMENT_IDENTIFIER.to_owned(), payment_identifier());
    if let Some(bazaar) = bazaar {
        extensions.insert(BAZAAR.to_owned(), bazaar.to_json());
    }
    extensions
}

fn payment_identifier() -> Value {
    let id = json!({"type": "string", "minLength": 16, "maxLength": 128, "pattern": "^[a-zA-Z0-9_-]+$"});
    let properties = json!({"required": {"type": "boolean"}, "id": id});
    json!({
        "info": {"required": false},
        "schema": {"$schema": DRAFT, "type": "object", "properties": properties, "required": ["required"]},
    })
}

/// An id that is there and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment-identifier's id must be 16 to 128 letters, digits, - or _")]
pub struct IdentifierError;

/// The id that a buyer gave his payment, if he did.
///
/// # Errors
/// [`IdentifierError`]: a malformed request, since its sender thinks that a repeat is safe.
pub fn identifier(payment: &PaymentPayload) -> Result<Option<PaymentIdentifier>, IdentifierError> {
    let id = payment.extensions.as_ref().and_then(|extensions| extensions.get(PAYMENT_IDENTIFIER)?.get("info")?.get("id"));
    match id {
        None | Some(Value::Null) => Ok(None),
        Some(id) => id.as_str().and_then(PaymentIdentifier::parse).map(Some).ok_or(IdentifierError),
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::{self, WRITTEN_MAX};
    use super::super::messages::{PaymentRequired, Resource, VERSION};
    use super::super::offer::{Offer, Scheme};
    use super::super::samples;
    use super::*;
    use crate::types::Usd;

    fn bazaar() -> Bazaar {
        Bazaar {
            body: json!({"route": "enrich/websearch", "payload": {"business_name": "Acme"}}),
            body_schema: json!({"properties": {"route": {"type": "string"}}, "required": ["route"]}),
            output: Some(json!({"job_id": "ej_…"})),
        }
    }

    /// What the official server declares for the same route, to the last member.
    #[test]
    fn as_the_official_server_declares_them() {
        let golden = samples::golden();
        assert_eq!(Value::Object(offered(Some(&bazaar()))), golden.typescript["discovery"]);
        assert_eq!(offered(None).len(), 1);
    }

    /// Node's fetch breaks above 16 KiB of headers in all, and ours is one of them.
    #[test]
    fn a_402_stays_within_its_header() {
        let terms = samples::terms();
        let offers = [Scheme::Upto, Scheme::Exact].map(|scheme| Offer::new(&terms, scheme, Usd::from_micros(50_000_000)).requirements());
        let long = "A description of what a caller gets for it, as long as one would ever write. ".repeat(4);
        let schema =
            json!({"type": "object", "properties": {"route": {"type": "string"}, "payload": {"type": "object", "description": long}}});
        let required = PaymentRequired {
            x402_version: VERSION,
            error: Some("permit2_insufficient_balance".into()),
            resource: Resource {
                url: "https://jobs.example/api/v1/enrich/jobs".into(),
                description: Some(long.clone()),
                mime_type: Some("application/json".into()),
                service_name: Some("enrich-jobs".into()),
                tags: Some(vec!["a tag of thirty-two characters..".into(); 5]),
                icon_url: None,
            },
            accepts: [&offers; 4].into_iter().flatten().cloned().collect(),
            extensions: Some(offered(Some(&Bazaar { body_schema: schema, ..bazaar() }))),
        };
        let header = header::encode(&required).unwrap();
        assert!(header.len() <= WRITTEN_MAX, "{} bytes", header.len());
        assert_eq!(header::decode::<PaymentRequired>(header.as_bytes()).unwrap(), required);
    }

    #[test]
    fn an_id_is_read_from_the_echo() {
        let read = |id: Value| {
            let mut payment = samples::payment(1);
            let mut extensions = offered(None);
            extensions[PAYMENT_IDENTIFIER]["info"]["id"] = id;
            payment.extensions = Some(extensions);
            identifier(&payment).map(|id| id.map(|id| id.as_str().to_owned()))
        };
        assert_eq!(identifier(&samples::payment(1)), Ok(None));
        assert_eq!(read(Value::Null), Ok(None), "the default client's echo");
        assert_eq!(read(json!("pay_7d5d747be160e280504c099d984bcfe0")), Ok(Some("pay_7d5d747be160e280504c099d984bcfe0".into())));
        for wrong in [json!("short"), json!(7), json!(["0123456789abcdef"]), json!("0123456789abcdef!")] {
            assert_eq!(read(wrong.clone()), Err(IdentifierError), "{wrong}");
        }
        let mut odd = samples::payment(1);
        odd.extensions = Some(Members::from_iter([(PAYMENT_IDENTIFIER.to_owned(), json!("0123456789abcdef"))]));
        assert_eq!(identifier(&odd), Ok(None));
    }
}
