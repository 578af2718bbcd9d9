//! Numbers written in place: an answer has several, and each would be a text on the heap or a
//! detour through the formatter.

use axum::http::HeaderValue;
use log_record::Place;

/// The most bytes of it: two numbers and what is between them.
const BYTES_MAX: usize = 48;

/// A short text of ASCII. What has no room is left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortText {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl ShortText {
    pub(crate) const fn new() -> Self {
        Self { bytes: [0; BYTES_MAX], length: 0 }
    }

    /// `0:4711`.
    pub(crate) fn of_place(place: Place) -> Self {
        Self::new().decimal(place.partition.0.into()).byte(b':').decimal(place.position.0)
    }

    /// It, and the number.
    pub(crate) fn decimal(mut self, number: u64) -> Self {
        const DIGITS_MAX: usize = 20;
        let (mut digits, mut first, mut rest) = ([0; DIGITS_MAX], DIGITS_MAX, number);
        while first > 0 && (rest > 0 || first == DIGITS_MAX) {
            first -= 1;
            digits[first] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        for digit in &digits[first..] {
            self = self.byte(*digit);
        }
        self
    }

    /// It, and the number in hexadecimal digits, at least so many.
    pub(crate) fn hex(mut self, number: u64, digits_min: u32) -> Self {
        let digits = (u64::BITS - number.leading_zeros()).div_ceil(4).max(digits_min);
        for digit in (0..digits).rev() {
            let digit = u8::try_from((number >> (4 * digit)) & 0xf).unwrap_or_default();
            self = self.byte(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
        }
        self
    }

    /// It, and the byte.
    pub(crate) fn byte(mut self, byte: u8) -> Self {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
        self
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes.get(..self.length).unwrap_or_default()).unwrap_or_default()
    }

    /// As the value of a header; nothing where it can't be one.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.as_str()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_formatter_writes_them() {
        for number in [0, 1, 9, 10, 4_711, 0xabc_def, u64::from(u32::MAX), u64::MAX] {
            let text = |text: ShortText| text.as_str().to_owned();
            assert_eq!(text(ShortText::new().decimal(number)), number.to_string());
            assert_eq!(text(ShortText::new().hex(number, 1)), format!("{number:x}"));
            assert_eq!(text(ShortText::new().hex(number, 8)), format!("{number:08x}"));
        }
    }

    #[test]
    fn a_place_is_written_as_it_is_displayed() {
        for text in ["0:0", "0:4711", "65535:18446744073709551615"] {
            let place: Place = text.parse().expect("a place");
            assert_eq!(ShortText::of_place(place).as_str(), text);
            assert_eq!(ShortText::of_place(place).header().expect("a value"), text);
        }
    }
}
