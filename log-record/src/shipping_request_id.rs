//! The id of a shipping request.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::{Generation, LogId, PackedPlace, Partition, Place, Position};

/// Names a shipping request, or a change of one, by the event that made it:
/// `{log id}-{generation}-{partition}-{position}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShippingRequestId {
    /// The log.
    pub log_id: LogId,
    /// The generation that the event was appended in.
    pub generation: Generation,
    /// The event's place.
    pub place: Place,
}

/// A text that is not the id of a shipping request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a shipping request's id, as in its message")]
pub struct NoShippingRequestId;

impl fmt::Display for ShippingRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log_id, generation, place: Place { partition, position } } = self;
        write!(f, "{log_id}-{generation}-{partition}-{position}")
    }
}

impl FromStr for ShippingRequestId {
    type Err = NoShippingRequestId;

    /// Reads the text that `Display` writes and no other spelling of it.
    fn from_str(text: &str) -> Result<Self, NoShippingRequestId> {
        let id = parse(text).ok_or(NoShippingRequestId)?;
        if id.to_string() == text { Ok(id) } else { Err(NoShippingRequestId) }
    }
}

fn parse(text: &str) -> Option<ShippingRequestId> {
    // The log's id has hyphens of its own, so the numbers are taken off the end.
    let mut parts = text.rsplitn(4, '-');
    let position = Position(parts.next()?.parse().ok()?);
    let partition = Partition(parts.next()?.parse().ok()?);
    let generation = Generation(parts.next()?.parse().ok()?);
    let log_id = LogId(Uuid::try_parse(parts.next()?).ok()?);
    let place = Place { partition, position };
    let fits = position <= PackedPlace::LAST_POSITION;
    fits.then_some(ShippingRequestId { log_id, generation, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = ShippingRequestId {
            log_id: LogId(Uuid::from_u128(7)),
            generation: Generation(2),
            place: Place { partition: Partition(3), position: Position(4711) },
        };
        assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000007-2-3-4711");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn another_spelling_of_an_id_is_refused() {
        for text in [
            "none",
            "",
            "00000000-0000-0000-0000-000000000007",
            "00000000-0000-0000-0000-000000000007-2-3",
            "00000000-0000-0000-0000-000000000007-2-3-4711-1",
            "00000000-0000-0000-0000-000000000007-2-3-04711",
            "00000000-0000-0000-0000-000000000007-2-3-+4711",
            "00000000000000000000000000000007-2-3-4711",
            "00000000-0000-0000-0000-000000000007-2-3-281474976710656",
        ] {
            assert_eq!(text.parse::<ShippingRequestId>(), Err(NoShippingRequestId), "{text}");
        }
    }
}
