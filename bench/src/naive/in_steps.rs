//! The transaction as most write it: begin, a statement for each table, commit. The statements are
//! sent in one go.

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use super::Redemption;

const DEBIT_CREDIT: &str = include_str!("debit_credit.sql");
const INSERT_EXCHANGE: &str = include_str!("insert_exchange.sql");
const INSERT_SHIPPING_REQUEST: &str = include_str!("insert_shipping_request.sql");
const TAKE_STOCK: &str = include_str!("take_stock.sql");

/// Whether it was accepted; not, where there isn't enough credit.
pub(super) async fn redeem(client: &mut Object, wanted: &Redemption) -> Result<bool, Error> {
    let Redemption { id, offer_id, quantity, points, deliver_to, is_limited } = wanted;
    let transaction = client.transaction().await?;
    let debit: [&(dyn ToSql + Sync); 2] = [&id.0, points];
    let exchange: [&(dyn ToSql + Sync); 5] = [&id.0, &id.1, offer_id, quantity, points];
    let shipping: [&(dyn ToSql + Sync); 5] = [&id.0, &id.1, offer_id, quantity, deliver_to];
    let stock: [&(dyn ToSql + Sync); 2] = [offer_id, quantity];
    let take_stock =
        async { if *is_limited { execute(&transaction, TAKE_STOCK, &stock).await } else { Ok(1) } };
    // In this order, so that the stock's row, which everybody wants, is locked last.
    let (debited, exchanged, shipped, taken) = tokio::join!(
        biased;
        execute(&transaction, DEBIT_CREDIT, &debit),
        execute(&transaction, INSERT_EXCHANGE, &exchange),
        execute(&transaction, INSERT_SHIPPING_REQUEST, &shipping),
        take_stock,
    );
    let is_accepted = debited? == 1;
    exchanged?;
    shipped?;
    taken?;
    if is_accepted {
        transaction.commit().await?;
    } else {
        transaction.rollback().await?;
    }
    Ok(is_accepted)
}

async fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
) -> Result<u64, Error> {
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, values).await
}
