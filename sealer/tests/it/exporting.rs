//! What an export writes, and what it does in a folder that has one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::log::{LOG, Log, P0};

#[tokio::test]
async fn a_web_server_may_read_what_is_exported() {
    let log = Log::memory().await;
    log.append(300).await;
    log.seal_all().await;
    let home = tempfile::tempdir().expect("a folder");
    let into = home.path().join("made/exported");
    sealer::export(&log.store, &log.folder(), P0, true, &into).await.expect("exported");
    for file in ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"] {
        assert_eq!(mode(&into.join(file)), 0o644, "{file}");
    }
    for folder in ["", "tile", "tile/0", "tile/0/001.p"] {
        assert_eq!(mode(&into.join(folder)), 0o755, "{folder}");
    }
}

#[tokio::test]
async fn a_further_export_puts_right_what_was_spoilt_and_leaves_the_rest() {
    let log = Log::memory().await;
    log.append(600).await;
    log.seal_all().await;
    let into = tempfile::tempdir().expect("a folder");
    let (folder, into) = (log.folder(), into.path());
    let export = || sealer::export(&log.store, &folder, P0, true, into);
    // Three tiles of leaves and one above, three of entries, and the checkpoint.
    assert_eq!(export().await.expect("exported").files_written, 8);
    assert_eq!(export().await.expect("exported").files_written, 1, "the checkpoint");
    let mut flipped = fs::read(into.join("tile/entries/001")).expect("read");
    flipped[100] ^= 4;
    for (file, spoilt) in
        [("tile/0/000", vec![]), ("tile/entries/000", vec![]), ("tile/entries/001", flipped)]
    {
        let whole = fs::read(into.join(file)).expect("read");
        fs::write(into.join(file), spoilt).expect("written");
        assert_eq!(export().await.expect("exported").files_written, 2, "{file}");
        assert!(fs::read(into.join(file)).expect("read") == whole, "{file}");
    }
}

#[tokio::test]
async fn a_folder_with_another_trees_export_is_refused() {
    let log = Log::memory().await;
    log.append(300).await;
    log.seal_all().await;
    let into = tempfile::tempdir().expect("a folder");
    sealer::export(&log.store, &log.folder(), P0, true, into.path()).await.expect("exported");
    let before = fs::read(into.path().join("checkpoint")).expect("read");
    log.fork().await;
    log.seal_all().await;
    let export = sealer::export(&log.store, &log.folder(), P0, true, into.path()).await;
    let refused = export.expect_err("it is of another generation").to_string();
    let expected = format!("has an export of guerdon/{LOG}-1-0, and this is guerdon/{LOG}-2-0");
    assert!(refused.contains(&expected), "{refused}");
    assert_eq!(fs::read(into.path().join("checkpoint")).expect("read"), before);
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}
