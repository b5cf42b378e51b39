//! Crockford's base32 in lower case, without padding and without its lenient aliases: one text per value.

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Appends the text of `bytes`, most significant bit first; the last symbol is filled with zero bits.
pub fn encode_into(bytes: &[u8], out: &mut String) {
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for &byte in bytes {
        buffer = (buffer << 8) | u32::from(byte);
        bits = bits.saturating_add(8);
        while bits >= 5 {
            bits = bits.saturating_sub(5);
            push(out, buffer >> bits);
        }
        buffer &= 0xff;
    }
    if bits > 0 {
        push(out, buffer << 5_u32.saturating_sub(bits));
    }
}

fn push(out: &mut String, value: u32) {
    let index = usize::try_from(value & 31).unwrap_or(0);
    out.push(char::from(*ALPHABET.get(index).unwrap_or(&b'0')));
}

/// Reads exactly `N` bytes, or nothing: wrong length, a foreign symbol or stray filling bits are refused.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.checked_mul(8)?.div_ceil(5) {
        return None;
    }
    let mut out = [0_u8; N];
    let mut slots = out.iter_mut();
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for symbol in text.bytes() {
        buffer = (buffer << 5) | u32::from(value_of(symbol)?);
        bits = bits.checked_add(5)?;
        if bits >= 8 {
            bits = bits.checked_sub(8)?;
            *slots.next()? = u8::try_from((buffer >> bits) & 0xff).ok()?;
        }
        buffer &= 0xff;
    }
    let filling = (1_u32 << bits).checked_sub(1)?;
    (buffer & filling == 0).then_some(out)
}

/// The value of every symbol, and 255 for what is none.
#[allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "evaluated by the compiler, where nothing else may be called"
)]
const VALUES: [u8; 256] = {
    let mut values = [u8::MAX; 256];
    let mut value = 0_u8;
    while value < 32 {
        values[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    values
};

fn value_of(symbol: u8) -> Option<u8> {
    VALUES.get(usize::from(symbol)).copied().filter(|value| *value < 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_text_per_value() {
        let mut text = String::new();
        encode_into(&[0xff; 18], &mut text);
        assert_eq!(text.len(), 29);
        assert_eq!(decode::<18>(&text), Some([0xff; 18]));
        assert_eq!(decode::<18>(&text.to_uppercase()), None);
        assert_eq!(decode::<18>(&format!("{}z", &text[..28])), None, "stray filling bit");
        assert_eq!(decode::<18>(&format!("{}l", &text[..28])), None, "alias of 1");
    }

    proptest! {
        #[test]
        fn round_trip(bytes: [u8; 18]) {
            let mut text = String::new();
            encode_into(&bytes, &mut text);
            prop_assert_eq!(decode::<18>(&text), Some(bytes));
        }
    }
}
