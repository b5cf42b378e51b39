//! The body of a submit, from its raw text to what can be ordered. Pure.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::http::openapi;
use crate::http::problem::{Fault, Kind, Problem};
use crate::http::settings::{CEILING_MIN, Settings};
use crate::types::payload::field;
use crate::types::{CallbackUrl, FieldError, LeadPayload, Route, Usd, WebsearchPayload, usd};

/// The most pairs of metadata.
pub const METADATA_PAIRS_MAX: usize = 16;
/// The most characters of a key.
pub const METADATA_KEY_CHARS_MAX: usize = 40;
/// The most characters of a value.
pub const METADATA_VALUE_CHARS_MAX: usize = 500;

type Pair = (Box<str>, Box<str>);

/// A valid order, before it is known who orders.
#[derive(Debug)]
pub struct Wanted {
    /// What.
    pub route: Route,
    /// The route's body, as it came.
    pub payload: Box<str>,
    /// The most that it may cost.
    pub ceiling: Usd,
    /// Where its end is told.
    pub callback_url: Option<Box<str>>,
    /// The buyer's own pairs.
    pub metadata: Box<[Pair]>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    route: RouteName,
    payload: Box<RawValue>,
    #[serde(default, deserialize_with = "usd::present")]
    bill_up_to_usd: Option<Usd>,
    #[serde(default)]
    callback_url: Option<String>,
    #[serde(default)]
    metadata: Option<Pairs>,
}

/// The body of a submit in the documents: its limits are the operator's.
#[derive(Debug)]
pub struct SubmitRequest;

impl SubmitRequest {
    /// What is taken, as the checks of [`Wanted::read`] have it. Each route goes with its own payload, whose schema `payload_of`
    /// tells: a reference, or the schema itself for who follows none.
    pub fn schema(settings: &Settings, payload_of: fn(Route) -> Value) -> Schema {
        let pairs = Route::ALL.map(|route| {
            let name = route.as_str();
            let properties = json!({"route": {"type": "string", "enum": [name]}, "payload": payload_of(route)});
            json!({"title": name, "type": "object", "properties": properties, "required": ["route", "payload"]})
        });
        let text = |chars: usize| ObjectBuilder::new().schema_type(Type::String).max_length(Some(chars));
        let or_null = |kind: Type| SchemaType::from_iter([kind, Type::Null]);
        let route = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Route::ALL.map(Route::as_str)))
            .description(Some("What is to be done."));
        let ceiling = openapi::amount_within(CEILING_MIN, settings.ceiling_max)
            .default(openapi::number(settings.ceiling_default))
            .description(Some("The most that it may cost, in US dollars: whole micro-dollars. It is held until the job ends. A decimal in a string is taken too."));
        let callback = text(CallbackUrl::CHARS_MAX)
            .schema_type(or_null(Type::String))
            .format(Some(SchemaFormat::Custom("uri".to_owned())))
            .description(Some("Where its end is told: `https` on port 443, to a public host."));
        let metadata = ObjectBuilder::new()
            .schema_type(or_null(Type::Object))
            .max_properties(Some(METADATA_PAIRS_MAX))
            .property_names(Some(text(METADATA_KEY_CHARS_MAX)))
            .additional_properties(Some(text(METADATA_VALUE_CHARS_MAX)))
            .description(Some("Your own pairs, given back with the job."));
        ObjectBuilder::new()
            .description(Some("A job to be done."))
            .property("route", route)
            .property("payload", ObjectBuilder::new().description(Some("The route's own body; checked at once.")))
            .property("bill_up_to_usd", ceiling)
            .property("callback_url", callback)
            .property("metadata", metadata)
            .required("route")
            .required("payload")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)))
            // What the builder has no word for beside properties. One object, so that who reads `properties` only finds all of them.
            .extensions(Some(Extensions::from_iter([("oneOf", Value::from(pairs.to_vec()))])))
            .examples([
                r#"{"route":"enrich/websearch","payload":{"business_name":"Acme Corp","city":"Tampa","state":"FL"},"bill_up_to_usd":1.5,"metadata":{"order":"7"}}"#,
                r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme Corp","city":"Tampa","state":"FL"},"budget_usd":0.5},"bill_up_to_usd":1.5}"#,
            ].map(openapi::example))
            .build()
            .into()
    }

    /// The schema of a route's payload, by its name in the document.
    pub fn reference(route: Route) -> Value {
        let name = match route {
            Route::Websearch => "WebsearchPayload",
            Route::LeadSession => "LeadPayload",
        };
        json!({"$ref": format!("#/components/schemas/{name}")})
    }
}

impl ToSchema for SubmitRequest {}

impl PartialSchema for SubmitRequest {
    fn schema() -> RefOr<Schema> {
        Self::schema(&Settings::default(), Self::reference).into()
    }
}

impl Wanted {
    /// Reads and checks a body.
    ///
    /// # Errors
    /// 400 where it is no JSON of ours; 422 with every field that can't be taken.
    pub fn read(text: &str, settings: &Settings) -> Result<Self, Problem> {
        let body: Body = field::read_quickly(text).map_err(|fault| Problem::fields(vec![fault]))?;
        let mut faults = Vec::new();
        let route = body.route.0;
        match route {
            Some(route) => payload_faults(route, body.payload.get(), &mut faults),
            None => faults.push(FieldError::invalid("/route", routes_sold())),
        }
        let ceiling = body.bill_up_to_usd.unwrap_or(settings.ceiling_default);
        if ceiling < CEILING_MIN || ceiling > settings.ceiling_max {
            faults.push(FieldError::invalid("/bill_up_to_usd", format!("must be from {CEILING_MIN} to {}", settings.ceiling_max)));
        }
        let metadata = body.metadata.map(|pairs| pairs.0).unwrap_or_default();
        metadata_faults(&metadata, &mut faults);
        let callback = body.callback_url.map(|text| CallbackUrl::parse(&text, settings.callback_allow_loopback)).transpose();
        match (callback, route) {
            (Ok(callback), Some(route)) if faults.is_empty() => Ok(Self {
                route,
                payload: body.payload.into(),
                ceiling,
                callback_url: callback.map(|url| url.as_str().into()),
                metadata: metadata.into(),
            }),
            (Err(error), _) => {
                faults.push(FieldError::invalid("/callback_url", error.to_string()));
                if faults.len() > 1 {
                    return Err(Problem::fields(faults));
                }
                let fault = Fault { pointer: "/callback_url".to_owned(), detail: error.to_string() };
                Err(Problem::new(Kind::CallbackUrlForbidden, format!("/callback_url {error}")).with_faults(vec![fault]))
            }
            (Ok(_), _) => Err(Problem::fields(faults)),
        }
    }
}

fn payload_faults(route: Route, text: &str, faults: &mut Vec<FieldError>) {
    let checked = match route {
        Route::Websearch => WebsearchPayload::parse(text).map(drop),
        Route::LeadSession => LeadPayload::parse(text).map(drop),
    };
    let of_payload = checked.err().unwrap_or_default();
    faults.extend(of_payload.into_iter().map(|fault| FieldError { pointer: format!("/payload{}", fault.pointer), ..fault }));
}

fn metadata_faults(pairs: &[Pair], faults: &mut Vec<FieldError>) {
    if pairs.len() > METADATA_PAIRS_MAX {
        faults.push(FieldError::invalid("/metadata", format!("must hold at most {METADATA_PAIRS_MAX} pairs")));
    }
    for (key, value) in pairs {
        let detail = if key.chars().count() > METADATA_KEY_CHARS_MAX {
            format!("its key must have at most {METADATA_KEY_CHARS_MAX} characters")
        } else if value.chars().count() > METADATA_VALUE_CHARS_MAX {
            format!("must have at most {METADATA_VALUE_CHARS_MAX} characters")
        } else {
            continue;
        };
        let mut pointer = "/metadata".to_owned();
        field::push_token(&mut pointer, key);
        faults.push(FieldError::invalid(pointer, detail));
    }
}

fn routes_sold() -> String {
    format!("must be one that this server sells: {}", Route::ALL.map(Route::as_str).join(", "))
}

/// The name of a route, or some other text.
struct RouteName(Option<Route>);

impl<'de> Deserialize<'de> for RouteName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = RouteName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a route")
            }

            fn visit_str<E>(self, text: &str) -> Result<RouteName, E> {
                Ok(RouteName(Route::parse(text)))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// Text pairs in their order. A map would lose the order, and a key given twice.
struct Pairs(Vec<Pair>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<Pair> = Vec::new();
                while let Some((key, value)) = map.next_entry::<Box<str>, Box<str>>()? {
                    // Few fit in a body, and beyond the limit the order is refused anyway.
                    if pairs.len() <= METADATA_PAIRS_MAX && pairs.iter().any(|(earlier, _)| *earlier == key) {
                        return Err(serde::de::Error::custom("a key is given twice"));
                    }
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Wanted, (Kind, Vec<String>)> {
        read_with(text, &Settings::default())
    }

    fn read_with(text: &str, settings: &Settings) -> Result<Wanted, (Kind, Vec<String>)> {
        Wanted::read(text, settings)
            .map_err(|problem| (problem.kind(), problem.faults().iter().map(|fault| fault.pointer.clone()).collect()))
    }

    fn with(more: &str) -> Result<Wanted, (Kind, Vec<String>)> {
        read(&format!(r#"{{"route":"enrich/websearch","payload":{{"business_name":"Acme"}}{more}}}"#))
    }

    #[test]
    fn the_least_and_the_most() {
        let wanted = with("").unwrap();
        assert_eq!((wanted.ceiling, wanted.callback_url, wanted.metadata.len()), (Usd::from_micros(1_500_000), None, 0));
        assert_eq!(&*wanted.payload, r#"{"business_name":"Acme"}"#);
        let more = r#","bill_up_to_usd":"50","callback_url":"https://example.com/x","metadata":{"b":"1","a":"2"}"#;
        let wanted = with(more).unwrap();
        assert_eq!((wanted.ceiling, wanted.callback_url.as_deref()), (Usd::from_micros(50_000_000), Some("https://example.com/x")));
        assert_eq!(wanted.metadata.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["b", "a"], "given back in their order");
        assert!(with(r#","callback_url":null,"metadata":null"#).is_ok());
        let lead = read(r#"{"route":"enrich/lead-session","payload":{"lead":{"company":"Acme"},"budget_usd":"2"}}"#).unwrap();
        assert_eq!((lead.route, &*lead.payload), (Route::LeadSession, r#"{"lead":{"company":"Acme"},"budget_usd":"2"}"#));
    }

    /// T-46: every amount that a client could send gets its status, by the raw text of its token.
    #[test]
    fn t46_amounts() {
        for (token, wanted) in [
            ("1e400", Some(Kind::ValidationFailed)),
            ("NaN", Some(Kind::InvalidJson)),
            ("-0", Some(Kind::ValidationFailed)),
            ("-1", Some(Kind::ValidationFailed)),
            ("1e-7", Some(Kind::ValidationFailed)),
            ("0.0000001", Some(Kind::ValidationFailed)),
            ("0.30000000000000004", Some(Kind::ValidationFailed)),
            ("\"0.05\"", None),
            ("null", Some(Kind::ValidationFailed)),
            ("9007199254740993", Some(Kind::ValidationFailed)),
            ("1e999999999", Some(Kind::ValidationFailed)),
            ("1e-05", Some(Kind::ValidationFailed)),
            ("0.049999", Some(Kind::ValidationFailed)),
            ("0.05", None),
            ("5e-2", None),
            ("50.000000", None),
            ("50.000001", Some(Kind::ValidationFailed)),
            ("01", Some(Kind::InvalidJson)),
            ("[1]", Some(Kind::ValidationFailed)),
            ("0.05,\"bill_up_to_usd\":1", Some(Kind::InvalidJson)),
        ] {
            let refused = with(&format!(",\"bill_up_to_usd\":{token}")).err();
            assert_eq!(refused.as_ref().map(|(kind, _)| *kind), wanted, "{token}");
            if let Some((Kind::ValidationFailed, pointers)) = refused {
                assert_eq!(pointers, ["/bill_up_to_usd"], "{token}");
            }
        }
    }

    #[test]
    fn every_fault_names_its_field() {
        for (text, kind, pointer) in [
            ("", Kind::InvalidJson, ""),
            ("{", Kind::InvalidJson, ""),
            ("[]", Kind::ValidationFailed, ""),
            // Nobody means the fields by their places.
            (r#" ["enrich/websearch",{"business_name":"a"},1.5,null,null]"#, Kind::ValidationFailed, ""),
            (
                r#"{"route":"enrich/websearch","payload":["a",null,null,null,null,"US",null,null,3,false]}"#,
                Kind::ValidationFailed,
                "/payload",
            ),
            ("{}", Kind::ValidationFailed, "/route"),
            (r#"{"route":"enrich/websearch"}"#, Kind::ValidationFailed, "/payload"),
            (r#"{"route":"enrich/nothing","payload":{}}"#, Kind::ValidationFailed, "/route"),
            (r#"{"route":"enrich/lead-session","payload":{"business_name":"a"}}"#, Kind::ValidationFailed, "/payload/business_name"),
            (r#"{"route":"enrich/lead-session","payload":{"lead":{}}}"#, Kind::ValidationFailed, "/payload/lead"),
            (r#"{"route":"enrich/websearch","payload":{"lead":{"company":"Acme"}}}"#, Kind::ValidationFailed, "/payload/lead"),
            (r#"{"route":7,"payload":{}}"#, Kind::ValidationFailed, "/route"),
            (r#"{"route":"enrich/websearch","payload":[]}"#, Kind::ValidationFailed, "/payload"),
            (r#"{"route":"enrich/websearch","payload":{}}"#, Kind::ValidationFailed, "/payload/business_name"),
            (
                r#"{"route":"enrich/websearch","payload":{"business_name":"a","business_name":"b"}}"#,
                Kind::InvalidJson,
                "/payload/business_name",
            ),
            (r#"{"route":"enrich/websearch","payload":{"business_name":"\ud800"}}"#, Kind::InvalidJson, "/payload/business_name"),
            (r#"{"route":"enrich/websearch","payload":{"business_name":"a"},"x":1}"#, Kind::ValidationFailed, "/x"),
            (r#"{"route":"enrich/websearch","route":"enrich/websearch","payload":{"business_name":"a"}}"#, Kind::InvalidJson, "/route"),
            (r#"{"route":"enrich/websearch","payload":{"business_name":"a"}} x"#, Kind::InvalidJson, ""),
        ] {
            assert_eq!(read(text).unwrap_err(), (kind, vec![pointer.to_owned()]), "{text}");
        }
    }

    #[test]
    fn metadata_has_limits() {
        let pairs = |count: usize| (0..count).map(|key| format!("\"k{key}\":\"v\"")).collect::<Vec<_>>().join(",");
        let metadata = |inside: &str| with(&format!(",\"metadata\":{{{inside}}}"));
        assert!(metadata(&pairs(16)).is_ok());
        assert_eq!(metadata(&pairs(17)).unwrap_err().1, ["/metadata"]);
        assert!(metadata(&format!("\"{}\":\"{}\"", "é".repeat(40), "é".repeat(500))).is_ok());
        assert_eq!(metadata(&format!("\"{}\":\"\"", "k".repeat(41))).unwrap_err().0, Kind::ValidationFailed);
        assert_eq!(metadata(&format!("\"a/b\":\"{}\"", "v".repeat(501))).unwrap_err().1, ["/metadata/a~1b"]);
        assert_eq!(metadata("\"a\":1").unwrap_err(), (Kind::ValidationFailed, vec!["/metadata/a".to_owned()]));
        assert_eq!(metadata("\"a\":\"1\",\"\\u0061\":\"2\"").unwrap_err(), (Kind::InvalidJson, vec!["/metadata/a".to_owned()]));
    }

    /// T-30: a literal is refused at once, with the field's pointer.
    #[test]
    fn t30_callbacks_are_judged_at_once() {
        for url in ["https://127.0.0.1/", "http://example.com/", "https://[::1]/", "https://localhost/", "nonsense"] {
            let refused = with(&format!(",\"callback_url\":\"{url}\"")).unwrap_err();
            assert_eq!(refused, (Kind::CallbackUrlForbidden, vec!["/callback_url".to_owned()]), "{url}");
        }
        let both = with(r#","callback_url":"https://127.0.0.1/","bill_up_to_usd":0"#).unwrap_err();
        assert_eq!(both, (Kind::ValidationFailed, vec!["/bill_up_to_usd".to_owned(), "/callback_url".to_owned()]));
        let settings = Settings { callback_allow_loopback: true, ..Settings::default() };
        let text = r#"{"route":"enrich/websearch","payload":{"business_name":"A"},"callback_url":"http://127.0.0.1:9000/x"}"#;
        assert!(read_with(text, &settings).is_ok());
    }
}
