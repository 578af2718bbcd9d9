//! A warehouse's parcels beside the ledger's.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use domain::WarehouseId;
use read_model::{ParcelRow, Query, ReadModel, shipping_id};

use super::difference::FileDifferences;
use super::file::CsvFile;

const PARCELS: Query = Query::same(include_str!("../sql/list_parcels.sql"));

/// How many rows are read at once.
const PAGE: u32 = 1_000;

/// A parcel in the file.
#[derive(Default)]
struct Told {
    /// Where it begins.
    line: u64,
    /// How many of each product.
    lines: BTreeMap<String, i64>,
}

/// The parcels that a file has of each shipping request, by their dispatch ids.
type File = HashMap<String, BTreeMap<String, Told>>;

#[derive(sql_macros::FromRow)]
struct RequestRow {
    place: i64,
    generation: i64,
    warehouse: String,
    parcels: Option<String>,
}

/// Compares a file with the parcels that the read tables have, of one warehouse or of all.
pub(super) async fn compare(
    file: &Path,
    warehouse: Option<&WarehouseId>,
    read_model: &ReadModel,
) -> anyhow::Result<FileDifferences> {
    let mut found = FileDifferences::of(file);
    let mut told = read(file, &mut found)?;
    let mut after = -1_i64;
    loop {
        let mut reading = read_model.read(&[], Duration::ZERO).await?;
        let rows: Vec<RequestRow> = reading.all(PARCELS, &[after.into(), PAGE.into()]).await?;
        let log_id = reading.as_of().log_id().context("the read model is empty")?;
        drop(reading);
        let Some(last) = rows.last() else { break };
        after = last.place;
        for row in rows {
            if warehouse.is_some_and(|warehouse| warehouse.as_str() != row.warehouse) {
                continue;
            }
            let id = shipping_id(log_id, row.generation, row.place).to_string();
            let told = told.remove(&id).unwrap_or_default();
            compare_request(&id, told, row.parcels.as_deref(), &mut found)?;
        }
    }
    // What is left is of no request, or of none of this warehouse.
    let left = told.into_iter().flat_map(|(id, parcels)| {
        parcels.into_iter().map(move |(dispatch_id, parcel)| (parcel.line, id.clone(), dispatch_id))
    });
    let mut left: Vec<(u64, String, String)> = left.collect();
    left.sort_unstable();
    for (line, id, dispatch_id) in left {
        let row = (shown(&id, &dispatch_id), Some(line));
        let log = Some("nobody asked for it".to_owned());
        found.add("parcel-unasked", row, None, [log, None]);
    }
    Ok(found)
}

fn read(path: &Path, found: &mut FileDifferences) -> anyhow::Result<File> {
    let mut file = CsvFile::open(path)?;
    let names = ["shipping_request_id", "dispatch_id", "product_id", "quantity"];
    let [request, dispatch, product, quantity] = names.map(|name| file.column(name));
    let [request, dispatch] = [request?, dispatch?];
    let [product, quantity] = [product?, quantity?];
    let mut told = File::new();
    while let Some((line, record)) = file.next_line()? {
        let at = (line, &record);
        file.text(at, quantity)?;
        let count = file.number(at, quantity)?.unwrap_or_default();
        let parcels = told.entry(file.text(at, request)?.to_owned()).or_default();
        let parcel = parcels.entry(file.text(at, dispatch)?.to_owned()).or_insert_with(|| {
            found.in_file += 1;
            Told { line, ..Told::default() }
        });
        let sum = parcel.lines.entry(file.text(at, product)?.to_owned()).or_default();
        *sum = sum.saturating_add(count);
    }
    Ok(told)
}

fn compare_request(
    id: &str,
    mut told: BTreeMap<String, Told>,
    parcels: Option<&str>,
    found: &mut FileDifferences,
) -> anyhow::Result<()> {
    let parcels: Vec<ParcelRow> = parcels.map_or_else(|| Ok(vec![]), serde_json::from_str)?;
    for parcel in parcels {
        found.in_ledger += 1;
        let dispatch_id = parcel.dispatch_id.to_string();
        let mut recorded = BTreeMap::<String, i64>::new();
        for line in parcel.lines {
            *recorded.entry(line.product_id.to_string()).or_default() += line.quantity;
        }
        let Some(Told { line, lines }) = told.remove(&dispatch_id) else {
            let log = Some(shown_lines(&recorded));
            found.add("parcel-not-in-file", (shown(id, &dispatch_id), None), None, [log, None]);
            continue;
        };
        if lines != recorded {
            let both = [Some(shown_lines(&recorded)), Some(shown_lines(&lines))];
            let row = (shown(id, &dispatch_id), Some(line));
            found.add("parcel-differs", row, Some("lines"), both);
        }
    }
    for (dispatch_id, Told { line, lines }) in told {
        let row = (shown(id, &dispatch_id), Some(line));
        found.add("parcel-not-in-ledger", row, None, [None, Some(shown_lines(&lines))]);
    }
    Ok(())
}

fn shown(id: &str, dispatch_id: &str) -> String {
    format!("{id}/{dispatch_id}")
}

fn shown_lines(lines: &BTreeMap<String, i64>) -> String {
    let lines = lines.iter().map(|(product, quantity)| format!("{quantity} {product}"));
    lines.collect::<Vec<_>>().join(", ")
}
