//! What of an account is still to be shipped, for whoever erases its addresses.

use std::time::Duration;

use domain::AccountId;
use log_record::{Place, Position};
use read_model::{Query, ReadModel};
use wire::Problem;

use crate::failed;
use crate::family::Family;
use crate::freshness::unread;

const COUNT: Query = Query::same(include_str!("sql/count_unshipped_requests.sql"));

/// How many shipping requests of the account have goods that haven't left, and up to which event of
/// the account's partition the tables knew that. They have the event at `at` by then. And the other
/// accounts that were merged into it, where it wasn't merged itself.
pub async fn unshipped(
    read_model: &ReadModel,
    account_id: &AccountId,
    at: Place,
    wait_max: Duration,
) -> Result<(u64, Position, Vec<AccountId>), Problem> {
    let mut reading = read_model.read(&[at], wait_max).await.map_err(unread)?;
    let as_of = reading.as_of().position(at.partition);
    let (requests,): (i64,) =
        reading.one(COUNT, &[account_id.as_str().into()]).await.map_err(failed)?;
    let Family { mut accounts, end, .. } =
        Family::read(&mut reading, account_id).await.map_err(failed)?;
    accounts.retain(|other| end == *account_id && other != account_id);
    Ok((requests.unsigned_abs(), as_of, accounts))
}
