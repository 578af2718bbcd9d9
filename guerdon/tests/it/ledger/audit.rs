//! The log itself against what callers were told, and the read model against the log.

use std::collections::BTreeMap;
use std::path::Path;

use domain::Event;
use event_store::{Access, EventStore, StoreUrl};
use log_record::RecordedEvent;
use read_model::{ReadModel, ReadModelUrl};
use serde_json::json;

use super::load::{CREDIT, Known, Load, PRICE, RARE, SHOPPERS};
use super::log::read_all;
use super::tool::{sqlite, succeeds, tool};
use super::{Api, ends};

/// Every event of the log. Reading checks that positions are dense and every row is intact.
pub(crate) async fn events(url: &StoreUrl) -> Vec<RecordedEvent> {
    let store = EventStore::open(url, Access::Read).await.expect("the log opens");
    read_all(&store).await.expect("intact and dense")
}

/// Where each exchange stands, and of which offer it is. One that is there twice fails.
pub(crate) fn exchanges(events: &[RecordedEvent]) -> BTreeMap<(String, String), (u64, String)> {
    let mut there = BTreeMap::new();
    for row in events {
        let (_, event) = event_schema::decode(row).expect("it decodes");
        if let Event::ExchangeCreated(_, fact) = &event {
            let account = row.account_id.as_deref().unwrap_or_default().to_owned();
            let key = (account, fact.exchange_id.to_string());
            let at = (row.position().0, fact.offer_id.to_string());
            let before = there.insert(key.clone(), at);
            assert_eq!(before, None, "{key:?} is there twice");
        }
    }
    there
}

/// While nobody redeems: every answered exchange is in the log once and where its answer says,
/// nothing is that was said not to be decided, nothing was oversold or wrongly refused, and the
/// credit adds up.
pub(crate) async fn check(load: &Load, url: &StoreUrl) {
    let there = exchanges(&events(url).await);
    let sent = load.sent().clone();
    let mut spent = BTreeMap::<&str, u64>::new();
    for key in there.keys() {
        assert!(sent.contains_key(key), "nobody sent {key:?}");
        *spent.entry(&key.0).or_default() += PRICE;
    }
    let rare = there.values().filter(|(_, offer)| offer == RARE).count();
    let rare = u64::try_from(rare).expect("it fits");
    assert!(rare <= load.rare_units(), "{rare} of {} were sold", load.rare_units());
    for (key, sent) in &sent {
        let at = there.get(key).map(|(position, _)| format!("0:{position}"));
        match &sent.known {
            Known::Answered(body) => {
                assert_eq!(at.as_deref(), body["position"].as_str(), "{key:?}: {body}");
            }
            Known::NotDecided => assert_eq!(at, None, "{key:?} was not decided"),
            Known::SoldOut => {
                assert_eq!(at, None, "{key:?} was sold out");
                assert_eq!(rare, load.rare_units(), "told to be sold out, and it was not");
            }
            Known::InDoubt => {}
        }
    }
    let api = load.api();
    sees_all(&api).await;
    for shopper in 0..SHOPPERS {
        let account = format!("shopper-{shopper}");
        let balance = api.get("auditor", &format!("/v1/accounts/{account}")).await.is(200);
        let spent = spent.get(account.as_str()).copied().unwrap_or_default();
        assert_eq!(balance["available"], CREDIT - spent, "{account} adds up");
    }
    let totals = api.get("auditor", "/v1/totals").await.is(200);
    assert_eq!(totals["difference"], "0", "{totals}");
}

/// Waits until a read contains all that was written before: a write of one's own, and it.
async fn sees_all(api: &Api) {
    let id = uuid::Uuid::now_v7().to_string();
    let body = json!({"points": 1, "cause": {"kind": "review", "id": id}});
    let written = api.post("merchant", "/v1/accounts/probe/credits", body).await;
    let position = written.position.expect("a position");
    api.get_after(&position, "auditor", "/v1/accounts/probe").await.is(200);
}

/// The read model in use, row by row, against one that is made anew from the log. Nobody writes
/// meanwhile.
pub(crate) async fn check_read_model(load: &Load, folder: &Path, store: &str) {
    sees_all(&load.api()).await;
    let anew = folder.join(format!("anew-{}.sqlite", uuid::Uuid::now_v7()));
    rebuild(folder, store, Some(&anew));
    let (live, anew) = (dump(&folder.join("read-model.sqlite")).await, dump(&anew).await);
    assert_eq!(live.len(), anew.len(), "the read model has other rows than the log makes");
    for (live, anew) in live.iter().zip(&anew) {
        assert_eq!(live, anew);
    }
}

/// `guerdon rebuild`.
pub(crate) fn rebuild(folder: &Path, store: &str, into: Option<&Path>) {
    let mut command = tool(folder, &["rebuild", "--store", store]);
    if let Some(file) = into {
        command.arg("--read-model").arg(sqlite(file));
    }
    succeeds(ends(command));
}

/// A read model's rows, without what stands beside it.
pub(crate) async fn dump(file: &Path) -> Vec<String> {
    let url = ReadModelUrl::Sqlite(file.to_owned());
    let model = ReadModel::open(&url, None).await.expect("it opens");
    read_model::dump(&model).await.expect("it can be read")
}
