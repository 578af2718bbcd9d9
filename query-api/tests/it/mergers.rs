//! Reads of accounts that were merged: either id shows both.

use domain::command::{MergeAccount, MergerStep};
use domain::{AccountId, Command};
use log_record::Position;
use serde_json::{Value, json};

use crate::asks::Reads;
use testing::ledger::{On, id};
use testing::partitions::{Partitions, SHOPPERS, life};

testing::on_every_database! {
    either_id_shows_what_both_have,
}

fn merge(from: &str, into: &str, step: MergerStep) -> Command {
    let (account_id, into) = (id(from), id(into));
    Command::MergeAccount(MergeAccount { account_id, into, step })
}

fn begun(log: &Partitions, account: &str) -> Position {
    let state = &log.states()[usize::from(log.home(account).0)];
    state.merger(&id::<AccountId>(account)).expect("it is begun").at
}

/// What an account shows, without what says which account it is.
fn sums(body: &Value) -> Value {
    let mut body = body.clone();
    let fields = body.as_object_mut().expect("an object");
    fields.retain(|name, _| !["account_id", "merged_into", "position"].contains(&name.as_str()));
    body
}

async fn either_id_shows_what_both_have(on: On) {
    let mut log = life(on).await;
    log.deliver().await;
    let reads = Reads::over(&log.ledger).await;
    let old = SHOPPERS[0];
    let mut elsewhere = SHOPPERS.iter().filter(|other| log.home(other) != log.home(old));
    let new = *elsewhere.next().expect("somebody in another partition");
    let last = *elsewhere.next().expect("another");
    let [of_old, of_new] = [old, new].map(|account| format!("/v1/accounts/{account}"));
    let before = [reads.get(&of_old).await, reads.get(&of_new).await];
    let count = async |path: &str| reads.whole(path).await.len();
    let entries = [
        count(&format!("{of_old}/entries?limit=500")).await,
        count(&format!("{of_new}/entries?limit=500")).await,
    ];
    let exchanges = [
        count(&format!("{of_old}/exchanges?limit=50")).await,
        count(&format!("{of_new}/exchanges?limit=50")).await,
    ];

    let statement = reads.whole(&format!("{of_new}/entries?limit=500")).await;
    let begun_pages = reads.get(&format!("{of_new}/entries?limit=3")).await;

    let taken = async |of: String| {
        let offer = reads.get(&format!("{of}/offers/mug")).await;
        offer["taken"].as_u64().expect("a count")
    };
    let takes = [taken(of_old.clone()).await, taken(of_new.clone()).await];
    log.does(merge(old, new, MergerStep::Asked)).await;
    let at = begun(&log, old);
    log.does(merge(old, new, MergerStep::Agreed(at))).await;
    reads.project().await;
    // It is on its way, and the old id says where to.
    assert_eq!(reads.get(&of_old).await["merged_into"], new);
    let totals = reads.get("/v1/totals").await;
    assert_eq!(totals["difference"], "0", "{totals}");
    log.deliver().await;
    reads.project().await;

    // Pages that were begun before go on as if nothing had been merged.
    let mut page = begun_pages;
    let mut paged = page["items"].as_array().expect("items").clone();
    while let Some(cursor) = page["next"].as_str() {
        page = reads.get(&format!("{of_new}/entries?limit=3&cursor={cursor}")).await;
        paged.extend(page["items"].as_array().expect("items").iter().cloned());
    }
    assert_eq!(paged, statement);

    let shown = reads.get(&of_new).await;
    for field in ["available", "held", "pending", "owed"] {
        let sum: u64 = before.iter().map(|body| body[field].as_u64().expect("a sum")).sum();
        assert_eq!(shown[field], sum, "{field}: {shown}");
    }
    let counted = |body: &Value| body["tiers"]["status"]["counted"].as_u64().expect("a count");
    assert_eq!(counted(&shown), counted(&before[0]) + counted(&before[1]), "{shown}");
    assert_eq!(shown["tiers"]["status"]["tier"], "silver");
    let having = reads.whole("/v1/ladders/status/accounts?limit=50").await;
    let has = |account: &str| having.iter().any(|it| it["account_id"] == account);
    assert_eq!((has(old), has(new)), (false, true), "{having:?}");
    assert_eq!(taken(of_new.clone()).await, takes[0] + takes[1]);
    assert_eq!(shown["shows"].as_array().map(Vec::len), Some(2));
    assert_eq!(sums(&reads.get(&of_old).await), sums(&shown));
    for of in [&of_old, &of_new] {
        let statement = reads.whole(&format!("{of}/entries?limit=3")).await;
        let moved = statement.iter().filter(|entry| {
            entry["transfer_id"].as_str().is_some_and(|it| it.starts_with("~merger-"))
        });
        assert_eq!(statement.len(), entries[0] + entries[1] + moved.count());
        let times: Vec<_> = statement.iter().map(|it| it["recorded_at"].as_str()).collect();
        assert!(times.is_sorted_by(|later, earlier| later >= earlier), "{times:?}");
        let first = &statement.iter().find(|it| it["unit"] == "points").expect("points");
        assert_eq!(first["balance"], shown["available"], "{first}");
        let others = statement.iter().filter(|it| it["account_id"] != json!(null)).count();
        assert!(others > 0 && others < statement.len());
        let both = reads.whole(&format!("{of}/exchanges?limit=1")).await;
        assert_eq!(both.len(), exchanges[0] + exchanges[1]);
        reads.get(&format!("{of}/expiry?since=1970-01-01T00:00:00Z")).await;
        reads.get(&format!("{of}/lots")).await;
        assert_eq!(reads.get_anew(of).await, reads.get(of).await);
    }
    assert_eq!(reads.get(&format!("{of_old}/merger")).await["into"], new);
    let totals = reads.get("/v1/totals").await;
    assert_eq!((&totals["difference"], &totals["in_transit"]), (&json!("0"), &json!("0")));

    // A chain shows all of it, from each of its ids.
    log.does(merge(new, last, MergerStep::Asked)).await;
    if log.home(new) != log.home(last) {
        let at = begun(&log, new);
        log.does(merge(new, last, MergerStep::Agreed(at))).await;
    }
    log.deliver().await;
    reads.project().await;
    let shown = reads.get(&format!("/v1/accounts/{last}")).await;
    assert_eq!(shown["shows"].as_array().map(Vec::len), Some(3));
    for of in [&of_old, &of_new] {
        let read = reads.get(of).await;
        assert_eq!((sums(&read), &read["merged_into"]), (sums(&shown), &json!(last)));
    }
    reads.ledger.check_sums().await;
}
