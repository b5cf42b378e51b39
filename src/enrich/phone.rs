//! Phone numbers, read by the tables that the world's phones use (libphonenumber), compared in one form and shown in one form.

use std::str::FromStr;
use std::sync::{LazyLock, PoisonError};

use phonenumber::metadata::{DATABASE, Database, Descriptor, Format};
use phonenumber::{Metadata, Mode, PhoneNumber, country};
use serde::{Deserialize, Serialize};

/// Longer texts aren't numbers: 15 digits (E.164 section 6), an extension, and room for brackets and words around them.
pub const TEXT_BYTES_MAX: usize = 120;

/// Expressions that are kept compiled. The library keeps 100, which is a handful of countries: with numbers of thirty in turn it
/// compiled them again for each, 12 ms a number.
const EXPRESSIONS_MAX: usize = 1500;

/// The numbering plans of all regions. They are read at the first number, which takes about a third of a second.
static TABLES: LazyLock<&'static Database> = LazyLock::new(|| {
    let cache = DATABASE.cache();
    cache.lock().unwrap_or_else(PoisonError::into_inner).set_capacity(EXPRESSIONS_MAX);
    &DATABASE
});

/// Reads the plans, so that the first number needn't.
pub fn load() {
    LazyLock::force(&TABLES);
}

/// What a number is for, as far as its digits tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A fixed line.
    FixedLine,
    /// A mobile phone.
    Mobile,
    /// One of both: North America doesn't tell them apart.
    FixedLineOrMobile,
    /// Free for the caller.
    TollFree,
    /// Dear for the caller.
    PremiumRate,
    /// Paid by both.
    SharedCost,
    /// Over the internet.
    Voip,
    /// One person's number wherever they are.
    Personal,
    /// A pager.
    Pager,
    /// A company's number that leads to any of its offices.
    Company,
    /// A mailbox for voice.
    Voicemail,
    /// No plan of the region has such a number.
    Unknown,
}

/// A number that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// `+` and digits, without the extension (E.164).
    pub e164: String,
    /// As it is written in its region, with the extension.
    pub national: String,
    /// The region by ISO 3166-1 alpha-2; none for numbers of no region, such as +800.
    pub region: Option<String>,
    /// What it is for.
    pub kind: Kind,
    /// The region's numbering plan has such a number. Whether anybody answers is another question.
    pub is_valid: bool,
    /// Behind a switchboard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// Reads a number that was written in `country` (ISO 3166-1 alpha-2; of any other text only numbers with their country code
/// can be read). `None` where it is none.
pub fn read(text: &str, country: &str) -> Option<Number> {
    let parsed = parse(text, country)?;
    let national = parsed.national().to_string();
    let (meta, kind) = of_region(&parsed, &national);
    let code = parsed.code().value();
    Some(Number {
        e164: format!("+{code}{national}"),
        national: written(&parsed, &national, meta),
        region: meta.map(|meta| meta.id().to_owned()).filter(|id| id != "001"),
        kind,
        is_valid: kind != Kind::Unknown,
        extension: parsed.extension().map(ToString::to_string),
    })
}

/// The form in which numbers are compared and indexed: E.164 where it is certain, else the bare digits. Without the extension.
/// `None` where it isn't 7 to 15 digits.
pub fn key(text: &str, country: &str) -> Option<String> {
    certain(text, country).or_else(|| digits(text))
}

/// As it is shown: E.164 where that is certain, else as it was given.
pub fn shown(text: &str, country: &str) -> Option<String> {
    if let Some(e164) = certain(text, country) {
        return Some(e164);
    }
    let number = digits(text)?;
    let main = main_part(text).trim();
    Some(if main.starts_with('+') { format!("+{number}") } else { main.to_owned() })
}

/// Whether two numbers, as [`key`] gives them, reach the same line: equal, or one is the other without its country or area code.
/// It compares texts and reads no table, since matching compares many.
pub fn same(one: &str, other: &str) -> bool {
    if one == other || (one.starts_with('+') && other.starts_with('+')) {
        return one == other && one.len() >= 7;
    }
    let national = |number: &str| match number.strip_prefix('+') {
        Some(digits) => digits.strip_prefix('1').unwrap_or(digits).to_owned(),
        None => number.trim_start_matches('0').to_owned(),
    };
    let (one, other) = (national(one), national(other));
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    short.len() >= 7 && long.ends_with(&short) && long.len() - short.len() <= 3
}

/// Whether ten digits are a whole number in a region (ISO 3166-1 alpha-2): those that share the country code 1.
pub fn is_north_american(region: &str) -> bool {
    TABLES.by_id(region).is_some_and(|meta| meta.country_code() == 1)
}

/// E.164 where the number's plan has it. Ten digits in North America are a whole number, even with an area code that is newer
/// than our tables.
fn certain(text: &str, country: &str) -> Option<String> {
    let parsed = parse(text, country)?;
    let national = parsed.national().to_string();
    let code = parsed.code().value();
    let is_certain = (code == 1 && national.len() == 10) || of_region(&parsed, &national).1 != Kind::Unknown;
    is_certain.then(|| format!("+{code}{national}"))
}

fn parse(text: &str, country: &str) -> Option<PhoneNumber> {
    if text.len() > TEXT_BYTES_MAX || text.bytes().filter(u8::is_ascii_digit).count() < 3 {
        return None;
    }
    let text = text.trim().replace("%20", " ").replace(";ext=", " ext. ");
    let text = text.strip_prefix("tel:").unwrap_or(&text);
    let region = region_of(country);
    // With a region the library takes that region's trunk prefix off any number, a foreign one too: "+44 121 …" read in the
    // US would lose its 1. So a number that brings its country is read without one.
    if text.starts_with(['+', '＋']) {
        // By its digits alone, as how they are grouped leads the library to other numbers.
        let main = main_part(text);
        let digits: String = main.chars().filter(char::is_ascii_digit).collect();
        return phonenumber::parse(None, format!("+{digits}{}", text.get(main.len()..).unwrap_or_default())).ok();
    }
    if let Some(abroad) = region.and_then(|region| dialled_abroad(text, region))
        && let Ok(number) = phonenumber::parse(None, abroad)
        && of_region(&number, &number.national().to_string()).1 != Kind::Unknown
    {
        return Some(number);
    }
    phonenumber::parse(Some(region?), text).ok()
}

/// "011 44 …" in the US and "00 44 …" in Germany are "+44 …".
fn dialled_abroad(text: &str, region: country::Id) -> Option<String> {
    let prefix = TABLES.by_id(region.as_ref())?.international_prefix()?;
    let digits: String = main_part(text).chars().filter(char::is_ascii_digit).collect();
    let found = prefix.find(&digits).filter(|found| found.start() == 0 && found.end() > 0)?;
    digits.get(found.end()..).map(|rest| format!("+{rest}"))
}

fn region_of(country: &str) -> Option<country::Id> {
    let country = country.trim().to_uppercase();
    let code = match country.as_str() {
        "USA" | "UNITED STATES" | "UNITED STATES OF AMERICA" => "US",
        "UK" | "UNITED KINGDOM" => "GB",
        code => code,
    };
    country::Id::from_str(code).ok()
}

/// The region whose plan has the number, and what the number is for there. Where no plan has it, the only region of its code.
///
/// The library answers both from the number's value, which has lost the leading zero that a fixed line in Italy keeps.
fn of_region(number: &PhoneNumber, national: &str) -> (Option<&'static Metadata>, Kind) {
    let code = number.code().value();
    let ids = TABLES.region(&code).unwrap_or_default();
    // Numbers of no region share the id 001, so it leads to any of them.
    let metas: Vec<&'static Metadata> = ids.iter().filter(|id| **id != "001").filter_map(|id| TABLES.by_id(*id)).collect();
    let metas = if metas.is_empty() { TABLES.by_code(&code).unwrap_or_default() } else { metas };
    for meta in &metas {
        let leads = meta.leading_digits().is_none_or(|leading| leading.find(national).is_some_and(|found| found.start() == 0));
        let kind = if leads { kind(meta, national) } else { Kind::Unknown };
        if kind != Kind::Unknown {
            return (Some(meta), kind);
        }
    }
    (metas.first().copied().filter(|_| metas.len() == 1), Kind::Unknown)
}

fn kind(meta: &Metadata, national: &str) -> Kind {
    let plan = meta.descriptors();
    let has = |descriptor: Option<&Descriptor>| descriptor.is_some_and(|descriptor| descriptor.is_match(national));
    if !plan.general().is_match(national) {
        return Kind::Unknown;
    }
    let special = [
        (plan.premium_rate(), Kind::PremiumRate),
        (plan.toll_free(), Kind::TollFree),
        (plan.shared_cost(), Kind::SharedCost),
        (plan.voip(), Kind::Voip),
        (plan.personal_number(), Kind::Personal),
        (plan.pager(), Kind::Pager),
        (plan.uan(), Kind::Company),
        (plan.voicemail(), Kind::Voicemail),
    ];
    if let Some((_, kind)) = special.into_iter().find(|(descriptor, _)| has(*descriptor)) {
        return kind;
    }
    match (has(plan.fixed_line()), has(plan.mobile())) {
        (true, true) => Kind::FixedLineOrMobile,
        (true, false) => Kind::FixedLine,
        (false, true) => Kind::Mobile,
        (false, false) => Kind::Unknown,
    }
}

/// In the way of its region. The format is looked for here, since the library's own search takes the first without a
/// condition, whether or not the number has its shape.
fn written(number: &PhoneNumber, national: &str, meta: Option<&Metadata>) -> String {
    let fits = |format: &&Format| {
        let leads = format.leading_digits().last().is_none_or(|leading| leading.find(national).is_some_and(|found| found.start() == 0));
        let whole = format.pattern().find(national).is_some_and(|found| found.start() == 0 && found.end() == national.len());
        leads && whole
    };
    // Where several regions share a code, the main one's formats are those of all.
    let formats = meta.filter(|meta| !meta.formats().is_empty());
    let formats = formats.or_else(|| TABLES.by_code(&number.code().value())?.into_iter().next());
    match formats.and_then(|meta| meta.formats().iter().find(fits)) {
        Some(format) => number.format().with(format).mode(Mode::National).to_string(),
        None => national.to_owned(),
    }
}

/// The digits of a number that can't be read for certain.
fn digits(text: &str) -> Option<String> {
    let digits: String = main_part(text).chars().filter(char::is_ascii_digit).collect();
    (7..=15).contains(&digits.len()).then_some(digits)
}

fn main_part(text: &str) -> &str {
    let end = text.find(['x', 'X', ';', '#', 'e', 'E']).unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn read_by_the_plan_of_the_region() {
        for (country, text, wanted) in [
            ("US", "(813) 555-0142", "+18135550142|(813) 555-0142|US|FixedLineOrMobile|true|"),
            ("US", "1-813-555-0142x9", "+18135550142|(813) 555-0142 ext. 9|US|FixedLineOrMobile|true|9"),
            ("US", "tel:+1-813-555-0142;ext=12", "+18135550142|(813) 555-0142 ext. 12|US|FixedLineOrMobile|true|12"),
            ("US", "1-800-FLOWERS", "+18003569377|(800) 356-9377|US|TollFree|true|"),
            ("US", "900 555 0199", "+19005550199|(900) 555-0199|US|PremiumRate|true|"),
            ("US", "+1 416 555 0123", "+14165550123|(416) 555-0123|CA|FixedLineOrMobile|true|"),
            ("US", "+44 121 234 5678", "+441212345678|0121 234 5678|GB|FixedLine|true|"),
            ("US", "011 44 121 234 5678", "+441212345678|0121 234 5678|GB|FixedLine|true|"),
            ("GB", "020 7946 0018", "+442079460018|020 7946 0018|GB|FixedLine|true|"),
            ("GB", "+44 (0)20 7946 0018", "+442079460018|020 7946 0018|GB|FixedLine|true|"),
            ("GB", "07400 123456", "+447400123456|07400 123456|GB|Mobile|true|"),
            ("GB", "0044 20 7946 0018", "+442079460018|020 7946 0018|GB|FixedLine|true|"),
            ("GB", "056 1234 5678", "+445612345678|056 1234 5678|GB|Voip|true|"),
            ("DE", "030/23125 012", "+493023125012|030 23125012|DE|FixedLine|true|"),
            ("IT", "02 3661 8300", "+390236618300|02 3661 8300|IT|FixedLine|true|"),
            ("US", "+39 02 3661 8300", "+390236618300|02 3661 8300|IT|FixedLine|true|"),
            ("FR", "01 42 68 53 00", "+33142685300|01 42 68 53 00|FR|FixedLine|true|"),
            ("FR", "06 31 96 65 43", "+33631966543|06 31 96 65 43|FR|Mobile|true|"),
            ("ES", "912 345 678", "+34912345678|912 34 56 78|ES|FixedLine|true|"),
            ("AU", "0011 44 20 7946 0018", "+442079460018|020 7946 0018|GB|FixedLine|true|"),
            ("BR", "(11) 98765-4321", "+5511987654321|(11) 98765-4321|BR|Mobile|true|"),
            ("", "+800 1234 5678", "+80012345678|1234 5678||TollFree|true|"),
            ("US", "555-0142", "+15550142|555-0142||Unknown|false|"),
            ("GB", "0", "none"),
            ("US", "call us", "none"),
            ("", "(813) 555-0142", "none"),
        ] {
            let found = read(text, country).map_or_else(
                || "none".to_owned(),
                |number| {
                    let Number { e164, national, region, kind, is_valid, extension } = number;
                    let (region, extension) = (region.unwrap_or_default(), extension.unwrap_or_default());
                    format!("{e164}|{national}|{region}|{kind:?}|{is_valid}|{extension}")
                },
            );
            assert_eq!(found, wanted, "{country} {text}");
        }
    }

    #[test]
    fn numbers_are_compared_in_one_form() {
        for (text, wanted) in [
            ("(813) 555-0142", Some("+18135550142")),
            ("+1 813.555.0142 ext. 7", Some("+18135550142")),
            ("1-813-555-0142x9", Some("+18135550142")),
            ("555-0142", Some("5550142")),
            ("+44 20 7946 0018", Some("+442079460018")),
            ("call us", None),
            ("", None),
            ("12345678901234567", None),
        ] {
            assert_eq!(key(text, "US").as_deref(), wanted, "{text}");
        }
        for (one, other, wanted) in [
            ("+442079460018", "02079460018", true),
            ("+442079460018", "2079460018", true),
            ("8135550142", "5550142", true),
            ("+18135550142", "5550142", true),
            ("+18135550142", "8135550142", true),
            ("+18135550142", "+18135550143", false),
            // New Zealand's code and a North American area code begin alike.
            ("+6493001234", "+16493001234", false),
            ("8135550142", "8135550143", false),
            ("1", "1", false),
        ] {
            assert_eq!((same(one, other), same(other, one)), (wanted, wanted), "{one} {other}");
        }
    }

    #[test]
    fn shown_as_e164_where_that_is_certain() {
        assert_eq!(shown("(813) 555-0142", "US").as_deref(), Some("+18135550142"));
        assert_eq!(shown("+44 20 7946 0018", "US").as_deref(), Some("+442079460018"));
        assert_eq!(shown("020 7946 0018", "GB").as_deref(), Some("+442079460018"));
        assert_eq!(shown("020 7946 0018", "US").as_deref(), Some("020 7946 0018"));
        assert_eq!(shown("555-0142", "US").as_deref(), Some("555-0142"));
    }

    #[test]
    fn how_digits_are_grouped_is_nothing() {
        for text in ["+78336000-0000", "+7 833 600 0000 0", "+783360000000"] {
            assert_eq!(key(text, "US"), key("+783360000000", "US"), "{text}");
            assert_eq!(shown(text, "US"), shown("+783360000000", "US"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "\\PC{0,130}", country in "[A-Z]{0,3}") {
            let _ = (read(&text, &country), key(&text, &country), shown(&text, &country));
        }

        #[test]
        fn what_was_shown_is_shown_again(
            text in "(tel:)?[+]?[0-9]{0,3}[ (/.-]{0,2}[0-9]{2,9}[ )/.-]{0,2}[0-9]{0,9}( ?(x|ext\\.?|#|;ext=) ?[0-9]{1,5})?",
            country in prop::sample::select(vec!["US", "GB", "DE", "IT", "FR", "BR", "JP", "AU", ""]),
        ) {
            if let Some(first) = shown(&text, country) {
                prop_assert_eq!(shown(&first, country), Some(first.clone()));
                prop_assert!(first.len() <= TEXT_BYTES_MAX);
                let (of_shown, of_text) = (key(&first, country).unwrap(), key(&text, country).unwrap());
                prop_assert!(same(&of_shown, &of_text), "{} {}", of_shown, of_text);
            }
        }
    }
}
