use proptest::prelude::*;

use super::*;

fn shown(line: &str) -> String {
    let Street { number, directions, name, kind, units } = Street::parse(line);
    let number = number.map(|number| number.text()).unwrap_or_default();
    format!("{number}|{}|{}|{}|{}", directions.join(" "), name.join(" "), kind.unwrap_or_default(), units.join(", "))
}

#[test]
fn streets_in_their_parts() {
    for (line, wanted) in [
        ("120 N Main St, Suite 200", "120|n|main|st|ste 200"),
        ("120 North Main Street Ste 200", "120|n|main|st|ste 200"),
        ("120 N. Main St. #200", "120|n|main|st|unit 200"),
        ("120 Main St Suite # 4B", "120||main|st|ste 4b"),
        ("120-122 Main Street", "120-122||main|st|"),
        ("120-22 Main Street", "120-122||main|st|"),
        ("35-20 Broadway", "35-20||broadway||"),
        ("2nd Floor, 12 Mill Rd", "12||ml|rd|fl 2"),
        ("12 Mill Rd, 2nd Floor", "12||ml|rd|fl 2"),
        ("Flat 3, 12 Mill Road", "12||ml|rd|apt 3"),
        ("12 Mill Road Rear", "12||ml|rd|rear"),
        ("12 Front Street", "12||front|st|"),
        ("Pier 39", "39||pier||"),
        ("1600 Pennsylvania Ave NW", "1600|nw|pennsylvania|ave|"),
        ("100 North Ave", "100||n|ave|"),
        ("100 Avenue E", "100||e|ave|"),
        ("St. Charles Ave 12", "12||st charles|ave|"),
        ("50 Park Avenue South", "50|s|park|ave|"),
        ("200 5th Ave", "200||5th|ave|"),
        ("200 Fifth Avenue", "200||5th|ave|"),
        ("P.O. Box 123", "123||pobox||"),
        ("Post Office Box 123", "123||pobox||"),
        ("Hauptstr. 5a", "5a||haupt|st|"),
        ("Hauptstraße 5 A", "5||haupt|st|"),
        ("Straße des 17. Juni 135", "135||17 juni|st|"),
        ("Rue de la Paix 7", "7||paix|r|"),
        ("7 bis, rue de la Paix", "7||paix|r|"),
        ("12, bd. Saint-Germain", "12||st germain|blvd|"),
        ("Calle Mayor, 5, 2º B", "5||mayor|calle|"),
        ("C/ Mayor nº 5", "5||mayor|calle|"),
        ("Via Roma, 12/A", "12a||roma|via|"),
        ("P.zza del Duomo 1", "1||duomo|plz|"),
        ("Kalverstraat 92", "92||kalver|st|"),
        ("Av. da Liberdade 110", "110||liberdade|ave|"),
    ] {
        assert_eq!(shown(line), wanted, "{line}");
    }
}

#[test]
fn the_same_street() {
    for (one, other) in [
        ("120 North Main Street", "120 N Main St, Suite 4"),
        ("120 Main St Ste 200", "120 Main Street #200"),
        ("120 Main St", "120 MAIN STREET, Unit 5"),
        ("120 Main St", "120 N Main St"),
        ("121 Main St", "120-122 Main St"),
        ("120 Main", "120 Main St"),
        ("500 St. Charles St", "500 Saint Charles Street"),
        ("9 Ocean Dr", "9 Ocean Drive"),
        ("44 Mill Rd", "44 Mill Road, Rear"),
        ("10 Martin Luther King Jr Blvd", "10 Martin Luther King Boulevard"),
        ("77 Peachtree Pl", "77 Peach Tree Place"),
        ("77 Peachtree Pl", "77 Peachtre Place"),
        ("1 Hwy 41", "1 Highway 41"),
        ("3 Mt Vernon Sq", "3 Mount Vernon Square"),
        ("200 Fifth Avenue", "200 5th Ave"),
        ("12 Northwest 5th Terrace", "12 NW 5th Ter"),
        ("Hauptstraße 5", "Hauptstr. 5"),
        ("Haupt-Straße 5", "Hauptstr. 5"),
        ("Königstr. 5", "Koenigstraße 5"),
        ("5 Hauptstrasse", "Hauptstraße 5, Hinterhaus"),
        ("Marienplatz 8", "Marienpl. 8"),
        ("Rue de la Paix 7", "7, r. de la Paix"),
        ("7 rue du Faubourg Saint-Honoré", "7 rue du Fbg St Honoré"),
        ("12 avenue des Champs-Élysées", "12 Av. des Champs Elysees"),
        ("Calle Mayor 5", "C/ Mayor, 5, 2º B"),
        ("Avda. de la Constitución, 3", "Avenida Constitución 3"),
        ("Via Giuseppe Garibaldi 12", "via G. Garibaldi, 12"),
        ("Piazza del Duomo, 1", "P.zza Duomo 1"),
        ("Kalverstraat 92", "Kalverstr. 92"),
        ("Flat 3, 12 Mill Road", "12 Mill Rd"),
        ("P.O. Box 123", "PO Box 123"),
        ("Rua Augusta 100", "R. Augusta, 100, 2º andar"),
    ] {
        let (a, b) = (Street::parse(one), Street::parse(other));
        assert!(a.is_same(&b) && b.is_same(&a), "{one} / {other}: {} / {}", shown(one), shown(other));
    }
}

#[test]
fn another_street() {
    for (one, other) in [
        ("120 Main St", "122 Main St"),
        ("120 Main St", "120 Oak St"),
        ("120 Oak St", "120 Oak Ave"),
        ("120 N Main St", "120 S Main St"),
        ("120-122 Main St", "124 Main St"),
        ("12a Mill Rd", "12b Mill Rd"),
        ("200 5th Ave", "200 6th Ave"),
        ("Hauptstr. 5", "Hauptplatz 5"),
        ("Rue de la Paix 7", "Boulevard de la Paix 7"),
        ("Rue de la Paix 7", "Rue de la Gare 7"),
        ("PO Box 123", "PO Box 124"),
        ("35-20 Broadway", "35-22 Broadway"),
        ("", "120 Main St"),
    ] {
        let (a, b) = (Street::parse(one), Street::parse(other));
        assert!(!a.is_same(&b) && !b.is_same(&a), "{one} / {other}: {} / {}", shown(one), shown(other));
    }
}

/// Found by the property below.
#[test]
fn signs_that_number_nothing_are_left_out() {
    for (line, form) in [("#####a,a f,", "a f unit a"), ("12 Main St #", "12 main st"), ("12 Main St ##4B", "12 main st unit 4b")] {
        let once = Street::parse(line).line();
        assert_eq!((&*once, &*Street::parse(&once).line()), (form, form), "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read_and_is_bounded(line in "\\PC{0,200}", other in "\\PC{0,60}") {
        let (a, b) = (Street::parse(&line), Street::parse(&other));
        prop_assert_eq!(a.is_same(&b), b.is_same(&a));
        prop_assert!(a.line().len() <= 16 * TEXT_CHARS_MAX);
    }

    #[test]
    fn what_was_normalised_stays(
        number in 1_u32..3000,
        direction in prop::sample::select(vec!["", "N", "South", "NW"]),
        name in prop::sample::select(vec!["Main", "Oak Hill", "Saint Charles", "5th", "Martin Luther King", "Park"]),
        kind in prop::sample::select(vec!["Street", "Ave.", "Blvd", "Rd", "Highway", "Terrace"]),
        unit in prop::sample::select(vec!["", ", Suite 200", " #4B", " Apt. C", ", 3rd Floor"]),
    ) {
        let line = format!("{number} {direction} {name} {kind}{unit}");
        let street = Street::parse(&line);
        prop_assert_eq!(Street::parse(&street.line()), street.clone(), "{} -> {}", line, street.line());
        prop_assert!(street.is_same(&street));
    }

    #[test]
    fn a_line_in_the_normal_order_is_its_own_form(line in "[0-9]{0,3} ?[a-zA-Z .,#-]{0,30}") {
        let once = Street::parse(&line).line();
        let twice = Street::parse(&once).line();
        prop_assert_eq!(Street::parse(&twice).line(), twice);
    }
}
