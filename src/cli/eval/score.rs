//! Answers against the right ones, counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::same;
use super::set::{LeadExpect, SearchExpect};

/// Counts of one field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FieldTally {
    /// Cases that have a right value; people are counted one by one.
    pub(super) expected: u32,
    /// Of these, answered with one.
    pub(super) found: u32,
    /// Values answered, without those that are tolerated.
    pub(super) answered: u32,
    /// Of these, right.
    pub(super) right: u32,
}

/// Counts of all.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) cases: u32,
    pub(super) match_expected: u32,
    pub(super) match_answered: u32,
    pub(super) match_right: u32,
    pub(super) fields: BTreeMap<String, FieldTally>,
    pub(super) cost_micros: i64,
    pub(super) hops: u32,
    /// Cases that failed for want of any vendor.
    pub(super) failed: u32,
}

/// What was wrong with one case, for whoever looks into it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Faults {
    /// `no match`, `wrong match` or `should not match`.
    pub(super) matched: Option<&'static str>,
    /// Wrong values by field, with what would be right.
    pub(super) wrong: BTreeMap<String, (Vec<String>, Vec<String>)>,
    /// Fields that were not found.
    pub(super) missing: BTreeMap<String, Vec<String>>,
}

impl Faults {
    pub(super) fn is_empty(&self) -> bool {
        self.matched.is_none() && self.wrong.is_empty() && self.missing.is_empty()
    }
}

impl Tally {
    /// Right values that were found, all fields together.
    pub(super) fn found(&self) -> u32 {
        self.fields.values().map(|field| field.found).sum()
    }

    fn field(&mut self, name: &str, answers: &[String], right: &[String], tolerated: &[String], country: &str, faults: &mut Faults) {
        let is_one_of = |answer: &str, of: &[String]| of.iter().any(|right| same(name, answer, right, country));
        let tally = self.fields.entry(name.to_owned()).or_default();
        let counted: Vec<&String> = answers.iter().filter(|answer| is_one_of(answer, right) || !is_one_of(answer, tolerated)).collect();
        let correct = counted.iter().filter(|answer| is_one_of(answer, right)).count();
        tally.answered += count(counted.len());
        tally.right += count(correct);
        if !right.is_empty() {
            tally.expected += 1;
            tally.found += u32::from(correct > 0);
            if correct == 0 {
                faults.missing.insert(name.to_owned(), right.to_vec());
            }
        }
        if correct < counted.len() {
            let wrong = counted.into_iter().filter(|answer| !is_one_of(answer, right)).cloned().collect();
            faults.wrong.insert(name.to_owned(), (wrong, right.to_vec()));
        }
    }

    /// Judges one websearch.
    pub(super) fn websearch(&mut self, result: &Value, expect: &SearchExpect) -> Faults {
        let mut faults = Faults::default();
        let matched = result["matched"] == true;
        let business = &result["business"];
        let country = expect.country.first().map_or("US", String::as_str);
        let answers = SearchAnswers::read(business);
        let right = expect_fields(expect);
        let is_that_one = answers.is_about(&right, country);
        self.matching(matched, expect.matched, is_that_one, &mut faults);
        if !(matched && expect.matched && is_that_one) {
            // What was to be found is still missing.
            if expect.matched {
                for (name, right) in right.iter().filter(|(_, right)| !right.is_empty()) {
                    self.fields.entry((*name).to_owned()).or_default().expected += 1;
                    faults.missing.insert((*name).to_owned(), right.clone());
                }
                self.fields.entry("people".to_owned()).or_default().expected += count(expect.people.len());
            }
            return faults;
        }
        let none = Vec::new();
        for (name, right) in &right {
            let tolerated = expect.tolerated.get(*name).unwrap_or(&none);
            self.field(name, answers.fields.get(name).unwrap_or(&none), right, tolerated, country, &mut faults);
        }
        self.people(&answers, expect, &mut faults);
        faults
    }

    fn people(&mut self, answers: &SearchAnswers, expect: &SearchExpect, faults: &mut Faults) {
        let tally = self.fields.entry("people".to_owned()).or_default();
        let is_right = |(name, role): &(String, Option<String>), right: &super::set::ExpectedPerson| {
            let role_fits = match (role, &right.role) {
                (Some(role), Some(right)) => same("role", role, right, ""),
                (Some(_) | None, _) => true,
            };
            same("person", name, &right.name, "") && role_fits
        };
        let none = Vec::new();
        let tolerated = expect.tolerated.get("people").unwrap_or(&none);
        let counted = answers.people.iter().filter(|(name, _)| !tolerated.iter().any(|other| same("person", name, other, "")));
        let (right, wrong): (Vec<_>, Vec<_>) = counted.partition(|person| expect.people.iter().any(|right| is_right(person, right)));
        tally.answered += count(right.len() + wrong.len());
        tally.right += count(right.len());
        tally.expected += count(expect.people.len());
        let found = expect.people.iter().filter(|right| answers.people.iter().any(|person| is_right(person, right))).count();
        tally.found += count(found);
        if !wrong.is_empty() {
            let shown = |(name, role): &(String, Option<String>)| format!("{name} ({})", role.as_deref().unwrap_or("-"));
            let rights = expect.people.iter().map(|person| format!("{} ({})", person.name, person.role.as_deref().unwrap_or("-")));
            faults.wrong.insert("people".to_owned(), (wrong.into_iter().map(shown).collect(), rights.collect()));
        }
        let missing = expect.people.iter().filter(|right| !answers.people.iter().any(|person| is_right(person, right)));
        let missing: Vec<String> = missing.map(|person| person.name.clone()).collect();
        if !missing.is_empty() {
            faults.missing.insert("people".to_owned(), missing);
        }
    }

    /// Judges one lead session; `lead` is the record that was sent.
    pub(super) fn lead(&mut self, result: &Value, lead: &Value, expect: &LeadExpect) -> Faults {
        let mut faults = Faults::default();
        let matched = result["matched"] == true;
        let country = right_country(expect, lead);
        let answers = lead_answers(result, lead, &country);
        let right: BTreeMap<&str, &Vec<String>> =
            expect.fields.iter().chain(&expect.contradicted).map(|(name, right)| (name.as_str(), right)).collect();
        // A lead's business is told by any right value; where it lacks nothing, a match is taken at its word.
        let told = right.iter().filter(|(name, _)| matches!(**name, "phone" | "website" | "domain" | "street"));
        let mut told = told.peekable();
        let is_that_one = told.peek().is_none()
            || told.any(|(name, right)| {
                let answers = answers.get(*name).into_iter().flatten();
                answers.into_iter().any(|answer| right.iter().any(|right| same(name, answer, right, &country)))
            })
            || answers.is_empty();
        self.matching(matched, expect.matched, is_that_one, &mut faults);
        if result["lead"]
            .as_object()
            .zip(lead.as_object())
            .is_none_or(|(back, sent)| sent.iter().any(|(key, value)| !is_kept(value, back.get(key))))
        {
            faults.wrong.insert("lead".to_owned(), (vec!["a value of the record's own was changed".to_owned()], Vec::new()));
        }
        let none = Vec::new();
        let names: std::collections::BTreeSet<&str> = answers.keys().map(String::as_str).chain(right.keys().copied()).collect();
        for name in names {
            let right = if expect.matched { right.get(name).copied().unwrap_or(&none) } else { &none };
            let tolerated = expect.tolerated.get(name).unwrap_or(&none);
            self.field(name, answers.get(name).unwrap_or(&none), right, tolerated, &country, &mut faults);
        }
        faults
    }

    fn matching(&mut self, answered: bool, expected: bool, is_that_one: bool, faults: &mut Faults) {
        self.cases += 1;
        self.match_expected += u32::from(expected);
        self.match_answered += u32::from(answered);
        self.match_right += u32::from(answered && expected && is_that_one);
        faults.matched = match (answered, expected, is_that_one) {
            (true, false, _) => Some("should not match"),
            (true, true, false) => Some("wrong match"),
            (false, true, _) => Some("no match"),
            (true, true, true) | (false, false, _) => None,
        };
    }
}

/// What comes back for a key that was sent: the same, or something for what was blank.
fn is_kept(sent: &Value, back: Option<&Value>) -> bool {
    let is_blank = sent.is_null() || sent.as_str().is_some_and(|text| text.trim().is_empty());
    back.is_some_and(|back| is_blank || back == sent)
}

fn right_country(expect: &LeadExpect, lead: &Value) -> String {
    let right = expect.fields.get("country").or_else(|| expect.contradicted.get("country")).and_then(|values| values.first());
    let own = lead["country"].as_str().filter(|text| text.len() == 2);
    right.map(String::as_str).or(own).unwrap_or("US").to_owned()
}

/// What a session says that the record doesn't, by field; all numbers together are `phone`.
fn lead_answers(result: &Value, lead: &Value, country: &str) -> BTreeMap<String, Vec<String>> {
    let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, field) in result["fields"].as_object().into_iter().flatten() {
        let Some(value) = field["value"].as_str() else { continue };
        let name = if key.starts_with("number") { "phone" } else { key };
        let own = |key: &str| lead[key].as_str().map(str::to_owned).or_else(|| lead[key].is_number().then(|| lead[key].to_string()));
        let owns: Vec<String> =
            if name == "phone" { (1..=5).filter_map(|n| own(&format!("number{n}"))).collect() } else { own(key).into_iter().collect() };
        if !owns.iter().any(|own| same(name, value, own, country)) {
            answers.entry(name.to_owned()).or_default().push(value.to_owned());
        }
    }
    answers
}

fn expect_fields(expect: &SearchExpect) -> BTreeMap<&'static str, Vec<String>> {
    BTreeMap::from([
        ("name", expect.name.clone()),
        ("street", expect.street.clone()),
        ("city", expect.city.clone()),
        ("state", expect.state.clone()),
        ("zip", expect.zip.clone()),
        ("country", expect.country.clone()),
        ("phones", expect.phones.clone()),
        ("emails", expect.emails.clone()),
        ("hours", expect.hours.clone()),
        ("website", expect.website.iter().cloned().collect()),
    ])
}

/// What a websearch answered.
struct SearchAnswers {
    fields: BTreeMap<&'static str, Vec<String>>,
    people: Vec<(String, Option<String>)>,
}

impl SearchAnswers {
    fn read(business: &Value) -> Self {
        let value = |leaf: &Value| leaf["value"].as_str().map(str::to_owned);
        let one = |leaf: &Value| value(leaf).into_iter().collect::<Vec<_>>();
        let all = |leaves: &Value| leaves.as_array().into_iter().flatten().filter_map(value).collect::<Vec<_>>();
        let address = &business["address"];
        let fields = BTreeMap::from([
            ("name", one(&business["name"])),
            ("street", one(&address["street"])),
            ("city", one(&address["city"])),
            ("state", one(&address["state"])),
            ("zip", one(&address["zip"])),
            ("country", one(&address["country"])),
            ("phones", all(&business["phones"])),
            ("emails", all(&business["emails"])),
            ("hours", one(&business["hours"])),
            ("website", one(&business["website"])),
        ]);
        let people = business["people"].as_array().into_iter().flatten();
        let people = people.filter_map(|person| Some((value(&person["name"])?, value(&person["role"])))).collect();
        Self { fields, people }
    }

    /// A right phone, website, or street with zip, or for want of these the name and city.
    fn is_about(&self, right: &BTreeMap<&'static str, Vec<String>>, country: &str) -> bool {
        let is_right = |name: &str| {
            let answers = self.fields.get(name).into_iter().flatten();
            let rights = right.get(name);
            answers.into_iter().any(|answer| rights.into_iter().flatten().any(|right| same(name, answer, right, country)))
        };
        is_right("phones") || is_right("website") || (is_right("street") && is_right("zip")) || (is_right("name") && is_right("city"))
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
