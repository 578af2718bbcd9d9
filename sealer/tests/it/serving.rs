//! The routes: what is open, what is for auditors, and what there isn't.

use axum::http::StatusCode;
use transparency::unbundle;

use crate::log::Log;

#[tokio::test]
async fn checkpoint_and_tiles_are_open_and_entries_are_for_auditors() {
    let log = Log::memory().await;
    log.append(300).await;
    let running = log.seal();
    running.until(300).await;
    let note = running.get("/log/0/checkpoint", None).await;
    assert_eq!((note.status, note.kind.as_str()), (StatusCode::OK, "text/plain; charset=utf-8"));
    for (path, bytes) in
        [("0/000", 8_192), ("0/001.p/44", 1_408), ("0/001.p/7", 224), ("1/000.p/1", 32)]
    {
        let tile = running.get(&format!("/log/0/tile/{path}"), None).await;
        assert_eq!((tile.status, tile.bytes.len()), (StatusCode::OK, bytes), "{path}");
        assert_eq!(tile.kind, "application/octet-stream");
    }
    let path = "/log/0/tile/entries/001.p/44";
    for (key, status) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("nobody's"), StatusCode::UNAUTHORIZED),
        (Some("shopper"), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(running.get(path, key).await.status, status, "{key:?}");
    }
    let entries = running.get(path, Some("auditor")).await;
    assert_eq!(entries.status, StatusCode::OK);
    assert_eq!(unbundle(&entries.bytes).expect("a bundle").len(), 44);
    running.stop().await;
}

#[tokio::test]
async fn what_the_newest_checkpoint_does_not_have_is_not_found() {
    let log = Log::memory().await;
    log.append(300).await;
    let running = log.seal();
    let unsealed = log.seal();
    running.until(300).await;
    for path in [
        "0/tile/0/001",
        "0/tile/0/001.p/45",
        "0/tile/0/002.p/1",
        "0/tile/1/000",
        "0/tile/2/000.p/1",
        "0/tile/64/000",
        "0/tile/x",
        "0/tile/0/0",
        "0/tile/0/001.p/044",
        "0/tile/entries/002.p/1",
        "0/tile/0/000.p/256",
        "1/checkpoint",
        "0/handover/0",
        "0/handover/1",
        "0/tile/0/x999/x999/x999/999",
        "0/tile/0/%2e%2e/000",
    ] {
        let answer = running.get(&format!("/log/{path}"), Some("auditor")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["x/checkpoint", "65536/checkpoint", "-1/tile/0/000", "0/handover/x"] {
        let answer = running.get(&format!("/log/{path}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    unsealed.stop().await;
    running.stop().await;
}

#[tokio::test]
async fn nothing_is_served_before_it_is_sealed() {
    let log = Log::memory().await;
    let running = log.seal();
    let answer = running.get("/log/0/checkpoint", None).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let text = String::from_utf8(answer.bytes).expect("a text");
    assert!(text.contains("Nothing of this partition is sealed yet"), "{text}");
    let keys = running.get("/log/keys", None).await;
    assert_eq!(keys.status, StatusCode::OK);
    running.stop().await;
}
