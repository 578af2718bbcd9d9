//! Whoever reaches an account reaches those that were merged into it, also where no read table
//! tells of them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use command_api::{CommandApi, WriterConfig, Writers};
use event_store::{EventStore, MemoryStore, NewLog};
use log_record::{LogId, Principal};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;
use wire::{ApiKey, KeyHash, KeyRing, Role, Scopes};

async fn start(store: &MemoryStore) -> Router {
    let key = |role: Role, account_id: Option<&str>| {
        let principal = Principal::of_role(role.as_str());
        let account_id = account_id.map(Into::into);
        let key = ApiKey::new(role, Scopes::default(), account_id, None, principal);
        (KeyHash::of(role.as_str()), key)
    };
    let keys = [key(Role::Operator, None), key(Role::Shopper, Some("bob"))];
    let (log, keys) = (EventStore::Memory(store.clone()), KeyRing::from_iter(keys));
    let config = WriterConfig {
        keys: Some(keys.clone()),
        ..WriterConfig::new(log.clone(), Duration::from_secs(5))
    };
    let (writers, _) = Writers::start(config).await.expect("it starts");
    command_api::router(CommandApi::new(writers, log, keys))
}

async fn put(api: &Router, role: Role, path: &str, body: Value) -> u16 {
    let request = Request::builder().method("PUT").uri(path);
    let request = request.header("authorization", format!("Bearer {}", role.as_str()));
    let request = request.header("content-type", "application/json");
    let request = request.body(Body::from(body.to_string())).expect("a request");
    api.clone().oneshot(request).await.expect("answered").status().as_u16()
}

#[tokio::test]
async fn a_shopper_still_reaches_the_account_that_was_merged_into_theirs_after_a_restart() {
    let log_id = LogId(Uuid::from_u128(7));
    let store = MemoryStore::new(NewLog { log_id, partitions: 1 });
    let api = start(&store).await;
    for account in ["/v1/accounts/ann", "/v1/accounts/bob"] {
        assert_eq!(put(&api, Role::Operator, account, json!({})).await, 201);
    }
    let hold = || json!({"points": 1, "deadline": "2099-01-01T00:00:00Z"});
    let of_ann = "/v1/accounts/ann/holds/h-1";
    assert_eq!(put(&api, Role::Shopper, of_ann, hold()).await, 404, "it is somebody else's");
    let into = json!({"into": "bob"});
    assert_eq!(put(&api, Role::Operator, "/v1/accounts/ann/merger", into).await, 201);
    drop(api);

    let api = start(&store).await;
    assert_eq!(put(&api, Role::Shopper, of_ann, hold()).await, 409, "it was merged");
}
