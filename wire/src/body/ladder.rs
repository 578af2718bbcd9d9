//! Ladders: the levels that points of a unit reach.

use std::fmt;

use domain::{
    Downgrade, LadderId, LadderTerms, Level, Points, Returns, TierId, Timestamp, UnitId, Window,
};
use log_record::Place;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::null_is_default;
use crate::Object;

/// `PUT /v1/ladders/{ladder}`: makes a ladder; with `If-Match`, replaces its terms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutLadderBody {
    /// The unit whose points count; without it, `points`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub unit: UnitId,
    /// The levels, 1 to 10 of them, the lowest first.
    pub levels: Vec<Object<LevelBody>>,
    /// What counts: points of a year, of some months, or of all time.
    pub window: WindowBody,
    /// How long a level that was reached holds; only a window of all time has none.
    pub keeps: Option<Object<KeepsBody>>,
    /// What becomes of a tier that isn't kept: `by-count` or `one-level`.
    pub downgrade: Downgrade,
    /// What a return does to the tier: `recount` or `keep`; without it, `recount`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub returns: Returns,
    /// Whether adjustments count; without it, `false`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub adjustments: bool,
}

/// A level of a ladder.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelBody {
    /// The tier that it gives.
    pub tier: TierId,
    /// What must count to reach it; more than the level before it.
    #[serde(with = "domain::sum")]
    pub from: Points,
}

/// What counts: the object has either `year_from` or `months`; `"ever"` is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowBody {
    /// A year from this month and day on, such as `04-01`.
    YearFrom(String),
    /// The present calendar month and so many before it, 1 to 36.
    Months(u8),
    /// All of it.
    Ever,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    year_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    months: Option<u8>,
}

/// How long a level that was reached holds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeepsBody {
    /// In a window of a year: until the end of so many further years, 0 to 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub years: Option<u8>,
    /// In a window of a year: so many months more, 0 to 3. In a window of months: until the end of
    /// the month so many later, 1 to 36.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<u8>,
}

/// A ladder, as both APIs answer it.
#[derive(Clone, Debug, Serialize)]
pub struct LadderBody {
    /// The ladder.
    pub ladder: LadderId,
    /// The unit whose points count.
    pub unit: UnitId,
    /// The levels, the lowest first.
    pub levels: Vec<LevelBody>,
    /// What counts: points of a year, of some months, or of all time.
    pub window: WindowBody,
    /// How long a level that was reached holds; left out where what counts has no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keeps: Option<KeepsBody>,
    /// What becomes of a tier that isn't kept.
    pub downgrade: Downgrade,
    /// What a return does to the tier.
    pub returns: Returns,
    /// Whether adjustments count.
    pub adjustments: bool,
    /// Counts changes of the terms, from 1. The ETag begins with it.
    pub version: u64,
    /// When this version was recorded; reads answer it, commands don't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_at: Option<Timestamp>,
    /// The position of the event that set this version.
    pub position: Place,
}

impl LadderBody {
    /// A version of a ladder with these terms.
    #[must_use]
    pub fn new(
        ladder: LadderId,
        terms: LadderTerms,
        version: u64,
        recorded_at: Option<Timestamp>,
        position: Place,
    ) -> Self {
        let LadderTerms { unit, levels, window, downgrade, returns, adjustments } = terms;
        let level = |level: &Level| LevelBody { tier: level.tier, from: level.from };
        let (window, keeps) = split(window);
        Self {
            ladder,
            unit,
            levels: levels.iter().map(level).collect(),
            window,
            keeps,
            downgrade,
            returns,
            adjustments,
            version,
            recorded_at,
            position,
        }
    }
}

/// What counts, and for how long a level holds, as bodies have them.
fn split(window: Window) -> (WindowBody, Option<KeepsBody>) {
    match window {
        Window::Years { from, years, months } => {
            let (years, months) = (Some(u8::from(years)), Some(u8::from(months)));
            let months = months.filter(|months| *months > 0);
            (WindowBody::YearFrom(from.to_string()), Some(KeepsBody { years, months }))
        }
        Window::Months { months, keeps } => {
            let keeps = KeepsBody { years: None, months: Some(keeps.into()) };
            (WindowBody::Months(months.into()), Some(keeps))
        }
        Window::Ever => (WindowBody::Ever, None),
    }
}

impl Serialize for WindowBody {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = match self {
            Self::YearFrom(day) => WindowFields { year_from: Some(day.clone()), months: None },
            Self::Months(months) => WindowFields { year_from: None, months: Some(*months) },
            Self::Ever => return serializer.serialize_str("ever"),
        };
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for WindowBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WindowVisitor)
    }
}

struct WindowVisitor;

impl<'de> Visitor<'de> for WindowVisitor {
    type Value = WindowBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"ever\", or an object with either year_from or months")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WindowBody, E> {
        match text {
            "ever" => Ok(WindowBody::Ever),
            _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WindowBody, A::Error> {
        match WindowFields::deserialize(MapAccessDeserializer::new(map))? {
            WindowFields { year_from: Some(day), months: None } => Ok(WindowBody::YearFrom(day)),
            WindowFields { year_from: None, months: Some(months) } => {
                Ok(WindowBody::Months(months))
            }
            _ => Err(de::Error::custom("must have either year_from or months")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_year_some_months_or_all_of_time() {
        let windows = [
            (WindowBody::YearFrom("04-01".into()), r#"{"year_from":"04-01"}"#),
            (WindowBody::Months(12), r#"{"months":12}"#),
            (WindowBody::Ever, r#""ever""#),
        ];
        for (window, text) in windows {
            assert_eq!(serde_json::to_string(&window).expect("JSON"), text);
            assert_eq!(serde_json::from_str::<WindowBody>(text).expect("a window"), window);
        }
        let wrong =
            [r#""year""#, "{}", r#"{"months":1,"year_from":"04-01"}"#, r#"{"days":1}"#, "12", "[]"];
        for text in wrong {
            assert!(serde_json::from_str::<WindowBody>(text).is_err(), "{text}");
        }
    }
}
