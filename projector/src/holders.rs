//! Who holds the live tables on a PostgreSQL, as far as its server tells.

use tokio_postgres::{Client, Error};

const HOLDERS: &str = include_str!("sql/postgres/list_holders.sql");

pub(crate) async fn holders(client: &Client) -> Result<String, Error> {
    let rows = client.query(HOLDERS, &[]).await?;
    let holders = rows.iter().map(|row| row.try_get::<_, String>(0));
    Ok(holders.collect::<Result<Vec<_>, _>>()?.join("; "))
}
