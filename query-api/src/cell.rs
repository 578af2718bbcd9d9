//! Values of the read tables as answers have them. A value that can't be one is logged, and the
//! read is answered as a failure of the server.

use std::fmt::Display;

use domain::{CancellationId, CauseKind, Points, Timestamp, Units};
use log_record::{LogId, PackedPlace, Partition, Place, Position};
use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use uuid::Uuid;
use wire::Problem;
use wire::body::{CauseBody, RuleVersionBody};

/// An id or a name.
pub(crate) fn text<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    T::deserialize(deserializer(text)).map_err(|error| broken(text, &error))
}

/// An id or a name, where there is one.
pub(crate) fn optional_text<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(self::text).transpose()
}

/// A client's id of a cancellation, or the ledger's own.
pub(crate) fn cancellation_id(text: &str) -> Result<CancellationId, Problem> {
    CancellationId::from_recorded(text.into()).map_err(|error| broken(text, &error))
}

/// A sum, which may be 0.
pub(crate) fn sum(number: i64) -> Result<u64, Problem> {
    u64::try_from(number).map_err(|error| broken(number, &error))
}

/// An amount of points, from 1.
pub(crate) fn points(number: i64) -> Result<Points, Problem> {
    Points::new(sum(number)?).map_err(|error| broken(number, &error))
}

/// A cost in points, which may be 0.
pub(crate) fn cost(number: i64) -> Result<Points, Problem> {
    Points::sum_of(sum(number)?).ok_or_else(|| broken(number, &"no cost is that high"))
}

/// An amount of units, from 1.
pub(crate) fn units(number: i64) -> Result<Units, Problem> {
    Units::new(sum(number)?).map_err(|error| broken(number, &error))
}

/// A time, in microseconds.
pub(crate) fn time(micros: i64) -> Result<Timestamp, Problem> {
    Timestamp::from_micros(micros).map_err(|error| broken(micros, &error))
}

/// A time, where there is one.
pub(crate) fn optional_time(micros: Option<i64>) -> Result<Option<Timestamp>, Problem> {
    micros.map(time).transpose()
}

/// A partition and a position.
pub(crate) fn place(partition: i64, position: i64) -> Result<Place, Problem> {
    let number = u16::try_from(partition).map_err(|error| broken(partition, &error))?;
    Ok(Place { partition: Partition(number), position: Position(sum(position)?) })
}

/// A place in one number.
pub(crate) fn split_place(key: i64) -> Place {
    PackedPlace::from_i64(key).into()
}

/// The number of a place, where the tables can have it.
pub(crate) fn place_key(at: Place) -> Option<i64> {
    let can_be = at.position <= PackedPlace::LAST_POSITION;
    can_be.then(|| PackedPlace::from(at).as_i64())
}

/// The log's id.
pub(crate) fn log_id(bytes: &[u8]) -> Result<LogId, Problem> {
    Uuid::from_slice(bytes).map(LogId).map_err(|error| broken("a log's id", &error))
}

/// JSON.
pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| broken(text, &error))
}

/// What credit was earned for.
pub(crate) fn cause(kind: &str, id: &str) -> Result<CauseBody, Problem> {
    Ok(CauseBody { kind: text::<CauseKind>(kind)?, id: text(id)? })
}

/// A version of an earning rule, where there is one.
pub(crate) fn rule_version(
    rule_id: Option<&str>,
    version: Option<i64>,
) -> Result<Option<RuleVersionBody>, Problem> {
    let Some((rule_id, version)) = rule_id.zip(version) else { return Ok(None) };
    Ok(Some(RuleVersionBody { rule_id: text(rule_id)?, version: sum(version)? }))
}

fn deserializer(text: &str) -> StrDeserializer<'_, Error> {
    text.into_deserializer()
}

/// Logs a value that no answer can have.
pub(crate) fn broken(value: impl Display, error: &dyn Display) -> Problem {
    tracing::error!(%value, %error, "the read model holds a value that it can't have");
    Problem::internal()
}
