//! The credit that shoppers have before they redeem, given a thousand earnings a call.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use domain::Timestamp;

use crate::connection::{Ask, Connection};
use crate::contender::Credit;

/// The most that a call takes.
const CALL: usize = 1_000;

/// How many lots expire.
const EXPIRING: u64 = 1_000_000;

/// How long it takes at most to give so many.
const GIVING: Duration = Duration::from_secs(100);

/// Gives every shopper credit, as the contender wants it; the log's last position.
pub(crate) async fn give(
    connection: &mut Connection,
    key: &str,
    shoppers: u64,
    credit: Credit,
) -> anyhow::Result<u64> {
    let mut last = match credit {
        Credit::Plenty | Credit::Expiring => {
            let lots = (0..shoppers).map(|shopper| (format!("shopper-{shopper}"), 0, None));
            give_all(connection, key, 1_000_000_000, lots).await?
        }
        Credit::OneLot => {
            let lots = (0..shoppers).map(|shopper| (format!("shopper-{shopper}"), 0, None));
            give_all(connection, key, 10_000, lots).await?
        }
        // Ten points a lot, at a price of seven: every redemption draws on one lot or two.
        Credit::ThousandLots => {
            let first = Timestamp::from_system(clock())?.plus_days(30);
            let lots = (0..shoppers * 1_000).map(|number| {
                let lot = number / shoppers;
                let expires = first.plus_days(u32::try_from(lot).unwrap_or_default());
                (format!("shopper-{}", number % shoppers), lot, Some(expires))
            });
            give_all(connection, key, 10, lots).await?
        }
    };
    if credit == Credit::Expiring {
        let expires_at = clock() + GIVING;
        let expires = Timestamp::from_system(expires_at)?;
        let lots = (0..EXPIRING).map(|other| (format!("other-{other}"), 0, Some(expires)));
        last = give_all(connection, key, 10, lots).await?;
        let left = expires_at.duration_since(clock()).ok();
        let left = left.context("the lots expired before all of them were given")?;
        tokio::time::sleep(left).await;
    }
    Ok(last)
}

/// Lots are (account, number within the account, expiry).
async fn give_all(
    connection: &mut Connection,
    key: &str,
    points: u64,
    lots: impl Iterator<Item = (String, u64, Option<Timestamp>)>,
) -> anyhow::Result<u64> {
    let (mut lots, mut last) = (lots.peekable(), 0);
    while lots.peek().is_some() {
        let mut body = String::from(r#"{"credits":["#);
        for (count, (account, number, expires)) in lots.by_ref().take(CALL).enumerate() {
            let comma = if count > 0 { "," } else { "" };
            let expires = expires.map_or_else(String::new, |at| format!(r#","expires_at":"{at}""#));
            write!(
                body,
                r#"{comma}{{"account_id":"{account}","points":{points},"cause":{{"kind":"promotion","id":"bench-{number}"}}{expires}}}"#
            )?;
        }
        body.push_str("]}");
        last = connection.must(200, Ask::post("/v1/credits", key, &body)).await?.position;
        ensure!(last > 0, "giving credit was answered without a position");
    }
    Ok(last)
}

#[expect(clippy::disallowed_methods, reason = "what opens or expires does so by the wall clock")]
pub(crate) fn clock() -> SystemTime {
    SystemTime::now()
}
