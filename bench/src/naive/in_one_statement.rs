//! The transaction as one statement, and so one round trip.

use deadpool_postgres::Object;
use tokio_postgres::Error;

use super::Redemption;

const REDEEM: &str = include_str!("redeem.sql");
const REDEEM_FROM_STOCK: &str = include_str!("redeem_from_stock.sql");

/// Whether it was accepted; not, where there isn't enough credit.
pub(super) async fn redeem(client: &Object, wanted: &Redemption) -> Result<bool, Error> {
    let Redemption { id, offer_id, quantity, points, deliver_to, is_limited } = wanted;
    let sql = if *is_limited { REDEEM_FROM_STOCK } else { REDEEM };
    let statement = client.prepare_cached(sql).await?;
    let values: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&id.0, &id.1, offer_id, quantity, points, deliver_to];
    Ok(client.execute(&statement, &values).await? == 1)
}
