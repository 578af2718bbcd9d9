//! A rush: 5,000 shoppers want 1,000 units at once.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::ledger::{Answer, Ledger};

const SHOPPERS: usize = 5_000;
const UNITS: u64 = 1_000;

/// How many of the requests are on a connection at the same time; the rest stand behind them.
const CONNECTIONS: usize = 400;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_the_stock_is_sold_and_a_repeat_is_the_same_exchange() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::start(folder.path());
    ledger.client.opens("rare", 300, Some(UNITS), Some(1)).await;
    everyone(&ledger, |api, shopper| async move {
        api.earns(&shopper, 500, "B-1").await;
        Answer { status: 201, body: serde_json::Value::Null, position: None }
    })
    .await;

    let asked = everyone(&ledger, |api, shopper| async move {
        loop {
            let answer = api.redeems(&shopper, "x-1", "rare").await;
            if answer.status != 503 {
                return answer;
            }
        }
    })
    .await;
    let accepted: HashMap<&String, &Answer> =
        asked.iter().filter(|(_, answer)| answer.status == 201).collect();
    assert_eq!(accepted.len() as u64, UNITS);
    for (shopper, answer) in &asked {
        if !accepted.contains_key(shopper) {
            answer.is_problem(409, "sold-out");
        }
    }

    for (shopper, answer) in &accepted {
        let again = ledger.client.redeems(shopper, "x-1", "rare").await;
        assert_eq!(again.is(200), answer.body);
    }
    let last = ledger.client.earns("probe", 1, "B-1").await;
    let offer = ledger.client.get_after(&last, "operator", "/v1/offers/rare").await.is(200);
    assert_eq!(offer["remaining"], 0);
    let requests = ledger.client.list("warehouse", "/v1/shipping-requests").await;
    assert_eq!(requests.len() as u64, UNITS, "one parcel for each");
    assert_eq!(ledger.stop(), Some(0));
}

/// Every shopper does the same, and gets an answer.
async fn everyone<F>(
    ledger: &Ledger,
    act: impl Fn(crate::ledger::Api, String) -> F,
) -> HashMap<String, Answer>
where
    F: Future<Output = Answer> + Send + 'static,
{
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let mut asking = JoinSet::new();
    for shopper in 0..SHOPPERS {
        let shopper = format!("shopper-{shopper}");
        let (turns, acted) = (turns.clone(), act(ledger.client.clone(), shopper.clone()));
        asking.spawn(async move {
            let _turn = turns.acquire_owned().await.expect("never closed");
            (shopper, acted.await)
        });
    }
    asking.join_all().await.into_iter().collect()
}
