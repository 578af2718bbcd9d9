//! Accounts as they were recorded, before what has fallen due since. One statement reads any number
//! of accounts: it gives a row for each thing that an account has.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{LadderId, LotPart, Standing, UnitId};
use read_model::{Query, Reading};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::{ColumnIndex, Decode, Error, FromRow, Row, Type};

use crate::standing::{Part, unit_id};

/// All that accounts' credit follows from, in one statement; it can be a single read. The argument
/// is an account's id, or several with spaces between them.
pub(crate) const RECORDED: Query = Query::each(
    include_str!("sql/select_standing.sqlite.sql"),
    include_str!("sql/select_standing.postgres.sql"),
);

/// An account as it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The place of the last event that changed the account.
    pub(crate) partition: i64,
    pub(crate) position: i64,
    /// Of points, and of each further unit that it ever had some of.
    pub(crate) owed: BTreeMap<UnitId, i64>,
    /// In spending order.
    pub(crate) parts: Vec<Part>,
    /// Those that the log knows as live, in the order of their ends.
    pub(crate) holds: Vec<RecordedHold>,
    pub(crate) standings: Vec<(LadderId, Standing)>,
    /// All versions of all ladders, as its partition knows them, JSON; nothing where none are.
    pub(crate) ladders: Option<Arc<str>>,
    /// Whether it was merged into another, or has taken one over.
    pub(crate) has_family: bool,
}

/// A hold: its end, the parts that it keeps, their grace then, and their unit.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RecordedHold(
    pub(crate) i64,
    pub(crate) Vec<LotPart>,
    pub(crate) u16,
    pub(crate) UnitId,
);

/// What a row of the statement has.
#[derive(Debug)]
pub(crate) enum Found {
    /// How far a partition is.
    Nothing,
    /// Something of the account with this number, from 1. What can't be read of one account is no
    /// error of the others.
    Of(i64, Result<Thing, Error>),
    /// All versions of all ladders, as a partition knows them.
    Ladders(i64, Arc<str>),
}

/// What an account has.
#[derive(Debug)]
pub(crate) enum Thing {
    Points {
        partition: i64,
        position: i64,
        owed: i64,
    },
    Unit(UnitId, i64),
    Part(Part),
    /// Behind its place.
    Hold(i64, RecordedHold),
    Standing(LadderId, Standing),
    /// It was merged into another, or has taken one over.
    Family,
}

/// What was found of an account so far.
#[derive(Debug, Default)]
struct Draft {
    broken: Option<Error>,
    place: Option<(i64, i64)>,
    owed: BTreeMap<UnitId, i64>,
    parts: Vec<Part>,
    holds: Vec<(i64, RecordedHold)>,
    standings: Vec<(LadderId, Standing)>,
    has_family: bool,
}

impl Recorded {
    /// An account; nothing where there is none.
    pub(crate) async fn read(
        reading: &mut Reading,
        account_id: &str,
    ) -> Result<Option<Self>, Error> {
        let found = reading.all(RECORDED, &[account_id.into()]).await?;
        Self::one_of(found)
    }

    /// The only account of a statement; nothing where there is none.
    pub(crate) fn one_of(found: Vec<Found>) -> Result<Option<Self>, Error> {
        Self::each_of(1, found).pop().unwrap_or(Ok(None))
    }

    /// The accounts that a statement has found, of so many in their order.
    pub(crate) fn each_of(count: usize, found: Vec<Found>) -> Vec<Result<Option<Self>, Error>> {
        let mut drafts: Vec<Draft> = (0..count).map(|_| Draft::default()).collect();
        let mut ladders = BTreeMap::new();
        for row in found {
            match row {
                Found::Nothing => {}
                Found::Ladders(partition, versions) => drop(ladders.insert(partition, versions)),
                Found::Of(number, thing) => {
                    let index = usize::try_from(number - 1).ok();
                    if let Some(draft) = index.and_then(|index| drafts.get_mut(index)) {
                        match thing {
                            Ok(thing) => draft.add(thing),
                            Err(error) => draft.broken = Some(error),
                        }
                    }
                }
            }
        }
        drafts.into_iter().map(|draft| draft.finish(&ladders)).collect()
    }
}

impl Draft {
    fn add(&mut self, thing: Thing) {
        match thing {
            Thing::Points { partition, position, owed } => {
                self.place = Some((partition, position));
                self.owed.insert(UnitId::POINTS, owed);
            }
            Thing::Unit(unit, owed) => drop(self.owed.insert(unit, owed)),
            Thing::Part(part) => self.parts.push(part),
            Thing::Hold(place, hold) => self.holds.push((place, hold)),
            Thing::Standing(ladder, standing) => self.standings.push((ladder, standing)),
            Thing::Family => self.has_family = true,
        }
    }

    fn finish(mut self, ladders: &BTreeMap<i64, Arc<str>>) -> Result<Option<Recorded>, Error> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let Some((partition, position)) = self.place else { return Ok(None) };
        self.parts.sort_by_key(|part| (part.expires_at, part.lot, part.graced));
        self.holds.sort_by_key(|(place, hold)| (hold.0, *place));
        Ok(Some(Recorded {
            partition,
            position,
            owed: self.owed,
            parts: self.parts,
            holds: self.holds.into_iter().map(|(_, hold)| hold).collect(),
            standings: self.standings,
            ladders: ladders.get(&partition).cloned(),
            has_family: self.has_family,
        }))
    }
}

/// Where the columns are.
const KIND: usize = 0;
const NUMBER: usize = 1;
const INTS: usize = 9;
const GRACED: usize = 15;
const NAME: usize = 16;
const JSON: usize = 17;

impl<'r, R: Row> FromRow<'r, R> for Found
where
    usize: ColumnIndex<R>,
    bool: Column<'r, R>,
    i64: Column<'r, R>,
    Option<i64>: Column<'r, R>,
    &'r str: Column<'r, R>,
    Option<&'r str>: Column<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, Error> {
        Ok(match row.try_get::<i64, _>(KIND)? {
            0 => Self::Nothing,
            6 => {
                let ladders: Option<&str> = row.try_get(JSON)?;
                match ladders {
                    Some(ladders) => Self::Ladders(row.try_get(NUMBER)?, ladders.into()),
                    None => Self::Nothing,
                }
            }
            kind => Self::Of(row.try_get(NUMBER)?, Thing::of(kind, row)),
        })
    }
}

/// What a column of a row can be read as, on either database.
trait Column<'r, R: Row>: Decode<'r, R::Database> + Type<R::Database> {}

impl<'r, R: Row, T: Decode<'r, R::Database> + Type<R::Database>> Column<'r, R> for T {}

impl Thing {
    fn of<'r, R: Row>(kind: i64, row: &'r R) -> Result<Self, Error>
    where
        usize: ColumnIndex<R>,
        bool: Column<'r, R>,
        i64: Column<'r, R>,
        Option<i64>: Column<'r, R>,
        &'r str: Column<'r, R>,
        Option<&'r str>: Column<'r, R>,
    {
        let int = |column: usize| row.try_get::<i64, _>(INTS + column);
        let name = || row.try_get::<&str, _>(NAME);
        let unit = || unit_id(name()?);
        Ok(match kind {
            1 => Self::Points { partition: int(0)?, position: int(1)?, owed: int(2)? },
            2 => Self::Part(Part {
                expires_at: int(0)?,
                lot: int(1)?,
                available: int(2)?,
                held: int(3)?,
                pending: int(4)?,
                available_at: row.try_get(INTS + 5)?,
                graced: row.try_get(GRACED)?,
                unit: unit()?,
            }),
            3 => Self::Unit(unit()?, int(0)?),
            4 => {
                let grace_days = u16::try_from(int(2)?).map_err(undecodable)?;
                let lots = list(row.try_get(JSON)?)?;
                Self::Hold(int(1)?, RecordedHold(int(0)?, lots, grace_days, unit()?))
            }
            5 => {
                let ladder = name()?.parse().map_err(undecodable)?;
                let standing = serde_json::from_str(row.try_get(JSON)?).map_err(undecodable)?;
                Self::Standing(ladder, standing)
            }
            7 => Self::Family,
            _ => return Err(undecodable(format!("a row of an account is of the kind {kind}"))),
        })
    }
}

fn list<T: DeserializeOwned>(json: Option<&str>) -> Result<Vec<T>, Error> {
    let list = json.map(serde_json::from_str).transpose();
    list.map(Option::unwrap_or_default).map_err(undecodable)
}

fn undecodable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Decode(error.into())
}
