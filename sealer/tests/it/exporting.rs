//! What an export writes, and what it does in a folder that has one.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::log::{Log, P0};

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

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}
