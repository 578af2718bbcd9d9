//! The same with read tables in PostgreSQL, and with a replica whose tables may be of any log.

use std::fs;
use std::time::Instant;

use services::TestDatabase;

use super::museum::{self, Exhibit, done, tool};
use super::{Mix, Told, mixed, mixes, pick, serves_its_own_history};
use crate::ledger::ends;
use crate::topic::dice::Dice;

/// Every second of these mixes has a replica.
const REPLICAS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_tables_and_replicas_of_another_history_are_refused_or_passed_over() {
    let within = tempfile::tempdir().expect("a folder");
    let exhibits = museum::build(within.path()).await;
    let mut tables = vec![];
    for exhibit in &exhibits {
        tables.push(made_of(exhibit).await);
    }
    let mut dice = Dice::new("operators' mistakes with PostgreSQL");
    let mut told = Told::default();
    let begun = Instant::now();
    for number in 0..mixes() {
        let folder = within.path().join(format!("mix-{number}"));
        let mut mix = mixed(&exhibits, &folder, number % 5 == 0, &mut dice);
        let primary = primary(&mix, &exhibits, &tables).await;
        mix.variables.push(("GUERDON_READ_MODEL", primary.url()));
        let replica = pick(&mut dice, exhibits.len());
        if dice.below(REPLICAS) == 0 {
            mix.variables.push(("GUERDON_READ_MODEL_REPLICA", tables[replica].url()));
        }
        let of = exhibits[replica].name;
        println!("mix {number}: {}, on PostgreSQL; a replica might be {of}", mix.told());
        serves_its_own_history(&mix, &exhibits, number, &mut told).await;
        fs::remove_dir_all(&mix.folder).expect("removed");
    }
    println!("{} mixes in {:.0?}: {told:?}", mixes(), begun.elapsed());
    assert!(told.served > 0 && told.repeats > 0, "{told:?}");
}

/// Read tables that are made of one exhibit's log.
async fn made_of(exhibit: &Exhibit) -> TestDatabase {
    let database = TestDatabase::create().expect("a database");
    let url = database.url();
    read_model::migrate(&url.parse().expect("a URL")).await.expect("migrated");
    done(&ends(tool(&exhibit.folder, &["rebuild", "--read-model", &url])));
    database
}

/// A copy of the tables that stand for the folder's file.
async fn primary(mix: &Mix<'_>, exhibits: &[Exhibit], tables: &[TestDatabase]) -> TestDatabase {
    drop(fs::remove_file(mix.folder.join("read-model.sqlite")));
    let from =
        mix.parts.iter().find_map(|(part, from)| from.filter(|_| *part == "read-model.sqlite"));
    let from = exhibits.iter().position(|exhibit| Some(exhibit.name) == from);
    match from {
        Some(from) => tables[from].copy().expect("copied"),
        None => {
            let database = TestDatabase::create().expect("a database");
            let url = database.url().parse().expect("a URL");
            read_model::migrate(&url).await.expect("migrated");
            database
        }
    }
}
