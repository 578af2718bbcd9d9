//! What is frozen holds nothing up: a rebuild in the middle of its swap, and a server of the read
//! model under those who follow.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinSet;

use crate::ledger::frozen::Frozen;
use crate::ledger::server::{Server, until};
use crate::ledger::{Api, Ledger, ends, said};

/// How long a read may take beside something that is frozen.
const SOON: Duration = Duration::from_secs(10);

const FOLLOWERS: usize = 20;

/// Each change of a table takes a moment, so that there is time to freeze who has asked for it.
const SLOW_SWAP: &str = "
    create function public.slow_down() returns event_trigger language plpgsql as
        $$ begin perform pg_sleep(0.05); end $$;
    create event trigger slow_down on ddl_command_start when tag in ('ALTER TABLE')
        execute function public.slow_down()";

const IN_TRANSACTION: &str = "select count(*) from pg_stat_activity \
    where application_name like 'guerdon%' and state like 'idle in transaction%'";

fn migrated() -> (Server, tempfile::TempDir) {
    let (server, folder) = (Server::start(&[]), tempfile::tempdir().expect("a folder"));
    let migrated = ends(tool("migrate", &server, &folder));
    assert!(migrated.status.success(), "{migrated:?}");
    (server, folder)
}

fn tool(name: &str, server: &Server, folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
    let store = server.store();
    command
        .args([name, "--store", &store, "--read-model", &store, "--data-dir"])
        .arg(folder.path());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_is_frozen_in_its_swap_on_postgres_holds_nothing() {
    let (server, folder) = migrated();
    let store = server.store();
    let ledger = Ledger::start_on(&store, folder.path(), &["--read-model", &store]);
    let position = ledger.client.earns("ann", 500, "B-1").await;
    ledger.client.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    server.asked(SLOW_SWAP);

    let mut rebuild = tool("rebuild", &server, &folder);
    rebuild.stdin(Stdio::null()).stderr(Stdio::null());
    let mut rebuild = rebuild.spawn().expect("it runs");
    let swaps = "select count(*) from pg_stat_activity \
                 where wait_event = 'PgSleep' and query like '%in access exclusive mode%'";
    until(|| server.asked(swaps) != "0");
    let frozen = Frozen::process(rebuild.id());
    let begun = Instant::now();
    // Nobody but the server is needed for the rest of it.
    let api = &ledger.client;
    let position = api.earns("ann", 7, "B-2").await;
    let account = api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 507);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(server.asked(IN_TRANSACTION), "0", "it holds nothing");
    drop(frozen);
    let ended = tokio::task::spawn_blocking(move || rebuild.wait()).await.expect("it can be asked");
    assert!(ended.expect("it ends").success());
    assert_eq!(ledger.stop(), Some(0), "{}", said(folder.path()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_replica_on_postgres_keeps_no_follower_from_its_messages() {
    let (server, folder) = migrated();
    let standby = server.streaming();
    let (store, replica) = (server.store(), standby.store());
    let args = ["--read-model", &store, "--read-model-replica", &replica];
    let ledger = Ledger::start_on(&store, folder.path(), &args);
    let api = &ledger.client;
    api.opens("mug", 3, None, None).await;
    let position = api.earns("ann", 500, "B-1").await;
    api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);

    let mut followers = JoinSet::new();
    for _ in 0..FOLLOWERS {
        followers.spawn(follow(api.clone()));
    }
    // They wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let frozen = Frozen::all_of(&standby);
    let begun = Instant::now();
    let redeemed = api.redeems("ann", "x-1", "mug").await;
    redeemed.is(201);
    while let Some(followed) = followers.join_next().await {
        let items = followed.expect("it follows");
        assert_eq!(items.as_array().map(Vec::len), Some(1), "{items}");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    println!("{FOLLOWERS} followers heard of it within {:.2?}", begun.elapsed());
    drop(frozen);
    assert_eq!(ledger.stop(), Some(0), "{}", said(folder.path()));
}

/// Waits for the first message, and asks again as followers do.
async fn follow(api: Api) -> Value {
    loop {
        let path = "/v1/shipping-stream?warehouse=main&wait_ms=5000";
        let answer = api.get("warehouse", path).await;
        let items = &answer.body["items"];
        if answer.status == 200 && items.as_array().is_some_and(|items| !items.is_empty()) {
            return items.clone();
        }
    }
}
