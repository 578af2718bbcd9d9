//! Texts as people write them, one type per noun, valid by construction: addresses, reasons, labels
//! of parcels, what a page shows of an offer.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest `deliver_to`, in bytes of UTF-8: an address, or a reference to one.
pub const DELIVER_TO_BYTES_MAX: usize = 2048;

/// Hangul fillers, which are letters that nobody sees.
const BLANK_LETTERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// The longest reason or name, in bytes of UTF-8.
pub const NOTE_BYTES_MAX: usize = 512;

/// A text that is no reason and no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a text of 1 to {NOTE_BYTES_MAX} bytes in UTF-8")]
pub struct NoteError;

/// The longest name of a carrier or a unit, and the longest number of a parcel, in bytes of UTF-8.
pub const LABEL_BYTES_MAX: usize = 128;

/// The longest address of a page that follows a parcel, in bytes.
pub const TRACKING_URL_BYTES_MAX: usize = 2048;

/// A text that can't stand on a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a text of 1 to {LABEL_BYTES_MAX} bytes in UTF-8, without control characters, and \
     without space at its ends"
)]
pub struct LabelError;

/// A text that is no address of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a URL that begins with https:// or http://, of at most {TRACKING_URL_BYTES_MAX} \
     printable ASCII characters, without spaces"
)]
pub struct TrackingUrlError;

/// A text that can't be delivered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a text of 1 to {DELIVER_TO_BYTES_MAX} bytes in UTF-8, with at least one letter or digit"
)]
pub struct DeliverToError;

/// The longest name of an offer, in bytes of UTF-8: a line on a page.
pub const OFFER_NAME_BYTES_MAX: usize = 256;

/// The longest description of an offer, in bytes of UTF-8: a page of text.
pub const DESCRIPTION_BYTES_MAX: usize = 4096;

/// The longest attributes of an offer, in bytes of JSON without spaces.
pub const ATTRIBUTES_BYTES_MAX: usize = 4096;

/// The longest code that an offer hands out, in bytes of UTF-8: what fits on a line, or a short
/// address.
pub const CODE_BYTES_MAX: usize = 256;

/// A text that can't be handed out as a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a text of 1 to {CODE_BYTES_MAX} bytes in UTF-8, without control characters, and without \
     space at its ends"
)]
pub struct CodeError;

/// A text that no offer can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a text of 1 to {OFFER_NAME_BYTES_MAX} bytes in UTF-8, without control characters, and \
     without space at its ends"
)]
pub struct OfferNameError;

/// A text that describes no offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be a text of 1 to {DESCRIPTION_BYTES_MAX} bytes in UTF-8, without control characters other \
     than tabs and line ends"
)]
pub struct DescriptionError;

/// A text that is no object of attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a JSON object of at most {ATTRIBUTES_BYTES_MAX} bytes in UTF-8, without spaces")]
pub struct AttributesError;

/// A text of a kind, which is checked as it is made.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $error:ident, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "Box<str>")]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<Box<str>> for $name {
            type Error = $error;

            fn try_from(text: Box<str>) -> Result<Self, $error> {
                if $is_valid(&text) { Ok(Self(text)) } else { Err($error) }
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                if $is_valid(text) { Ok(Self(text.into())) } else { Err($error) }
            }
        }
    };
}

pub(crate) use text_type;

macro_rules! label {
    ($(#[$doc:meta])* $name:ident) => {
        text_type! { $(#[$doc])* $name, LabelError, is_label }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_type! {
    /// Where to ship: an address or a reference to one, unread. It is personal, so it is kept in
    /// private texts only, and never printed.
    DeliverTo, DeliverToError, |text: &str| {
        // These four count as letters and show nothing.
        let is_seen = |c: char| c.is_alphanumeric() && !BLANK_LETTERS.contains(&c);
        text.len() <= DELIVER_TO_BYTES_MAX && text.chars().any(is_seen)
    }
}

text_type! {
    /// What an offer is called.
    OfferName, OfferNameError, |text: &str| is_line(text, OFFER_NAME_BYTES_MAX)
}

text_type! {
    /// What an offer is, in words.
    Description, DescriptionError, |text: &str| {
        let is_allowed = |c: char| !c.is_control() || ['\t', '\n', '\r'].contains(&c);
        (1..=DESCRIPTION_BYTES_MAX).contains(&text.len()) && text.chars().all(is_allowed)
    }
}

text_type! {
    /// The address of a picture.
    ImageUrl, TrackingUrlError, is_url
}

text_type! {
    /// Whatever a shop's pages want to know of an offer: the text of a JSON object, which the
    /// caller has checked to be one.
    Attributes, AttributesError, |text: &str| {
        text.len() <= ATTRIBUTES_BYTES_MAX && text.starts_with('{') && text.ends_with('}')
    }
}

text_type! {
    /// Why somebody did something, in their own words. It may be personal, so it is kept in private
    /// texts only, and never printed.
    Reason, NoteError, is_note
}

text_type! {
    /// Who did something. It is personal, so it is kept in private texts only, and never printed.
    Actor, NoteError, is_note
}

text_type! {
    /// What an offer of codes hands out: a coupon, a voucher, a key. Who has it can use it, so it
    /// is kept in private texts only, and never printed.
    Code, CodeError, |text: &str| is_line(text, CODE_BYTES_MAX)
}

label! {
    /// Who carries a parcel, in words for people.
    Carrier
}
label! {
    /// What pages call a unit.
    UnitName
}
label! {
    /// A carrier's number for a parcel, as people write it.
    ExpressNo
}

text_type! {
    /// The address of a page where the shopper can follow a parcel.
    TrackingUrl, TrackingUrlError, is_url
}

macro_rules! printed {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

printed!(Carrier, ExpressNo, UnitName, TrackingUrl, OfferName, Description, ImageUrl, Attributes);

macro_rules! unprinted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("(private)")
            }
        }
    )*};
}

unprinted!(DeliverTo, Reason, Actor, Code);

fn is_note(text: &str) -> bool {
    (1..=NOTE_BYTES_MAX).contains(&text.len())
}

fn is_label(text: &str) -> bool {
    is_line(text, LABEL_BYTES_MAX)
}

fn is_line(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len())
        && text.trim() == text
        && !text.chars().any(char::is_control)
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= TRACKING_URL_BYTES_MAX
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && host.is_some_and(|host| host.starts_with(|first: char| first.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_and_its_number_are_texts_for_people() {
        for text in ["post", "Deutsche Post", "1Z 999 AA1", "Österreichische Post"] {
            assert!(text.parse::<Carrier>().is_ok(), "{text}");
        }
        let too_long = "x".repeat(129);
        for text in ["", " ", " post", "post ", "a\nb", "a\0", "a\u{85}b", &too_long] {
            assert_eq!(text.parse::<ExpressNo>(), Err(LabelError), "{text:?}");
        }
    }

    #[test]
    fn a_page_that_follows_a_parcel_has_a_web_address() {
        let longest = format!("https://post/{}", "x".repeat(2_035));
        let too_long = format!("{longest}x");
        for text in ["https://post.example/t?no=1Z%20999", "http://p", longest.as_str()] {
            assert!(text.parse::<TrackingUrl>().is_ok(), "{text}");
        }
        for text in
            ["", "post.example", "javascript:alert(1)", "https://", "https://a b", &too_long]
        {
            assert_eq!(text.parse::<TrackingUrl>().err(), Some(TrackingUrlError), "{text:?}");
        }
    }

    #[test]
    fn a_code_is_a_line_and_is_never_printed() {
        let code: Result<Code, _> = "ABCD-1".parse();
        assert_eq!(format!("{code:?}"), "Ok((private))");
        let (longest, too_long) = ("x".repeat(256), "x".repeat(257));
        assert!(longest.parse::<Code>().is_ok());
        for text in ["", " ", "a ", "a\nb", &too_long] {
            assert_eq!(text.parse::<Code>(), Err(CodeError), "{text:?}");
        }
    }

    #[test]
    fn where_to_deliver_is_never_printed() {
        let elm: Result<DeliverTo, _> = "1 Elm Street".parse();
        assert_eq!(format!("{elm:?}"), "Ok((private))");
        for blank in ["", " ", "\t\r\n", "\u{a0}", "\u{200b}", "\u{3164}", "-", " , "] {
            assert!(blank.parse::<DeliverTo>().is_err(), "{blank:?}");
        }
        for reference in ["1", "長", "address-7"] {
            assert!(reference.parse::<DeliverTo>().is_ok(), "{reference}");
        }
        assert!("x".repeat(2049).parse::<DeliverTo>().is_err());
    }
}
