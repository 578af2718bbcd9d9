//! What one device wants for a shopper: one exchange, asked for under one id until there is an
//! answer that ends it. Each answer is checked against those before.

use std::fmt;

use crate::connection::Answer;

/// Every so many shoppers has two devices, which ask under two ids.
pub(super) const SECOND_DEVICE_EVERY: u64 = 8;

/// Every so many shoppers asks once more for what they have got.
const REPEATS_EVERY: u64 = 2;

/// How often a device asks that is told to come again, before its shopper gives up.
const ATTEMPTS_MAX: u32 = 6;

/// An exchange that somebody wants.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) shopper: u64,
    /// Whether it is that of the second device.
    pub(super) is_second: bool,
    known: Known,
    attempts: u32,
}

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing has happened.
    Nothing,
    /// The connection broke, or the outcome wasn't known.
    InDoubt,
    /// It was created, and answered so.
    Created(Box<str>),
}

/// Whether a device asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Soon, though it was told to wait.
    AskAgain,
    /// Only for fun.
    Done,
}

/// The id of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id {
    is_second: bool,
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_second { "x-tablet" } else { "x-phone" })
    }
}

impl Wish {
    pub(super) const fn new(shopper: u64, is_second: bool) -> Self {
        Self { shopper, is_second, known: Known::Nothing, attempts: 0 }
    }

    pub(super) const fn id(&self) -> Id {
        Id { is_second: self.is_second }
    }

    pub(super) const fn is_created(&self) -> bool {
        matches!(self.known, Known::Created(_))
    }

    /// Takes an answer in. One that doesn't go with those before is told.
    pub(super) fn hears(&mut self, answer: Answer, body: &str) -> Result<Next, String> {
        self.attempts += 1;
        let again = if self.attempts < ATTEMPTS_MAX { Next::AskAgain } else { Next::Done };
        let contradicts = |wish: &Self| {
            let (shopper, id, known) = (wish.shopper, wish.id(), &wish.known);
            Err(format!("shopper-{shopper} {id}: {} after {known:?}: {body}", answer.status))
        };
        match (answer.status, &self.known) {
            (201, Known::Created(_)) | (200, Known::Nothing) | (409, Known::Created(_)) => {
                contradicts(self)
            }
            (200, Known::Created(first)) if **first != *body => contradicts(self),
            (status @ (200 | 201), _) => {
                self.known = Known::Created(body.into());
                let repeats = status == 201 && self.shopper.is_multiple_of(REPEATS_EVERY);
                Ok(if repeats { Next::AskAgain } else { Next::Done })
            }
            (409, _) => {
                self.known = Known::Nothing;
                let is_early = body.contains(r#""code":"offer-not-open""#);
                Ok(if is_early { again } else { Next::Done })
            }
            (429, _) => Ok(again),
            (503, known) => {
                if *known == Known::Nothing && body.contains(r#""code":"outcome-unknown""#) {
                    self.known = Known::InDoubt;
                }
                Ok(again)
            }
            _ => contradicts(self),
        }
    }

    /// The connection broke before there was an answer: it asks until it has one.
    pub(super) fn hears_nothing(&mut self) {
        self.attempts = 0;
        if self.known == Known::Nothing {
            self.known = Known::InDoubt;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = r#"{"code":"offer-not-open"}"#;
    const UNKNOWN: &str = r#"{"code":"outcome-unknown"}"#;

    fn hears(answers: &[(u16, &str)]) -> Result<Next, String> {
        let (mut wish, mut next) = (Wish::new(7, false), Next::AskAgain);
        for (status, body) in answers {
            next = wish.hears(Answer { status: *status, position: 0 }, body)?;
        }
        Ok(next)
    }

    #[test]
    fn whoever_is_told_to_come_again_does_until_there_is_an_answer() {
        for (answers, next) in [
            (&[(429, "")][..], Next::AskAgain),
            (&[(409, EARLY)], Next::AskAgain),
            (&[(503, "")], Next::AskAgain),
            (&[(409, "sold out")], Next::Done),
            (&[(409, EARLY), (201, "x")], Next::Done),
            (&[(429, ""); 6], Next::Done),
        ] {
            assert_eq!(hears(answers), Ok(next), "{answers:?}");
        }
    }

    #[test]
    fn an_answer_that_contradicts_one_before_is_told() {
        for answers in [
            &[(201, "x"), (201, "x")][..],
            &[(201, "x"), (200, "y")],
            &[(201, "x"), (409, "")],
            &[(200, "x")],
            &[(429, ""), (200, "x")],
            &[(500, "")],
        ] {
            assert!(hears(answers).is_err(), "{answers:?}");
        }
        for answers in [&[(201, "x"), (200, "x")][..], &[(503, UNKNOWN), (200, "x")]] {
            assert_eq!(hears(answers), Ok(Next::Done), "{answers:?}");
        }
    }

    #[test]
    fn what_a_broken_connection_asked_for_may_be_there_or_not() {
        for (status, is_there) in [(200, true), (201, true), (409, false)] {
            let mut wish = Wish::new(7, true);
            wish.hears_nothing();
            wish.hears(Answer { status, position: 0 }, "x").expect("either may be");
            assert_eq!(wish.is_created(), is_there);
        }
    }
}
