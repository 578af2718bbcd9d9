//! How many partitions a ledger has, and which store, whose test says nothing of them: the suites
//! that were written for one partition on SQLite are run with others, too.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use event_store::StoreUrl;
use services::TestDatabase;

use super::tool::{guerdon, succeeds};

/// Gives the server `GUERDON_TEST_PARTITIONS` partitions, and a log in PostgreSQL where
/// `GUERDON_TEST_STORE` is `postgres`.
pub(crate) fn combine(command: &mut Command, folder: &Path) {
    if let Some(partitions) = said("GUERDON_TEST_PARTITIONS") {
        command.env("GUERDON_PARTITIONS", partitions);
    }
    if said("GUERDON_TEST_STORE").as_deref() == Some("postgres") {
        command.env("GUERDON_STORE", database_of(folder));
    }
}

/// The log of a ledger in a folder.
pub(crate) fn log_of(folder: &Path) -> StoreUrl {
    let file = fs::read_to_string(folder.join(DATABASE));
    let url = file.map(|url| url.parse().expect("a URL"));
    url.unwrap_or_else(|_| StoreUrl::Sqlite(folder.join("log.sqlite")))
}

/// The file in a ledger's folder that has the URL of its log's database.
const DATABASE: &str = "test-database";

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn said(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// A database for each folder, made at the ledger's first start. It goes with the shared server.
fn database_of(folder: &Path) -> String {
    let file = folder.join(DATABASE);
    if let Ok(url) = fs::read_to_string(&file) {
        return url;
    }
    let database = Box::leak(Box::new(TestDatabase::create().expect("a database")));
    let url = database.url();
    succeeds(guerdon(folder, &["migrate", "--store", &url]));
    fs::write(file, &url).expect("written");
    url
}

/// The last position of each partition that a caller was told of. With it, a read contains all that
/// was written before, wherever that was.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeMap<u16, u64>>>);

impl Seen {
    /// Notes what an answer's `Guerdon-Position` says.
    pub(crate) fn note(&self, positions: &str) {
        let mut seen = self.0.lock().expect("not poisoned");
        for place in positions.split(',') {
            let Some((partition, position)) = place.trim().split_once(':') else { continue };
            let (Ok(partition), Ok(position)) = (partition.parse::<u16>(), position.parse::<u64>())
            else {
                continue;
            };
            let last = seen.entry(partition).or_default();
            *last = position.max(*last);
        }
    }

    /// What a read asks for that is to contain the write at a position: that alone, where there is
    /// one partition.
    pub(crate) fn with(&self, position: &str) -> String {
        self.note(position);
        let seen = self.0.lock().expect("not poisoned");
        if seen.len() <= 1 {
            return position.into();
        }
        let places = seen.iter().map(|(partition, position)| format!("{partition}:{position}"));
        places.collect::<Vec<_>>().join(",")
    }
}
