//! From a page's bytes to its text, as browsers do it (WHATWG Encoding): a byte order mark, then what the server says, then
//! what the page says of itself, then whether it is UTF-8, then the commonest of the old encodings.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into a page its own word for its encoding is looked for.
const PRESCAN_BYTES: usize = 4096;

/// The text of a page. What isn't of its encoding becomes U+FFFD.
pub(super) fn decoded(bytes: &[u8], content_type: Option<&str>) -> String {
    let said = content_type.and_then(label_in).or_else(|| of_page(bytes));
    let encoding = said.unwrap_or_else(|| if std::str::from_utf8(bytes).is_ok() { UTF_8 } else { WINDOWS_1252 });
    // A byte order mark wins over `encoding`.
    encoding.decode(bytes).0.into_owned()
}

/// `<meta charset=…>`, or the content type of a `<meta http-equiv>`.
fn of_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = String::from_utf8_lossy(bytes.get(..PRESCAN_BYTES.min(bytes.len()))?).to_ascii_lowercase();
    let encoding = head.match_indices("<meta").take(50).find_map(|(at, _)| {
        let tag = head.get(at..)?;
        label_in(tag.get(..tag.find('>').unwrap_or(tag.len()))?)
    })?;
    // A page whose tags can be read isn't UTF-16, whatever it says.
    Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 })
}

fn label_in(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset")?;
    let rest = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let label = rest.split(|letter: char| letter.is_whitespace() || matches!(letter, ';' | '"' | '\'' | '/' | '>')).next()?;
    Encoding::for_label(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_browsers_decide() {
        for (content_type, bytes, wanted) in [
            (Some("text/html; charset=utf-8"), &b"Caf\xc3\xa9"[..], "Café"),
            (Some("text/html; Charset=\"ISO-8859-1\""), b"Caf\xe9", "Café"),
            (Some("text/html; charset=bogus"), b"Caf\xe9", "Café"),
            (Some("text/html"), b"<meta charset=windows-1251>\xca\xe0\xf4\xe5", "<meta charset=windows-1251>Кафе"),
            (
                None,
                b"<META http-equiv=content-type content='text/html; charset=iso-8859-2'>\xb1",
                "<META http-equiv=content-type content='text/html; charset=iso-8859-2'>ą",
            ),
            (None, b"<meta charset=utf-16>Caf\xc3\xa9", "<meta charset=utf-16>Café"),
            (Some("text/html; charset=iso-8859-1"), b"\xef\xbb\xbfCaf\xc3\xa9", "Café"),
            (None, b"\xff\xfeC\0a\0f\0\xe9\0", "Café"),
            (None, b"Caf\xc3\xa9", "Café"),
            (None, b"Caf\xe9 \x93x\x94", "Café “x”"),
            (Some("text/html; charset=utf-8"), b"Caf\xe9!", "Caf\u{fffd}!"),
            (Some("text/html; charset=shift_jis"), b"\x83J\x83t\x83F", "カフェ"),
            (None, b"", ""),
        ] {
            assert_eq!(decoded(bytes, content_type), wanted, "{content_type:?}");
        }
    }
}
