//! The codes that exchanges got. They are in no table: the tables know where in the log each is,
//! and whoever starts the API gives it a function that reads it there ([`ReadCode`]).

use std::sync::Arc;
use std::time::Duration;

use domain::{AccountId, Code};
use futures_util::future::BoxFuture;
use log_record::{PackedPlace, Place};
use read_model::{Query, ReadModel};
use wire::Problem;

use crate::cell::split_place;
use crate::failed;
use crate::freshness::unread;

const LIST: Query = Query::same(include_str!("sql/list_codes_of_account.sql"));

/// Reads the code that the event at a place has; nothing once it was erased.
pub type ReadCode =
    Arc<dyn Fn(Place) -> BoxFuture<'static, Result<Option<Code>, Problem>> + Send + Sync>;

/// Where the codes stand that an account got by the event at a place, for whoever erases them. The
/// tables have that event by then.
pub async fn codes_of(
    read_model: &ReadModel,
    account_id: &AccountId,
    by: Place,
    wait_max: Duration,
) -> Result<Vec<Place>, Problem> {
    let mut reading = read_model.read(&[by], wait_max).await.map_err(unread)?;
    let by = PackedPlace::from(by).as_i64();
    let rows: Vec<(i64,)> =
        reading.all(LIST, &[account_id.as_str().into(), by.into()]).await.map_err(failed)?;
    Ok(rows.into_iter().map(|(place,)| split_place(place)).collect())
}
