//! The provider's server is slow, down or talks nonsense: known keys are believed, API keys are let
//! in, and the ledger starts and goes on asking, but not too often.

use std::time::{Duration, Instant};

use jsonwebtoken::Algorithm;
use serde_json::json;
use services::{IdentityProvider, Trouble};

use super::{Setting, key, start, token};
use crate::ledger::PATIENCE;
use crate::raw::resident_kib;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_keys_are_believed_while_the_server_is_in_trouble() {
    let setting = Setting::start(&["--jwt-keys-refresh", "1s"]);
    let known = token(&setting.key, "ann");
    let unknown = token(&key("k-2", Algorithm::ES256), "ann");
    assert_eq!(setting.status(&known).await, 200);
    let (rss, most) = (resident_kib(&setting.ledger), 100 * 1024 * 1024);
    for (trouble, words) in [
        (Trouble::Slow, "timed out"),
        (Trouble::Down, "the server doesn't give its keys"),
        (Trouble::Long(most), "more than 524288 bytes"),
        (Trouble::Status(503), "the status 503"),
        (Trouble::Moved, "the status 302"),
        (Trouble::Nonsense, "not a JSON Web Key Set"),
    ] {
        let sent = setting.provider.sent();
        setting.provider.has(trouble);
        let begun = Instant::now();
        let answer = setting.with(&unknown).get("shopper", "/v1/policy").await;
        answer.is_problem(503, "token-keys-unavailable");
        assert!(begun.elapsed() < Duration::from_secs(5), "{trouble:?}: {:?}", begun.elapsed());
        let begun = Instant::now();
        assert_eq!(setting.status(&known).await, 200, "{trouble:?}");
        setting.ledger.client.get("shopper", "/v1/policy").await.is(200);
        assert!(begun.elapsed() < Duration::from_secs(1), "{trouble:?}: {:?}", begun.elapsed());
        let begun = Instant::now();
        while !setting.health().await.to_string().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "{trouble:?} isn't told");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What was read of it, and what the system keeps of a connection.
        assert!(setting.provider.sent() - sent < 16 * 1024 * 1024, "{trouble:?}");
    }
    let grown = resident_kib(&setting.ledger).saturating_sub(rss);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    let health = setting.health().await;
    assert_eq!((&health["status"], &health["keys"]), (&json!("keys-out-of-date"), &json!(1)));
    assert!(health["why"].is_string(), "{health}");

    setting.provider.has(Trouble::None);
    assert_eq!(setting.refused(&unknown).await, "unknown-key");
    assert_eq!(setting.health().await, json!({"status": "serving", "keys": 1}));
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_of_known_keys_ends() {
    let grace = ["--jwt-keys-refresh", "1s", "--jwt-keys-grace", "2s"];
    let setting = Setting::start(&grace);
    let ann = token(&setting.key, "ann");
    assert_eq!(setting.status(&ann).await, 200);
    setting.provider.has(Trouble::Down);
    setting.becomes(&ann, 503).await;
    setting.ledger.client.get("shopper", "/v1/policy").await.is(200);
    assert_eq!(setting.health().await["status"], "no-keys");
    setting.provider.has(Trouble::None);
    setting.becomes(&ann, 200).await;
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_starts_without_the_provider_and_takes_tokens_once_it_is_there() {
    let key = key("k-1", Algorithm::ES256);
    let provider = IdentityProvider::start(&[&key]).expect("a provider");
    provider.has(Trouble::Down);
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = start(&folder, &provider, &[]);
    let setting = Setting { provider, key, ledger, folder };
    let ann = token(&setting.key, "ann");
    assert_eq!(setting.status(&ann).await, 503);
    setting.ledger.client.get("shopper", "/v1/policy").await.is(200);
    setting.provider.has(Trouble::None);
    assert_eq!(setting.status(&ann).await, 200, "the first call");
    assert_eq!(setting.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_start_waits_for_a_provider_that_is_silent_and_strangers_do_not_keep_it_busy() {
    let key = key("k-1", Algorithm::ES256);
    let provider = IdentityProvider::start(&[&key]).expect("a provider");
    provider.has(Trouble::Slow);
    let folder = tempfile::tempdir().expect("a folder");
    let begun = Instant::now();
    let ledger = start(&folder, &provider, &[]);
    ledger.client.get("shopper", "/v1/policy").await.is(200);
    assert!(begun.elapsed() < Duration::from_secs(4), "ready after {:?}", begun.elapsed());
    let setting = Setting { provider, key, ledger, folder };
    let ann = token(&setting.key, "ann");
    assert_eq!(setting.status(&ann).await, 503);
    assert_eq!(setting.health().await["status"], "no-keys");

    // The first look takes five seconds; then the others come after one, two, four seconds.
    setting.provider.has(Trouble::Status(503));
    let (asked, begun) = (setting.provider.asked(), Instant::now());
    while begun.elapsed() < Duration::from_secs(5) {
        assert_eq!(setting.status(&ann).await, 503);
    }
    let looks = setting.provider.asked() - asked;
    assert!((1..=3).contains(&looks), "{looks} in {:?}", begun.elapsed());
    assert_eq!(setting.ledger.stop(), Some(0));
}
