//! Sitemaps (sitemaps.org): a list of a site's pages, or of further sitemaps.
//!
//! The XML reader is one of events: it builds nothing, loads nothing, and expands no entity but the five of XML and characters
//! by number, so a document can't grow while it is read.

use std::io::Read as _;

use flate2::read::GzDecoder;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::charset;

/// Entries of one sitemap that are looked at.
const ENTRIES_MAX: usize = 5000;
const URL_BYTES_MAX: usize = 2048;

/// What one file lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sitemap {
    pub(super) pages: Vec<String>,
    pub(super) sitemaps: Vec<String>,
}

/// Reads a file, packed or not, as far as it goes; of a packed one at most `bytes_max` unpacked bytes.
pub(super) fn read(bytes: &[u8], bytes_max: usize) -> Sitemap {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut unpacked = Vec::new();
        let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
        // What was unpacked before an error is read as well.
        let _whole_or_not = GzDecoder::new(bytes).take(limit).read_to_end(&mut unpacked).is_ok();
        return entries(&charset::decoded(&unpacked, None));
    }
    entries(&charset::decoded(bytes, None))
}

fn entries(text: &str) -> Sitemap {
    let mut sitemap = Sitemap::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let (mut in_index, mut url) = (false, None::<String>);
    while sitemap.pages.len() + sitemap.sitemaps.len() < ENTRIES_MAX {
        match reader.read_event() {
            Ok(Event::Start(tag)) => match tag.local_name().as_ref() {
                "sitemapindex" => in_index = true,
                "loc" => url = Some(String::new()),
                _ => {}
            },
            Ok(Event::Text(text)) => {
                if let Some(url) = &mut url {
                    push(url, &text);
                }
            }
            Ok(Event::CData(text)) => {
                if let Some(url) = &mut url {
                    push(url, &text);
                }
            }
            Ok(Event::GeneralRef(entity)) => {
                if let Some(url) = &mut url {
                    let character = entity.resolve_char_ref().ok().flatten();
                    let known = match &*entity {
                        "amp" => Some('&'),
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => character,
                    };
                    push(url, known.map(String::from).unwrap_or_default().as_str());
                }
            }
            Ok(Event::End(tag)) if tag.local_name().as_ref() == "loc" => {
                let found = url.take().map(|url| url.trim().to_owned()).filter(|url| !url.is_empty() && url.len() < URL_BYTES_MAX);
                if in_index { &mut sitemap.sitemaps } else { &mut sitemap.pages }.extend(found);
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(Event::End(_) | Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
        }
    }
    sitemap
}

fn push(url: &mut String, text: &str) {
    if url.len() < URL_BYTES_MAX {
        url.push_str(text.get(..text.floor_char_boundary(URL_BYTES_MAX)).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    const PLAIN: &str = r#"<?xml version="1.0" encoding="UTF-8"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
        <url><loc> https://a.example/?a=1&amp;b=2 </loc><lastmod>2026-01-01</lastmod></url>
        <url><loc><![CDATA[https://a.example/contact]]></loc></url><url><image:loc>x</image:loc></url></urlset>"#;

    fn packed(text: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn pages_and_further_sitemaps() {
        let pages = ["https://a.example/?a=1&b=2", "https://a.example/contact", "x"];
        assert_eq!(read(PLAIN.as_bytes(), 9999).pages, pages);
        assert_eq!(read(&packed(PLAIN.as_bytes()), 9999).pages, pages);
        let index = "<sitemapindex><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(read(index.as_bytes(), 9999), Sitemap { pages: Vec::new(), sitemaps: vec!["https://a.example/1.xml".to_owned()] });
        assert_eq!(read(b"<urlset><url><loc>https://a.example/</loc></url><url><loc>broken", 9999).pages, ["https://a.example/"]);
    }

    /// F-V2: neither entities nor gzip make much out of little.
    #[test]
    fn bombs_stay_small() {
        let laughs =
            r#"<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><urlset><url><loc>https://a.example/&b;</loc></url></urlset>"#;
        assert_eq!(read(laughs.as_bytes(), 9999).pages, ["https://a.example/"]);
        let external =
            r#"<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><urlset><url><loc>https://a.example/&f;</loc></url></urlset>"#;
        assert_eq!(read(external.as_bytes(), 9999).pages, ["https://a.example/"]);
        let bomb = packed(&b"<loc>https://a.example/</loc>".repeat(1_000_000));
        assert!(bomb.len() < 200_000);
        assert_eq!(read(&bomb, 29 * 100).pages.len(), 100);
        assert_eq!(read(&b"<loc>a</loc>".repeat(100_000), 1).pages.len(), ENTRIES_MAX);
        assert!(read(format!("<loc>{}</loc>", "a".repeat(9999)).as_bytes(), 1).pages.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any = (read(&bytes, 99), read(&[&[0x1f, 0x8b, 8][..], &bytes].concat(), 99));
        }
    }
}
