//! Every row of every read table as text, to compare two read models row by row.

use std::time::Duration;

use crate::{ReadError, ReadModel, TABLES, Table};

/// A line for each row, `table|column|…` in SQLite's own notation, in the order of its bytes: the
/// same lines on either database.
pub async fn dump(model: &ReadModel) -> Result<Vec<String>, ReadError> {
    let mut reading = model.read(&[], Duration::ZERO).await?;
    let quoted = if reading.is_of_postgres() { quoted_by_postgres } else { quoted_by_sqlite };
    let mut lines = vec![];
    for Table { name, columns } in TABLES {
        let columns = columns.iter().map(|column| quoted(&format!("\"{}\"", column.name)));
        let columns = columns.collect::<Vec<_>>().join(" || '|' || ");
        let select = format!("select '{name}|' || {columns} from {name}");
        let mut rows = reading.texts(select).await.map_err(ReadError::Unreachable)?;
        rows.sort_unstable();
        lines.append(&mut rows);
    }
    Ok(lines)
}

fn quoted_by_sqlite(column: &str) -> String {
    format!("quote({column})")
}

fn quoted_by_postgres(column: &str) -> String {
    format!(
        "coalesce(case pg_typeof({column})::text \
         when 'text' then '''' || replace({column}::text, '''', '''''') || '''' \
         when 'bytea' then 'X''' || upper(substr({column}::text, 3)) || '''' \
         when 'boolean' then case {column}::text when 'true' then '1' else '0' end \
         else {column}::text end, 'NULL')"
    )
}
