//! The servers start, stop, and come back.

use services::{Postgres, Stop, TestDatabase};

#[test]
fn a_test_has_an_empty_database_of_its_own() {
    let (one, other) =
        (TestDatabase::create().expect("made"), TestDatabase::create().expect("made"));
    one.sql("create table only_here (id int)").expect("made");
    assert_eq!(other.sql("select to_regclass('only_here') is null").expect("asked"), "t");
}

#[test]
fn a_standby_that_is_promoted_takes_writes() {
    let folder = services::home().expect("a folder").join(format!("test-{}", std::process::id()));
    let mut primary = Postgres::start(&folder.join("one"), &[]).expect("it starts");
    let standby = primary.standby(&folder.join("two"), &[]).expect("it follows");
    primary.stop(Stop::Kill).expect("stopped");
    standby.promote().expect("promoted");
    standby.sql("postgres", "create table t (id int)").expect("it takes writes");
    primary.restart().expect("it comes back");
    drop((primary, standby));
    std::fs::remove_dir_all(folder).expect("removed");
}
