//! `enrich/lead-session`: complete a CRM record in rounds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};

use super::field::{FieldError, at_most, note, push_token, read, within};
use crate::types::{Usd, usd};

/// The keys of a record that we know how to use: text, or a number that stands for it.
pub const KNOWN_KEYS: [&str; 18] = [
    "contact_id",
    "first_name",
    "last_name",
    "company",
    "title",
    "street",
    "city",
    "state",
    "zip",
    "country",
    "number1",
    "number2",
    "number3",
    "number4",
    "number5",
    "email",
    "domain",
    "source_system",
];

const KNOWN_CHARS_MAX: usize = 500;
const KEYS_MAX: usize = 100;
const PROMPTS_MAX: usize = 5;
const PROMPT_CHARS_MAX: usize = 2000;

/// A lead to be completed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadPayload {
    /// The record as the CRM has it.
    #[schema(schema_with = lead_schema)]
    pub lead: Lead,
    /// What this lead is worth, in US dollars: the rounds cost no more together, and within it second sources are paid to confirm
    /// what was found. By default the job's ceiling bounds the rounds, and nothing is paid to confirm.
    #[serde(default, deserialize_with = "usd::present", skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = usd_schema)]
    pub budget_usd: Option<Usd>,
    /// After how many rounds to stop.
    #[serde(default = "default_max_rounds")]
    #[schema(minimum = 1, maximum = 10, default = 5)]
    pub max_rounds: i64,
    /// Who chooses the next tools.
    #[serde(default)]
    #[schema(schema_with = mode_schema)]
    pub mode: LeadMode,
    /// What to look for, in the buyer's words.
    #[serde(default)]
    #[schema(schema_with = prompts_schema)]
    pub prompts: Vec<String>,
    /// Ask every source anew, also where its answer to the same question, or to this whole session, is still kept.
    #[serde(default)]
    #[schema(default = false)]
    pub refresh: bool,
}

/// Who chooses a round's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeadMode {
    /// The language model where one is configured, else the waterfall.
    #[default]
    Auto,
    /// By expected gain per cost.
    Waterfall,
    /// The language model.
    Llm,
}

/// A CRM record. Values that we don't know are kept as their raw text, so a long number comes back digit by digit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lead(BTreeMap<String, Box<RawValue>>);

impl Lead {
    /// The text of a field, trimmed; a number's own digits. `None` where it is absent, `null`, blank or neither text nor number.
    pub fn text(&self, key: &str) -> Option<String> {
        let raw = self.0.get(key)?.get();
        let text = match raw.as_bytes().first()? {
            b'"' => serde_json::from_str::<String>(raw).ok()?.trim().to_owned(),
            b'-' | b'0'..=b'9' => raw.to_owned(),
            _ => String::new(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// Whether a field says nothing: it is absent, `null` or blank text. A number or an object is something, though we can't read it.
    pub fn is_blank(&self, key: &str) -> bool {
        let raw = self.0.get(key).map(|raw| raw.get());
        raw.is_none_or(|raw| raw == "null" || serde_json::from_str::<String>(raw).is_ok_and(|text| text.trim().is_empty()))
    }

    /// The fields with their raw JSON, in the order of their names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), &**value))
    }
}

impl LeadPayload {
    /// Reads and checks the payload's text.
    ///
    /// # Errors
    /// Every limit that is broken, or the one fault at which reading stopped.
    pub fn parse(text: &str) -> Result<Self, Vec<FieldError>> {
        let payload: Self = read(text).map_err(|fault| vec![fault])?;
        let faults = payload.faults();
        if faults.is_empty() { Ok(payload) } else { Err(faults) }
    }

    fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let keys = match self.lead.0.len() {
            0 => Err("must hold at least one field".to_owned()),
            1..=KEYS_MAX => Ok(()),
            _ => Err(format!("must hold at most {KEYS_MAX} fields")),
        };
        note(&mut faults, "/lead", keys);
        for (key, value) in self.lead.fields() {
            let mut pointer = "/lead".to_owned();
            push_token(&mut pointer, key);
            note(&mut faults, &pointer, field_fault(key, value));
        }
        note(&mut faults, "/max_rounds", within(self.max_rounds, 1, 10));
        if self.prompts.len() > PROMPTS_MAX {
            faults.push(FieldError::invalid("/prompts", format!("must hold at most {PROMPTS_MAX} prompts")));
        }
        for (index, prompt) in self.prompts.iter().enumerate() {
            note(&mut faults, &format!("/prompts/{index}"), at_most(prompt, PROMPT_CHARS_MAX));
        }
        faults
    }
}

fn field_fault(key: &str, raw: &RawValue) -> Result<(), String> {
    // A number that no reader can hold would break whoever reads the result.
    let value: Value = serde_json::from_str(raw.get()).map_err(|_| "holds a number that is out of range".to_owned())?;
    if !KNOWN_KEYS.contains(&key) {
        return Ok(());
    }
    match value {
        Value::Null | Value::Number(_) => at_most(raw.get(), KNOWN_CHARS_MAX),
        Value::String(text) => at_most(&text, KNOWN_CHARS_MAX),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err("must be text".to_owned()),
    }
}

fn default_max_rounds() -> i64 {
    5
}

fn lead_schema() -> Schema {
    let text = || {
        let types = SchemaType::from_iter([Type::String, Type::Number, Type::Null]);
        ObjectBuilder::new().schema_type(types).max_length(Some(KNOWN_CHARS_MAX)).build()
    };
    let object = ObjectBuilder::new()
        .description(Some("The record as the CRM has it; fields that aren't listed are kept and returned."))
        .min_properties(Some(1))
        .max_properties(Some(KEYS_MAX))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)));
    KNOWN_KEYS.into_iter().fold(object, |object, key| object.property(key, text())).build().into()
}

fn usd_schema() -> Schema {
    let number =
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0)).maximum(Some(9_007_199_254_i64)).multiple_of(Some(0.000_001));
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?$"));
    let description = "What the rounds may cost together, in US dollars, whole micro-dollars; by default the job's ceiling.";
    OneOfBuilder::new().item(number).item(text).description(Some(description)).build().into()
}

fn mode_schema() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["auto", "waterfall", "llm"]))
        .default(Some("auto".into()))
        .description(Some("Who chooses the next tools."))
        .build()
        .into()
}

fn prompts_schema() -> Schema {
    let prompt = ObjectBuilder::new().schema_type(Type::String).max_length(Some(PROMPT_CHARS_MAX));
    ArrayBuilder::new()
        .items(prompt)
        .max_items(Some(PROMPTS_MAX))
        .default(Some(Value::Array(Vec::new())))
        .description(Some("What to look for, in the buyer's words."))
        .build()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utoipa::PartialSchema;

    use super::*;

    fn taken(body: &Value) -> bool {
        LeadPayload::parse(&body.to_string()).is_ok()
    }

    fn pointers(text: &str) -> Vec<String> {
        LeadPayload::parse(text).unwrap_err().into_iter().map(|fault| format!("{:?} {}", fault.kind, fault.pointer)).collect()
    }

    #[test]
    fn a_record_is_kept_to_the_digit() {
        let text =
            r#"{"lead":{"zip":33602,"company":" Acme ","score":12345678901234567890123,"tags":["a"],"title":""},"budget_usd":"0.05"}"#;
        let payload = LeadPayload::parse(text).unwrap();
        assert_eq!(payload.lead.text("zip").as_deref(), Some("33602"));
        assert_eq!(payload.lead.text("company").as_deref(), Some("Acme"));
        assert_eq!((payload.lead.text("title"), payload.lead.text("tags"), payload.lead.text("email")), (None, None, None));
        assert_eq!((payload.budget_usd, payload.max_rounds, payload.mode), (Some(Usd::from_micros(50_000)), 5, LeadMode::Auto));
        let back = serde_json::to_string(&payload.lead).unwrap();
        assert!(back.contains(r#""score":12345678901234567890123,"tags":["a"]"#), "{back}");
    }

    #[test]
    fn every_fault_names_its_field() {
        for (text, wanted) in [
            (r#"{"lead":{"zip":"1","zip":"2"}}"#, "Syntax /lead/zip"),
            (r#"{"lead":{"x":{"y":1,"y":1}}}"#, "Syntax /lead/x/y"),
            ("{}", "Invalid /lead"),
            (r#"[{"a":1},null,5,"auto",[],false]"#, "Invalid "),
            (r#"{"lead":[]}"#, "Invalid /lead"),
            (r#"{"lead":{}}"#, "Invalid /lead"),
            (r#"{"lead":{"email":["a"]}}"#, "Invalid /lead/email"),
            (r#"{"lead":{"custom":1e400}}"#, "Invalid /lead/custom"),
            (r#"{"lead":{"a":1},"budget_usd":null}"#, "Invalid /budget_usd"),
            (r#"{"lead":{"a":1},"budget_usd":1e400}"#, "Invalid /budget_usd"),
            (r#"{"lead":{"a":1},"budget_usd":-1}"#, "Invalid /budget_usd"),
            (r#"{"lead":{"a":1},"budget_usd":0.0000001}"#, "Invalid /budget_usd"),
            (r#"{"lead":{"a":1},"max_rounds":11}"#, "Invalid /max_rounds"),
            (r#"{"lead":{"a":1},"mode":"magic"}"#, "Invalid /mode"),
            (r#"{"lead":{"a":1},"prompts":["a",7]}"#, "Invalid /prompts/1"),
            (r#"{"lead":{"a":1},"prompts":["","","","","",""]}"#, "Invalid /prompts"),
            (r#"{"lead":{"a":1},"rounds":3}"#, "Invalid /rounds"),
        ] {
            assert_eq!(pointers(text), [wanted], "{text}");
        }
    }

    #[test]
    fn schema_and_checks_say_the_same() {
        let schema = serde_json::to_value(LeadPayload::schema()).unwrap();
        assert_eq!(schema["required"], json!(["lead"]));
        assert_eq!(schema["additionalProperties"], json!(false));
        let properties = &schema["properties"];
        assert_eq!(properties.as_object().unwrap().len(), 6);

        let lead = &properties["lead"];
        assert_eq!((&lead["minProperties"], &lead["maxProperties"]), (&json!(1), &json!(KEYS_MAX)));
        let record = |keys: usize| (0..keys).map(|key| (format!("k{key}"), json!(1))).collect::<serde_json::Map<_, _>>();
        for (keys, wanted) in [(0, false), (1, true), (KEYS_MAX, true), (KEYS_MAX + 1, false)] {
            assert_eq!(taken(&json!({"lead": record(keys)})), wanted, "{keys} keys");
        }
        for key in KNOWN_KEYS {
            assert_eq!(lead["properties"][key]["maxLength"], json!(KNOWN_CHARS_MAX));
            for (value, wanted) in [
                (json!("é".repeat(KNOWN_CHARS_MAX)), true),
                (json!("é".repeat(KNOWN_CHARS_MAX + 1)), false),
                (json!(1.5), true),
                (Value::Null, true),
                (json!(true), false),
            ] {
                assert_eq!(taken(&json!({"lead": {key: value}})), wanted, "{key} {value}");
            }
        }

        let with = |field: &str, value: Value| {
            let mut body = json!({"lead": {"company": "Acme"}});
            body[field] = value;
            taken(&body)
        };
        let (min, max) = (properties["max_rounds"]["minimum"].as_i64().unwrap(), properties["max_rounds"]["maximum"].as_i64().unwrap());
        assert!(with("max_rounds", json!(min)) && with("max_rounds", json!(max)));
        assert!(!with("max_rounds", json!(min - 1)) && !with("max_rounds", json!(max + 1)));
        for mode in properties["mode"]["enum"].as_array().unwrap() {
            assert!(with("mode", mode.clone()), "{mode}");
        }
        let (items, chars) = (properties["prompts"]["maxItems"].as_u64(), properties["prompts"]["items"]["maxLength"].as_u64());
        assert_eq!((items, chars), (u64::try_from(PROMPTS_MAX).ok(), u64::try_from(PROMPT_CHARS_MAX).ok()));
        assert!(with("prompts", json!(vec!["é".repeat(PROMPT_CHARS_MAX); PROMPTS_MAX])));
        assert!(!with("prompts", json!(["é".repeat(PROMPT_CHARS_MAX + 1)])));
        for amount in ["0", "0.05", "9007199254"] {
            assert!(with("budget_usd", json!(amount)), "{amount}");
        }
        assert!(with("budget_usd", json!(9_007_199_254_i64)));
    }
}
