//! Opening hours as people write them.

use proptest::prelude::*;

use super::*;

#[test]
fn one_form_for_what_can_be_told() {
    for (text, wanted) in [
        ("Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00"),
        ("Mo,Tu,We,Th,Fr 09:00-17:00; Sa 10:00-14:00", "Mo-Fr 09:00-17:00; Sa 10:00-14:00"),
        ("Mo-Th 08:00-17:00; Fr 08:00-12:00", "Mo-Th 08:00-17:00; Fr 08:00-12:00"),
        ("Monday – Friday 9am to 5pm", "Mo-Fr 09:00-17:00"),
        ("Mon-Fri: 9:00 AM - 5:30 P.M., Sat 10 a.m.–2 p.m., Sun closed", "Mo-Fr 09:00-17:30; Sa 10:00-14:00"),
        ("Mon & Wed 9-5pm", "Mo 09:00-17:00; We 09:00-17:00"),
        ("Tue 1-5pm", "Tu 13:00-17:00"),
        ("Sat noon to midnight", "Sa 12:00-24:00"),
        ("Sat 10am-12pm", "Sa 10:00-12:00"),
        ("Fr 22:00-02:00", "Fr 22:00-02:00"),
        ("Fr 6pm - 2am", "Fr 18:00-02:00"),
        ("Open 24/7", "Mo-Su 00:00-24:00"),
        ("Mo-Su 00:00-23:59", "Mo-Su 00:00-24:00"),
        ("daily 24 hours", "Mo-Su 00:00-24:00"),
        ("Su-Tu 10:00-12:00", "Mo-Tu 10:00-12:00; Su 10:00-12:00"),
        ("Montag bis Freitag: 9 bis 18 Uhr, Samstag 9.30 - 13.00 Uhr", "Mo-Fr 09:00-18:00; Sa 09:30-13:00"),
        ("Mo.–Fr. 08:00–12:00 und 13:00–17:00", "Mo-Fr 08:00-12:00,13:00-17:00"),
        ("du lundi au vendredi de 9h à 18h30", "Mo-Fr 09:00-18:30"),
        ("Lunes a viernes: 9:00 - 14:00 y 16:00 - 20:00", "Mo-Fr 09:00-14:00,16:00-20:00"),
        ("Segunda a sexta-feira das 9h às 18h", "Mo-Fr 09:00-18:00"),
        ("Dal lunedì al venerdì 9:00-13:00", "Mo-Fr 09:00-13:00"),
        ("Monday to Saturday, ten to six", "Mo-Sa 10:00-18:00"),
        ("Tuesdays through Fridays from half past eight to quarter to six", "Tu-Fr 08:30-17:45"),
        ("Mon-Fri 8-5", "Mo-Fr 08:00-17:00"),
        ("M-F: 8:00 - 5:00", "Mo-Fr 08:00-17:00"),
        ("Wed to Sun 11 in the morning until 9 at night", "We-Su 11:00-21:00"),
        ("Every day except Monday 11am-9pm", "Tu-Su 11:00-21:00"),
        ("Seven days a week 7am-3pm", "Mo-Su 07:00-15:00"),
        ("Täglich außer Montag 10–18 Uhr", "Tu-Su 10:00-18:00"),
        ("9am–5pm Monday to Friday, 10am–2pm Saturday", "Mo-Fr 09:00-17:00; Sa 10:00-14:00"),
        ("Mon-Sat 9am-6pm, closed Sunday", "Mo-Sa 09:00-18:00"),
        ("Closed Mondays. Tue-Sat 10:00-18:00", "Tu-Sa 10:00-18:00"),
        ("Lundi à vendredi : 9h-12h / 14h-18h", "Mo-Fr 09:00-12:00,14:00-18:00"),
        ("Open around the clock daily", "Mo-Su 00:00-24:00"),
        ("maandag t/m vrijdag 09:00 tot 17:00", "Mo-Fr 09:00-17:00"),
    ] {
        assert_eq!(normalised(text), wanted, "{text}");
        assert_eq!(normalised(wanted), wanted, "the form is its own form");
    }
}

#[test]
fn what_is_uncertain_stays_in_words() {
    for text in [
        "Monday to Saturday, ten to late",
        "Mon-Fri 9-2",
        "Mon-Fri 1-5",
        "9am-5pm",
        "By appointment",
        "Mon 25:00-26:00",
        "Mon 9:75-10:00",
        "Mo-Fr",
        "closed",
        "summer Mo 9am-5pm",
    ] {
        assert_eq!(normalised(text), text);
    }
}

#[test]
fn hours_in_running_text_and_tables() {
    let found = |text: &str| find(text).map(|week| week.to_string()).unwrap_or_default();
    for (text, wanted) in [
        ("We love Monday. Open Monday to Friday 9am - 5pm and all your pets", "Mo-Fr 09:00-17:00"),
        ("Monday\n8:00 AM - 5:00 PM\nTuesday\n8:00 AM - 5:00 PM\nSunday\nClosed\nCall us", "Mo-Tu 08:00-17:00"),
        ("Sun 1984 was hot. Mar 3 - 5 pages", ""),
        ("Friday night", ""),
        ("We are open Sat 10am-2pm", "Sa 10:00-14:00"),
        ("Mon\n10 – 19\nTue\n—\nWed\n10 – 19\nThu –\nFri 10–18", "Mo 10:00-19:00; We 10:00-19:00; Fr 10:00-18:00"),
        ("Come by between 9am and 5pm", ""),
        ("We answer 8am to 4pm, Monday to Thursday, and love it", "Mo-Th 08:00-16:00"),
        ("Monday\n9:00 AM\n5:00 PM\nTuesday\n9:00 AM\n5:00 PM\nWednesday\nClosed", "Mo-Tu 09:00-17:00"),
        ("Doors are open Monday to Friday from nine to five and we mean it", "Mo-Fr 09:00-17:00"),
        ("Read Fri 8 - 5 aloud", ""),
        ("Hours: Sat 9am-1pm Sunday by appointment", "Sa 09:00-13:00"),
    ] {
        assert_eq!(found(text), wanted, "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_has_hours_or_stays(text in "[A-Za-z0-9:.,;–& \n-]{0,60}") {
        let form = normalised(&text);
        prop_assert_eq!(normalised(&form), form);
    }
}
