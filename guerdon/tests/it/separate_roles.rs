//! A PostgreSQL where one role owns the schemas and another one serves, as
//! `docs/operations/postgresql.md` says it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::ledger::server::{DATABASE, Server};
use crate::ledger::{Ledger, ends, serve};

const ROLES: [&str; 4] = [
    "create role guerdon_owner login",
    "create role guerdon_server login",
    "grant create on database postgres to guerdon_owner",
    "grant guerdon_server to guerdon_owner",
];

const GRANTS: &str = "
    grant usage, create on schema guerdon_log to guerdon_server;
    grant select, insert, update, delete on all tables in schema guerdon_log to guerdon_server;
    alter table guerdon_log.event owner to guerdon_server;
    grant usage on schema guerdon_read_model to guerdon_server;
    grant select, insert, update, delete on all tables in schema guerdon_read_model
        to guerdon_server;
    grant usage on schema guerdon_publisher to guerdon_server;
    grant select, insert, update, delete on all tables in schema guerdon_publisher
        to guerdon_server";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_owns_nothing_but_the_events_serves_and_the_owner_rebuilds_beside_it() {
    let server = Server::start(&[]);
    for role in ROLES {
        server.asked(role);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let owner = url_of(&server, "guerdon_owner");
    let serving = url_of(&server, "guerdon_server");
    succeeds(tool("migrate", &owner, folder.path()));
    server.sql(DATABASE, GRANTS).expect("granted");

    let ledger = Ledger::start_on(&serving, folder.path(), &["--read-model", &serving]);
    let client = &ledger.client;
    let position = client.earns("ann", 500, "B-1").await;
    client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    for (number, points) in [(2, 570), (3, 640)] {
        succeeds(tool("rebuild", &owner, folder.path()));
        let position = client.earns("ann", 70, &format!("B-{number}")).await;
        let account = client.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
        assert_eq!(account["available"], points, "projected and read after a rebuild");
    }
    server.asked("revoke select on guerdon_read_model.checkpoint from guerdon_server");
    client.get("auditor", "/v1/totals").await.is_problem(503, "read-model-unreachable");
    let health = client.get("auditor", "/health/ready").await.body;
    let why = health["read_model"]["why"].as_str().expect("a text");
    assert!(why.contains("permission denied"), "{why}");
    server.asked("grant select on guerdon_read_model.checkpoint to guerdon_server");
    // Beside the writer, whom it keeps from nothing.
    succeeds(tool("migrate", &owner, folder.path()));
    assert_eq!(ledger.stop(), Some(0), "{}", crate::ledger::said(folder.path()));
}

#[test]
fn a_password_is_taken_from_the_url_and_from_nowhere_else() {
    let server = Server::start(&[]);
    server.asked("create role ann login superuser password 's3cret'");
    let rules = server.asked("show hba_file");
    let trusting = fs::read_to_string(&rules).expect("read");
    let strict = format!("host all ann 127.0.0.1/32 scram-sha-256\n{trusting}");
    fs::write(&rules, strict).expect("written");
    server.asked("select pg_reload_conf()");
    let folder = tempfile::tempdir().expect("a folder");

    let without = url_of(&server, "ann");
    crate::ledger::server::until(|| !migrates(&without, folder.path()));
    let mut serving = serve(folder.path());
    serving.args(["--store", &without]).env("PGPASSWORD", "s3cret");
    assert!(!ends(serving).status.success());
    assert!(migrates(&url_of(&server, "ann:s3cret"), folder.path()));
}

fn migrates(store: &str, folder: &Path) -> bool {
    let mut command = tool("migrate", store, folder);
    command.env("PGPASSWORD", "s3cret");
    ends(command).status.success()
}

fn url_of(server: &Server, who: &str) -> String {
    server.url(DATABASE).replace("guerdon@", &format!("{who}@"))
}

fn tool(name: &str, at: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    command.args([name, "--store", at, "--read-model", at, "--data-dir"]).arg(folder);
    command
}

#[track_caller]
fn succeeds(command: Command) {
    let output = ends(command);
    assert!(output.status.success(), "{output:?}");
}
