//! What every store promises of its API keys.

use event_store::{ApiKeyChange, ApiKeyRow, StoreError};

use crate::stores::Fixture;

fn api_key(id: &str, byte: u8) -> ApiKeyRow {
    ApiKeyRow {
        id: id.into(),
        role: "shopper".into(),
        hash: [byte; 32],
        label: "the till".into(),
        scopes: "read-only".into(),
        account_id: Some("ann".into()),
        name: Some("Ann".into()),
        created_at: byte.into(),
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

pub(super) async fn api_keys_are_added_and_read_in_their_order(Fixture { store, .. }: Fixture) {
    assert!(store.api_keys().await.expect("read").is_empty());
    let keys = [api_key("k-1", 1), api_key("k-2", 2), api_key("k-3", 3)];
    let [one, two, three] = keys.clone().map(ApiKeyChange::Add);
    store.change_api_keys(vec![one, two]).await.expect("changed");
    store.change_api_keys(vec![three]).await.expect("changed");
    assert_eq!(store.api_keys().await.expect("read"), keys);
}

pub(super) async fn an_api_key_with_the_id_or_the_text_of_another_is_refused(
    Fixture { store, .. }: Fixture,
) {
    let add = |id, byte| ApiKeyChange::Add(api_key(id, byte));
    store.change_api_keys(vec![add("k-1", 1)]).await.expect("changed");
    for taken in [add("k-1", 2), add("k-2", 1)] {
        let refused = store.change_api_keys(vec![add("k-3", 3), taken]).await;
        assert!(matches!(refused, Err(StoreError::ApiKeyExists)), "{refused:?}");
    }
    assert_eq!(store.api_keys().await.expect("read"), [api_key("k-1", 1)]);
}

pub(super) async fn an_api_key_ends_once_and_its_latest_use_counts(Fixture { store, .. }: Fixture) {
    let [one, two] = [api_key("k-1", 1), api_key("k-2", 2)];
    let id = || "k-1".to_owned();
    store.change_api_keys([one, two.clone()].map(ApiKeyChange::Add).into()).await.expect("changed");
    let both = |a, b| {
        let revoke = |at| ApiKeyChange::Revoke { id: id(), at };
        let expire = |at| ApiKeyChange::Expire { id: id(), at };
        let used = |at| ApiKeyChange::Use { id: id(), at };
        vec![revoke(a), revoke(b), expire(b), expire(a), used(a), used(b)]
    };
    store.change_api_keys(both(50, 60)).await.expect("changed");
    store.change_api_keys(both(55, 57)).await.expect("changed");
    let ended = ApiKeyRow {
        revoked_at: Some(50),
        expires_at: Some(50),
        last_used_at: Some(60),
        ..api_key("k-1", 1)
    };
    assert_eq!(store.api_keys().await.expect("read"), [ended, two]);
    let unknown = vec![ApiKeyChange::Revoke { id: "k-9".into(), at: 1 }];
    store.change_api_keys(unknown).await.expect("it changes nothing");
}
