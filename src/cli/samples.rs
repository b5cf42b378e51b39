//! A directory of invented businesses with some of their websites, so that everything can be tried without any set-up.

/// Stands in the sample directory for wherever the sites are served.
const BASE: &str = "{{SITES}}";

const DIRECTORY: &str = include_str!("../../samples/directory.csv");

/// Host, path and page.
const PAGES: [(&str, &str, &[u8]); 11] = [
    ("acme-tampa.example", "/", include_bytes!("../../samples/sites/acme-tampa.example/index.html")),
    ("bayside-dental.example", "/", include_bytes!("../../samples/sites/bayside-dental.example/index.html")),
    ("cafe-zoe.example", "/", include_bytes!("../../samples/sites/cafe-zoe.example/index.html")),
    ("cafe-zoe.example", "/contact.html", include_bytes!("../../samples/sites/cafe-zoe.example/contact.html")),
    ("haney-furniture.example", "/", include_bytes!("../../samples/sites/haney-furniture.example/index.html")),
    ("haney-furniture.example", "/contact.html", include_bytes!("../../samples/sites/haney-furniture.example/contact.html")),
    ("haney-furniture.example", "/people.html", include_bytes!("../../samples/sites/haney-furniture.example/people.html")),
    ("ironwood-roofing.example", "/", include_bytes!("../../samples/sites/ironwood-roofing.example/index.html")),
    ("kestrel-coffee.example", "/", include_bytes!("../../samples/sites/kestrel-coffee.example/index.html")),
    ("old-mill-hardware.example", "/", include_bytes!("../../samples/sites/old-mill-hardware.example/index.html")),
    ("thistle-law.example", "/", include_bytes!("../../samples/sites/thistle-law.example/index.html")),
];

/// The sample directory as CSV, its websites at `{base_url}/{host}/`. A slash at the end of `base_url` is left out.
pub fn directory_csv(base_url: &str) -> String {
    DIRECTORY.replace(BASE, base_url.trim_end_matches('/'))
}

/// The content type and the bytes of a sample page. `path` begins with `/`; `/index.html` is `/`.
pub fn page(host: &str, path: &str) -> Option<(&'static str, &'static [u8])> {
    let path = if path == "/index.html" { "/" } else { path };
    let (.., bytes) = PAGES.iter().find(|(known_host, known_path, _)| *known_host == host && *known_path == path)?;
    Some(("text/html; charset=utf-8", bytes))
}

/// The body of a lead session about a business of the sample, as a CRM would order it: a person, and a number with a slip in it.
pub fn reference_lead() -> serde_json::Value {
    serde_json::json!({
        "lead": {
            "contact_id": 81_555_753,
            "first_name": "Ruth",
            "last_name": "Haney",
            "company": "Haney Furniture Co",
            "city": "New Castle",
            "state": "PA",
            "number1": "(724) 555-0132",
            "source_system": "crm",
        },
        "budget_usd": 2.0,
        "max_rounds": 5,
    })
}

/// Whether there is any page of that host.
pub fn is_host(host: &str) -> bool {
    PAGES.iter().any(|(known, ..)| *known == host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::vendors::directory::{ImportReport, import};

    #[test]
    fn every_row_can_be_imported_and_every_site_has_a_row() {
        let dir = tempfile::tempdir().unwrap();
        let csv = directory_csv("http://127.0.0.1:8080/");
        let report = import(csv.as_bytes(), dir.path(), true).unwrap();
        assert_eq!(report, ImportReport { imported: 320, ..ImportReport::default() });
        for (host, ..) in PAGES {
            assert!(csv.contains(&format!("http://127.0.0.1:8080/{host}/")), "{host}");
        }
    }

    #[test]
    fn pages_by_host_and_path() {
        assert_eq!(page("acme-tampa.example", "/index.html"), page("acme-tampa.example", "/"));
        assert!(page("acme-tampa.example", "/contact.html").is_none() && page("cafe-zoe.example", "/contact.html").is_some());
        assert!(page("nobody.example", "/").is_none() && !is_host("nobody.example") && is_host("cafe-zoe.example"));
    }
}
