//! A pooler before the PostgreSQL: one that gives each client a session is used, any other is
//! refused at the start.

use std::process::Command;

use services::PgBouncer;

use crate::ledger::server::{DATABASE, Folder, Server};
use crate::ledger::{Ledger, ends, said, serve};

#[test]
fn a_pooler_that_gives_sessions_away_is_refused_before_postgres() {
    let server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    server.migrate(folder.path());
    for mode in ["transaction", "statement"] {
        let files = Folder::new();
        let pooler = PgBouncer::start(&files.0, server.port(), mode).expect("it starts");
        let url = pooler.url(DATABASE);
        let mut serving = serve(folder.path());
        serving.args(["--store", &url]);
        let mut reading = serve(folder.path());
        reading.args(["--store", &server.store(), "--read-model", &url]);
        for command in [serving, migrating(&url), reading] {
            let output = ends(command);
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success(), "{mode}: {error}");
            assert!(error.contains("pooler in transaction or statement mode"), "{mode}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_session_mode_is_used_before_postgres() {
    let server = Server::start(&[]);
    let files = Folder::new();
    let pooler = PgBouncer::start(&files.0, server.port(), "session").expect("it starts");
    let url = pooler.url(DATABASE);
    let folder = tempfile::tempdir().expect("a folder");
    let migrated = ends(migrating(&url));
    assert!(migrated.status.success(), "{migrated:?}");
    let ledger = Ledger::start_on(&url, folder.path(), &["--read-model", &url]);
    let position = ledger.client.earns("ann", 500, "B-1").await;
    let account = ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 500);
    assert_eq!(ledger.stop(), Some(0), "{}", said(folder.path()));
}

fn migrating(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args(["migrate", "--store", url, "--read-model", url]);
    command
}
