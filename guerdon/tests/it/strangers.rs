//! What strangers learn from refusals and faults, and what their guesses cost: nothing of what is
//! behind a route, and no more than looking for a key.

use std::time::{Duration, Instant};

use services::Stop;
use tokio::task::JoinSet;

use crate::ledger::server::Server;
use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Api, Ledger, said};
use crate::raw::resident_mib;
use crate::routes_and_roles::{ask, table};

/// Each table but the one that says how far they are.
const BREAK: &str = "do $$ declare name text; begin
    for name in select tablename from pg_tables
        where schemaname = 'guerdon_read_model' and tablename <> 'checkpoint' loop
        execute format('alter table guerdon_read_model.%I rename to %I', name, name || '_lost');
    end loop; end $$";

/// What no refusal says: names of things behind the routes, and words of those who failed.
const INSIDE: [&str; 12] = [
    "postgres",
    "guerdon_",
    "_lost",
    "sqlx",
    "sqlite",
    ".rs",
    "relation",
    "select ",
    "os error",
    "panick",
    "127.0.0.1",
    "localhost",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_refusal_tells_what_is_behind_a_route_while_postgres_is_broken_or_away() {
    let mut server = Server::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    let store = server.store();
    let state = ["--read-model", &store, "--publisher-state", &store, "--kafka", "127.0.0.1:1"];
    let migrate = [&["migrate", "--store", &store], &state[..4]].concat();
    succeeds(guerdon(folder.path(), &migrate));
    let ledger = Ledger::start_on(&store, folder.path(), &state);
    let api = &ledger.client;
    let position = api.earns("ann", 500, "B-1").await;
    api.get_after(&position, "auditor", "/v1/accounts/ann").await.is(200);
    let within = [folder.path().display().to_string(), server.port().to_string()];

    server.asked(BREAK);
    let broken = refusals(api, &within).await;
    assert!(broken.contains(&500), "some tables are read: {broken:?}");
    server.stop(Stop::Fast).expect("stopped");
    let away = refusals(api, &within).await;
    let unavailable = away.iter().filter(|status| **status == 503).count();
    assert!(unavailable > 40, "most reads need a table: {away:?}");

    // Whether a key is known is answered without the database, however many are tried.
    let begun = Instant::now();
    for number in 0..200 {
        let nobody = api.with_key("auditor", &format!("gk_auditor_{number}"));
        nobody.get("auditor", "/v1/totals").await.is_problem(401, "unauthorized");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

/// Makes every call as a role that may, all at once; gives the statuses of what was refused. Roles
/// that may not are refused before anything is read.
async fn refusals(api: &Api, within: &[String]) -> Vec<u16> {
    let mut asking = JoinSet::new();
    for route in table() {
        let api = api.clone();
        asking.spawn(async move {
            let role = route.roles[route.roles.len() - 1];
            let (status, body) = ask(&api, &route, role, "ann").await;
            (format!("{} as {role}", route.name()), status, body)
        });
    }
    let mut statuses = vec![];
    for (call, status, body) in asking.join_all().await {
        if status < 400 {
            continue;
        }
        statuses.push(status);
        let said = body.to_lowercase();
        let inside = INSIDE.iter().copied().chain(within.iter().map(String::as_str));
        let told: Vec<&str> = inside.filter(|word| said.contains(&word.to_lowercase())).collect();
        assert!(told.is_empty(), "{call} tells {told:?}: {body}");
    }
    statuses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_are_answered_alike_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let unlimited = ["--limit-wrong-keys", "off"];
    let ledger = Ledger::start_with(folder.path(), &unlimited, &[("RUST_LOG", "info")]);
    let api = &ledger.client;
    let (known, first) = (api.get("auditor", "/v1/totals").await, answer(api, "unknown").await);
    known.is(200);
    let (lines, before) = (said(folder.path()).lines().count(), resident_mib(&ledger));
    for number in 0..1_000 {
        // As long as a key, longer than any, and as long as a header may be.
        let length = [40, 300, 12_000][number % 3];
        let guess = format!("gk_operator_{number:0>length$}");
        assert_eq!(answer(api, &guess).await, first, "{number}");
    }
    let grown = resident_mib(&ledger).saturating_sub(before);
    println!("1,000 unknown keys left {grown} MiB behind");
    assert!(grown < 16, "{grown} MiB");
    assert_eq!(said(folder.path()).lines().count(), lines, "{}", said(folder.path()));
    assert_eq!(ledger.stop(), Some(0));
}

async fn answer(api: &Api, key: &str) -> String {
    let nobody = api.with_key("auditor", key);
    nobody.get("auditor", "/v1/totals").await.is_problem(401, "unauthorized").to_string()
}
