use proptest::prelude::*;

use super::*;

fn known(pairs: &[(&str, &str)]) -> Vec<Known> {
    pairs.iter().map(|(name, local)| Known { name: (*name).to_owned(), email: format!("{local}@acme.example") }).collect()
}

fn guess(person: &str, pairs: &[(&str, &str)]) -> Vec<Candidate> {
    candidates(&PersonName::parse(person).unwrap(), "acme.example", &known(pairs))
}

fn best(person: &str, pairs: &[(&str, &str)]) -> String {
    guess(person, pairs).first().map_or_else(String::new, |best| best.email.trim_end_matches("@acme.example").to_owned())
}

#[test]
fn every_common_pattern_is_learnt() {
    for (addresses, wanted) in [
        (["jane.doe", "mark.lee"], "robert.smith"),
        (["jdoe", "mlee"], "rsmith"),
        (["jane", "mark"], "robert"),
        (["janed", "markl"], "roberts"),
        (["janedoe", "marklee"], "robertsmith"),
        (["j.doe", "m.lee"], "r.smith"),
        (["jane_doe", "mark_lee"], "robert_smith"),
        (["jane-doe", "mark-lee"], "robert-smith"),
        (["doe.jane", "lee.mark"], "smith.robert"),
        (["doej", "leem"], "smithr"),
        (["doe.j", "lee.m"], "smith.r"),
        (["doe", "lee"], "smith"),
        (["doejane", "leemark"], "smithrobert"),
        (["jane.d", "mark.l"], "robert.s"),
        (["jd", "ml"], "rs"),
        (["x17", "y18"], ""),
    ] {
        let pairs = [("Jane Doe", addresses[0]), ("Lee, Mark", addresses[1])];
        assert_eq!(best("Robert Smith", &pairs), wanted, "{addresses:?}");
    }
}

#[test]
fn middle_initials_where_the_name_has_one() {
    let pairs = [("Jane Q. Doe", "jqdoe"), ("Mark A. Lee", "malee")];
    assert_eq!(best("Robert J. Smith", &pairs), "rjsmith");
    assert_eq!(best("Robert Smith", &pairs), "", "nobody can say what the initial is");
}

#[test]
fn confidence_grows_with_support_and_falls_with_doubt() {
    let confidence = |pairs: &[(&str, &str)]| guess("Robert Smith", pairs).first().map_or(0, |best| best.confidence);
    let all = [("Jane Doe", "jdoe"), ("Mark Lee", "mlee"), ("Ann Poe", "apoe"), ("Tom Roe", "troe"), ("Eve Coe", "ecoe")];
    let growing: Vec<u32> = (0..=5).map(|count| confidence(&all[..count])).collect();
    assert_eq!(growing, [0, 50, 66, 75, 80, 83]);
    // Somebody whose address nothing explains, and somebody of another pattern.
    assert_eq!(confidence(&[all[0], all[1], ("Odd One", "theboss")]), 50);
    assert_eq!(confidence(&[all[0], all[1], ("Eve Coe", "eve.coe")]), 50);
    let mixed = guess("Robert Smith", &[all[0], all[1], ("Eve Coe", "eve.coe")]);
    let shown: Vec<_> = mixed.iter().map(|found| (found.email.as_str(), found.confidence, found.support, found.known)).collect();
    assert_eq!(shown, [("rsmith@acme.example", 50, 2, 3), ("robert.smith@acme.example", 25, 1, 3)]);
    // The address is somebody else's already.
    let taken = confidence(&[all[0], all[1], ("Rachel Smith", "rsmith")]);
    assert!(taken < 15, "{taken}");
    // Role mailboxes, other domains and the same address twice are no support.
    let noise = [all[0], all[0], ("Sales Team", "sales")];
    assert_eq!(confidence(&noise), 50);
}

#[test]
fn names_with_a_choice() {
    let dotted = [("Jane Doe", "jane.doe"), ("Mark Lee", "mark.lee"), ("Ann Poe", "ann.poe")];
    let plain = guess("Robert Smith", &dotted)[0].confidence;
    let emails = |person: &str, pairs: &[(&str, &str)]| -> Vec<String> {
        guess(person, pairs).into_iter().map(|found| found.email.trim_end_matches("@acme.example").to_owned()).collect()
    };
    for (person, wanted) in [
        ("Jürgen Müller", &["jurgen.muller", "juergen.mueller"][..]),
        ("Anna-Lena Heide", &["annalena.heide", "anna-lena.heide", "anna.heide"]),
        ("Ann Smith-Jones", &["ann.smithjones", "ann.smith-jones", "ann.jones"]),
        ("Ludwig van Beethoven", &["ludwig.vanbeethoven", "ludwig.beethoven"]),
        ("José García", &["jose.garcia"]),
        ("Pat O'Brien", &["pat.obrien"]),
        ("Robert Smith Jr.", &["robert.smith"]),
    ] {
        let found = emails(person, &dotted);
        let mut sorted = (found.clone(), wanted.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        sorted.0.sort();
        sorted.1.sort();
        assert_eq!(sorted.0, sorted.1, "{person}");
        let confidence = guess(person, &dotted)[0].confidence;
        assert_eq!(confidence < plain, wanted.len() > 1, "{person}: a choice lowers it ({confidence} of {plain})");
    }
    // What others show decides.
    let german = [("Jane Doe", "jane.doe"), ("Björn Köhler", "bjoern.koehler"), ("Karin Größe", "karin.groesse")];
    assert_eq!(best("Jürgen Müller", &german), "juergen.mueller");
    let short = [("Jane Doe", "jane.doe"), ("Jan van Dam", "jan.dam"), ("Piet de Vries", "piet.vries")];
    assert_eq!(best("Ludwig van Beethoven", &short), "ludwig.beethoven");
}

#[test]
fn nothing_from_nothing() {
    assert_eq!(guess("Robert Smith", &[]), []);
    let gmail = [Known { name: "Jane Doe".to_owned(), email: "jane.doe@gmail.com".to_owned() }];
    assert_eq!(candidates(&PersonName::parse("Robert Smith").unwrap(), "gmail.com", &gmail), []);
    assert_eq!(candidates(&PersonName::parse("Robert Smith").unwrap(), "acme.example", &gmail), []);
    assert_eq!(guess("王 小明", &[("Jane Doe", "jane.doe")]), []);
}

proptest! {
    #[test]
    fn any_names_give_bounded_valid_guesses(
        person in "[A-Zäöüéß][a-zäöüéß'-]{0,9} ([a-z]{2,3} )?[A-Z][a-zäöüé'-]{0,9}",
        pairs in prop::collection::vec(("\\PC{0,20}", "[a-z._-]{0,12}"), 0..6),
    ) {
        let Some(person) = PersonName::parse(&person) else { return Ok(()) };
        let known: Vec<Known> = pairs.into_iter().map(|(name, local)| Known { name, email: format!("{local}@acme.example") }).collect();
        let found = candidates(&person, "acme.example", &known);
        prop_assert!(found.len() <= CANDIDATES_MAX);
        for candidate in &found {
            prop_assert!(candidate.confidence <= CONFIDENCE_MAX && candidate.support >= 1);
            prop_assert_eq!(Address::parse(&candidate.email).map(|address| address.to_string()), Some(candidate.email.clone()));
        }
        prop_assert_eq!(candidates(&person, "acme.example", &known), found);
    }
}
