//! An administrator changes the tables of a running ledger on PostgreSQL. Statements that were
//! prepared for the tables of before are refused by the server ("cached plan must not change result
//! type"), on every connection that has prepared them.

use tokio::task::JoinSet;

use crate::ledger::server::Server;
use crate::ledger::tool::migrate;
use crate::ledger::{Answer, Api, Ledger, said};

/// Reads on each route, at once, so that many connections have their statements prepared.
const AT_ONCE: usize = 12;

/// Every text of every table gets another type that holds the same.
const CHANGE: &str = "do $$ declare changed record; begin
    for changed in
        select table_schema, table_name, column_name from information_schema.columns
        where table_schema like 'guerdon%' and data_type = 'text' and table_name <> 'migration'
    loop
        begin
            execute format('alter table %I.%I alter column %I type varchar',
                changed.table_schema, changed.table_name, changed.column_name);
        exception when invalid_table_definition or feature_not_supported then null;
        end;
    end loop;
end $$";

const READS: [(&str, &str); 6] = [
    ("shopper", "/v1/accounts/ann"),
    ("shopper", "/v1/accounts/ann/exchanges"),
    ("shopper", "/v1/accounts/ann/exchanges/x-1"),
    ("auditor", "/v1/totals"),
    ("warehouse", "/v1/shipping-stream?warehouse=main"),
    ("operator", "/v1/offers"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_goes_on_while_columns_of_its_tables_on_postgres_are_altered() {
    let server = Server::start(&[]);
    let store = server.store();
    let folder = tempfile::tempdir().expect("a folder");
    migrate(folder.path(), &store);
    let args = ["--read-model", &store, "--kafka", "127.0.0.1:9"];
    let ledger = Ledger::start_on(&store, folder.path(), &args);
    let api = &ledger.client;
    api.opens("mug", 300, None, None).await;
    api.earns("ann", 5_000, "B-1").await;
    let redeemed = api.redeems("ann", "x-1", "mug").await;
    redeemed.is(201);
    let position = redeemed.position.expect("a write has a position");
    let expected = read_all(api, &position).await;
    // A repeat's event is read from the log.
    let repeat = api.redeems("ann", "x-1", "mug").await.is(200);

    server.asked(CHANGE);

    let types = "select data_type from information_schema.columns \
                 where table_schema = 'guerdon_log' and table_name = 'event' \
                 and column_name = 'public'";
    assert_eq!(server.asked(types), "character varying");
    for _ in 0..AT_ONCE {
        assert_eq!(api.redeems("ann", "x-1", "mug").await.is(200), repeat);
    }
    assert_eq!(read_all(api, &position).await, expected);
    // What is projected from now on is read, too.
    let position = api.earns("ann", 7, "B-2").await;
    let account = api.get_after(&position, "shopper", "/v1/accounts/ann").await.is(200);
    assert_eq!(account["available"], 4_707);
    api.get("operator", "/v1/publisher").await.is(200);
    assert_eq!(ledger.stop(), Some(0), "{}", said(folder.path()));
}

/// The bodies of all reads. The next try of one that failed works.
async fn read_all(api: &Api, position: &str) -> Vec<serde_json::Value> {
    let mut all = vec![];
    for (role, path) in READS {
        let mut reads = JoinSet::new();
        for _ in 0..AT_ONCE {
            reads.spawn(read(api.clone(), position.to_owned(), role, path));
        }
        let answers = reads.join_all().await;
        assert!(answers.windows(2).all(|pair| pair[0].body == pair[1].body), "{answers:?}");
        all.extend(answers.into_iter().next().map(|answer| answer.body));
    }
    all
}

async fn read(api: Api, position: String, role: &'static str, path: &'static str) -> Answer {
    let mut answer = api.get_after(&position, role, path).await;
    if answer.status == 503 {
        answer = api.get_after(&position, role, path).await;
    }
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer
}
