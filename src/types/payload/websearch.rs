//! `enrich/websearch`: find a business by what is known of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use super::country;
use super::field::{FieldError, at_most, note, read_quickly, within};

/// A business to be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WebsearchPayload {
    /// What the business calls itself, or is called.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S", example = "Acme Corp")]
    pub business_name: String,
    /// City or town.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 80, example = "Tampa")]
    pub city: Option<String>,
    /// State, province or region: a code or its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 80, example = "FL")]
    pub state: Option<String>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub zip: Option<String>,
    /// Street and house number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub street: Option<String>,
    /// ISO 3166-1 alpha-2, in capitals.
    #[serde(default = "default_country")]
    #[schema(schema_with = country_schema)]
    pub country: String,
    /// A phone number, however it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40)]
    pub phone: Option<String>,
    /// The business's own domain: a bare host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 253, pattern = r"^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$")]
    pub domain: Option<String>,
    /// How many candidates, and how many pages, are looked at most.
    #[serde(default = "default_max_results")]
    #[schema(minimum = 1, maximum = 10, default = 3)]
    pub max_results: i64,
    /// Ask every source anew, also where its answer to the same question is still kept.
    #[serde(default)]
    #[schema(default = false)]
    pub refresh: bool,
}

fn default_country() -> String {
    "US".to_owned()
}

fn default_max_results() -> i64 {
    3
}

fn country_schema() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("ISO 3166-1 alpha-2, in capitals."))
        .enum_values(Some(country::CODES))
        .default(Some("US".into()))
        .build()
        .into()
}

impl WebsearchPayload {
    /// Reads and checks the payload's text. Surrounding space is cut off, an empty optional field is an absent one, and the
    /// domain is lower-cased.
    ///
    /// # Errors
    /// Every limit that is broken, or the one fault at which reading stopped.
    pub fn parse(text: &str) -> Result<Self, Vec<FieldError>> {
        let payload: Self = read_quickly(text).map_err(|fault| vec![fault])?;
        let faults = payload.faults();
        if faults.is_empty() { Ok(payload.tidied()) } else { Err(faults) }
    }

    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let name =
            if self.business_name.trim().is_empty() { Err("must not be empty".to_owned()) } else { at_most(&self.business_name, 200) };
        note(&mut faults, "/business_name", name);
        for (pointer, value, max) in [
            ("/city", &self.city, 80),
            ("/state", &self.state, 80),
            ("/zip", &self.zip, 20),
            ("/street", &self.street, 200),
            ("/phone", &self.phone, 40),
        ] {
            note(&mut faults, pointer, at_most(value.as_deref().unwrap_or_default(), max));
        }
        if !country::is_assigned(&self.country) {
            faults.push(FieldError::invalid("/country", "must be an ISO 3166-1 alpha-2 code in capitals, such as US"));
        }
        if self.domain.as_deref().is_some_and(|domain| !is_host_name(domain)) {
            faults.push(FieldError::invalid("/domain", "must be a bare host name, such as example.com"));
        }
        note(&mut faults, "/max_results", within(self.max_results, 1, 10));
        faults
    }

    fn tidied(self) -> Self {
        let tidy = |value: Option<String>| value.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            business_name: self.business_name.trim().to_owned(),
            city: tidy(self.city),
            state: tidy(self.state),
            zip: tidy(self.zip),
            street: tidy(self.street),
            phone: tidy(self.phone),
            domain: self.domain.map(|domain| domain.to_ascii_lowercase()),
            ..self
        }
    }
}

/// A dotted host name by RFC 1123 section 2.1, whose last label begins with a letter, so never an IPv4 address.
pub(super) fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = label.as_bytes();
        bytes.len() <= 63
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    };
    let top = |label: &str| label.starts_with(|first: char| first.is_ascii_alphabetic());
    text.len() <= 253 && text.split('.').all(label) && text.rsplit_once('.').is_some_and(|(_, last)| top(last))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use utoipa::PartialSchema;

    use super::super::FieldErrorKind;
    use super::*;

    fn parse(body: &Value) -> Result<WebsearchPayload, Vec<(String, FieldErrorKind)>> {
        WebsearchPayload::parse(&body.to_string())
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer, fault.kind)).collect::<Vec<_>>())
    }

    fn pointers(text: &str) -> Vec<String> {
        WebsearchPayload::parse(text).unwrap_err().into_iter().map(|fault| format!("{:?} {}", fault.kind, fault.pointer)).collect()
    }

    #[test]
    fn the_least_that_is_needed() {
        let payload = parse(&json!({"business_name": "  Acme Corp "})).unwrap();
        assert_eq!((payload.business_name.as_str(), payload.country.as_str()), ("Acme Corp", "US"));
        assert_eq!((payload.max_results, payload.refresh, payload.city), (3, false, None));
    }

    #[test]
    fn empty_is_absent_and_the_domain_is_lower_case() {
        let payload = parse(&json!({"business_name": "A", "city": " ", "state": null, "domain": "Acme.Example"})).unwrap();
        assert_eq!((payload.city, payload.state, payload.domain.as_deref()), (None, None, Some("acme.example")));
    }

    #[test]
    fn every_fault_names_its_field() {
        for (text, wanted) in [
            ("", "Syntax "),
            ("{", "Syntax "),
            ("[]", "Invalid "),
            ("null", "Invalid "),
            (r#"{"business_name":"a","business_name":"b"}"#, "Syntax /business_name"),
            (r#"{"business_name":"a"} x"#, "Syntax "),
            ("{}", "Invalid /business_name"),
            (r#"{"business_name":7}"#, "Invalid /business_name"),
            (r#"{"business_name":null}"#, "Invalid /business_name"),
            (r#"{"business_name":" \t "}"#, "Invalid /business_name"),
            (r#"{"business_name":"a","citty":"Tampa"}"#, "Invalid /citty"),
            (r#"{"business_name":"a","a/b~":1}"#, "Invalid /a~1b~0"),
            (r#"{"business_name":"a","city":["Tampa"]}"#, "Invalid /city"),
            (r#"{"business_name":"a","max_results":0}"#, "Invalid /max_results"),
            (r#"{"business_name":"a","max_results":11}"#, "Invalid /max_results"),
            (r#"{"business_name":"a","max_results":2.5}"#, "Invalid /max_results"),
            (r#"{"business_name":"a","max_results":null}"#, "Invalid /max_results"),
            (r#"{"business_name":"a","refresh":"yes"}"#, "Invalid /refresh"),
            (r#"{"business_name":"a","country":"UK"}"#, "Invalid /country"),
            (r#"{"business_name":"a","country":"us"}"#, "Invalid /country"),
            (r#"{"business_name":"a","domain":"https://acme.example/"}"#, "Invalid /domain"),
        ] {
            assert_eq!(pointers(text), [wanted], "{text}");
        }
        assert_eq!(pointers(r#"{"business_name":"","domain":"x","max_results":0}"#).len(), 3);
    }

    /// A client that keeps to the schema is never refused, and one at the limit is just taken: no limit stands in one place only.
    #[test]
    fn schema_and_checks_say_the_same() {
        let schema = serde_json::to_value(WebsearchPayload::schema()).unwrap();
        assert_eq!(schema["required"], json!(["business_name"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        let taken = |field: &str, value: Value| {
            let mut body = json!({"business_name": "Acme"});
            body[field] = value;
            parse(&body).is_ok()
        };
        let properties = schema["properties"].as_object().unwrap();
        let mut names: Vec<&str> = properties.keys().map(String::as_str).collect();
        names.sort_unstable();
        let fields = ["business_name", "city", "country", "domain", "max_results", "phone", "refresh", "state", "street", "zip"];
        assert_eq!(names, fields);
        for (field, property) in properties {
            let limit = |key: &str| property[key].as_u64();
            if let Some(max) = limit("maxLength").filter(|_| field != "domain") {
                let text = |len: u64| json!("é".repeat(usize::try_from(len).unwrap()));
                assert!(taken(field, text(max)) && !taken(field, text(max + 1)), "{field}");
            }
            if let Some(min) = limit("minLength") {
                assert_eq!(min, 1, "{field}");
                assert!(!taken(field, json!("")), "{field}");
            }
            if let (Some(min), Some(max)) = (limit("minimum"), limit("maximum")) {
                assert!(taken(field, json!(min)) && taken(field, json!(max)), "{field}");
                assert!(!taken(field, json!(min - 1)) && !taken(field, json!(max + 1)), "{field}");
            }
            if let Some(codes) = property["enum"].as_array() {
                assert!(codes.iter().all(|code| taken(field, code.clone())), "{field}");
            }
            let nullable = property["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            assert_eq!(taken(field, Value::Null), nullable, "{field}");
            assert!(nullable || field == "business_name" || property.get("default").is_some(), "{field} is optional by a default");
        }
        let pattern =
            regex::Regex::new(&properties["domain"]["pattern"].as_str().unwrap().replace("[A-Za-z0-9-]", "[A-Za-z0-9\\-]")).unwrap();
        let long = format!("{}.example", "a".repeat(63));
        let too_long = format!("{}.example", "a".repeat(64));
        for domain in [
            "acme.example",
            "a.b.c.example",
            "xn--caf-dma.example",
            "x1.e2e",
            &long,
            &too_long,
            "",
            ".",
            "acme",
            "acme.",
            ".acme",
            "-a.example",
            "a-.example",
            "a..example",
            "127.0.0.1",
            "acme.example:80",
            "acme.example/",
            "a_b.example",
            "café.example",
            "a b.example",
            "a.1e",
        ] {
            assert_eq!(taken("domain", json!(domain)), pattern.is_match(domain), "{domain}");
        }
        assert!(!taken("domain", json!(["a".repeat(60).as_str(); 5].join("."))));
    }
}
