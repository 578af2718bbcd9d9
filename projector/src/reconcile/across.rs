//! Whether the tables that the log gives agree with each other: balances with lots, statements,
//! holds and totals, sold stock with exchanges, shipping requests with goods, lanes with messages.
//!
//! The live rows are compared with these; so what doesn't agree here is wrong in the log's events
//! or in what this program makes of them, and `guerdon rebuild` doesn't mend it.

use std::collections::BTreeMap;

use read_model::{ReadModelError, SUM_CHECKS, SumRow, Total, WrongSum, joined_sum};

use super::NAMED_MAX;
use super::snapshot::Snapshot;

/// Two tables that should say the same, and don't.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// What is compared: `balances = lots`.
    pub what: &'static str,
    /// Of what: an account and a unit, an offer, a lane.
    pub of: String,
    /// What the first of the two says.
    pub first: i128,
    /// What the second says.
    pub second: i128,
}

struct Check {
    what: &'static str,
    statement: &'static str,
}

/// Run once for each of these columns.
const BALANCE_OF_LOTS: &str = include_str!("../sql/across/balance_of_lots.sql");
const OF_LOTS: [(&str, &str); 3] = [
    ("available", "available balances = lots"),
    ("held", "held balances = lots"),
    ("pending", "pending balances = lots"),
];

const CHECKS: [Check; 6] = [
    Check {
        what: "balances = statements",
        statement: include_str!("../sql/across/balance_of_statement.sql"),
    },
    Check {
        what: "held balances = holds",
        statement: include_str!("../sql/across/held_by_holds.sql"),
    },
    Check {
        what: "sold stock = exchanges",
        statement: include_str!("../sql/across/sold_by_exchanges.sql"),
    },
    Check { what: "counts = rows", statement: include_str!("../sql/across/counts_of_rows.sql") },
    Check {
        what: "shipping requests = goods",
        statement: include_str!("../sql/across/requests_of_goods.sql"),
    },
    Check {
        what: "lanes = messages",
        statement: include_str!("../sql/across/messages_of_lanes.sql"),
    },
];

const FLOWS: &str = include_str!("../sql/across/flows.sql");
const WHAT_FLOWED: &str = "what came in = what went out and what there is";

/// What comes in, with 1, and what goes out or is there, with -1.
const SIGNS: [(Total, i128); 13] = [
    (Total::Issued, 1),
    (Total::ConvertedIn, 1),
    (Total::Refunded, 1),
    (Total::Received, 1),
    (Total::Owed, 1),
    (Total::Redeemed, -1),
    (Total::Expired, -1),
    (Total::Withdrawn, -1),
    (Total::ConvertedOut, -1),
    (Total::Sent, -1),
    (Total::Available, -1),
    (Total::Held, -1),
    (Total::Pending, -1),
];

/// All that doesn't agree.
pub(super) async fn check(
    tables: &mut Snapshot,
) -> Result<(Vec<Disagreement>, Vec<WrongSum>), ReadModelError> {
    tables.plan_for_sums().await?;
    let mut found = vec![];
    for (column, what) in OF_LOTS {
        let statement = BALANCE_OF_LOTS.replace("{column}", column);
        found.extend(disagreements(what, tables.sums(&limited(&statement)).await?));
    }
    for Check { what, statement } in CHECKS {
        found.extend(disagreements(what, tables.sums(&limited(statement)).await?));
    }
    found.extend(flows(tables.sums(FLOWS).await?));
    let mut wrong = vec![];
    for check in SUM_CHECKS {
        let [moved, of_rows] = check.statements(tables.is_of_postgres());
        let (moved, of_rows) = (tables.sums(moved).await?, tables.sums(of_rows).await?);
        wrong.extend(check.wrong(moved, of_rows));
    }
    Ok((found, wrong))
}

fn limited(statement: &str) -> String {
    statement.replace("{limit}", &NAMED_MAX.to_string())
}

fn disagreements(what: &'static str, rows: Vec<SumRow>) -> impl Iterator<Item = Disagreement> {
    rows.into_iter().map(move |(of, first, second)| Disagreement {
        what,
        of,
        first: first.into(),
        second: second.into(),
    })
}

/// The units of which more or less is there than came in and didn't go out. Rows are named by unit
/// and total.
fn flows(rows: Vec<SumRow>) -> Vec<Disagreement> {
    let mut units: BTreeMap<String, [i128; 2]> = BTreeMap::new();
    for (name, high, low) in rows {
        let Some((unit, total)) = name.split_once(' ') else { continue };
        let Some((_, sign)) = SIGNS.iter().find(|(known, _)| known.as_str() == total) else {
            continue;
        };
        let sum = joined_sum(high, low);
        let [came, went] = units.entry(unit.to_owned()).or_default();
        if *sign > 0 {
            *came += sum;
        } else {
            *went += sum;
        }
    }
    let wrong = units.into_iter().filter(|(_, [came, went])| came != went);
    wrong
        .map(|(of, [first, second])| Disagreement { what: WHAT_FLOWED, of, first, second })
        .collect()
}

#[cfg(test)]
mod tests {
    use read_model::{ReadModelUrl, Side};

    use super::*;

    /// Nothing of it goes together.
    const PLANTED: &str = include_str!("../sql/across/planted.sql");

    #[tokio::test]
    async fn each_pair_of_tables_that_does_not_agree_is_named_with_what_both_say() {
        let folder = tempfile::tempdir().expect("a folder");
        let url = ReadModelUrl::Sqlite(folder.path().join("read-model.sqlite"));
        read_model::migrate_side(&url, Side::Shadow).await.expect("migrated");
        let file = folder.path().join("read-model.sqlite.shadow");
        let mut tables = Snapshot::open(&url, Side::Shadow).await.expect("it opens");
        let (nothing, no_sums) = check(&mut tables).await.expect("checked");
        assert_eq!((nothing, no_sums), (vec![], vec![]), "empty tables agree");

        let mut planting = crate::write::TablesFile::open(&file).await.expect("it opens");
        let planted = planting.run(|file| Ok(file.connection.execute_batch(PLANTED)?)).await;
        planted.expect("planted");
        planting.close().await;
        let mut tables = Snapshot::open(&url, Side::Shadow).await.expect("it opens");
        let (found, sums) = check(&mut tables).await.expect("checked");
        let named: Vec<String> = found
            .iter()
            .map(|Disagreement { what, of, first, second }| {
                format!("{what}: {of}: {first}, {second}")
            })
            .collect();
        assert_eq!(
            named,
            [
                "available balances = lots: ann, points: 500, 495",
                "held balances = lots: ann, points: 0, 7",
                "pending balances = lots: ann, miles: 20, 0",
                "balances = statements: ann, miles: 20, 0",
                "balances = statements: ann, points: 500, 9007199254740991",
                "held balances = holds: ann, points: 0, 3",
                "sold stock = exchanges: mug: 2, 1",
                "counts = rows: exchanges: 4, 1",
                "shipping requests = goods: main ann/x-9: 1, 0",
                "lanes = messages: 0/main/3: 5, 1",
                "what came in = what went out and what there is: points: 40, 39",
            ]
        );
        let sums: Vec<&str> = sums.iter().map(|sum| sum.name.as_str()).collect();
        assert_eq!(
            sums,
            ["`accounts`", "`available`", "`pending of miles`", "credit that expires in never"]
        );
    }
}
