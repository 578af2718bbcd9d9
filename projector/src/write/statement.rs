//! Statements for either database, and the rows that they write.
//!
//! SQLite runs a statement once for each row, with a parameter for each column; PostgreSQL once for
//! all rows, with an array for each column. Both texts come from one template and the declaration
//! of the rows (`read_model::Row`). In a template,
//! - `{insert}` inserts the rows
//! - `{insert-select}` does it as a `select` that may have conditions
//! - `{from}`, or `from {change}`, is where an update gets the rows from; SQLite needs none
//! - `{from-with}` is the same before another table
//! - `{column}` is the value of a column in the row

use std::fmt::Debug;
use std::sync::{LazyLock, OnceLock};

use read_model::{Column, ColumnKind, Row, Value, column_list};

/// A statement that is made when it is first used.
pub(crate) type LazyStatement = LazyLock<Statement>;

/// A statement in the words of either database.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sqlite: String,
    pub(crate) postgres: String,
    columns: &'static [Column],
}

/// A statement and the rows that it writes.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    pub(crate) statement: &'static Statement,
    /// Inserts those rows that the statement was to change and that aren't there.
    pub(crate) insert_missing: Option<&'static Statement>,
    rows: Vec<&'a dyn AnyRow>,
    /// Row after row, once the columns are asked for.
    values: OnceLock<Vec<Value<'a>>>,
}

/// A row of any table.
trait AnyRow: Debug + Sync {
    fn add_values<'a>(&'a self, values: &mut Vec<Value<'a>>);
}

impl<R: Row + Debug + Sync> AnyRow for R {
    fn add_values<'a>(&'a self, values: &mut Vec<Value<'a>>) {
        self.push_values(values);
    }
}

/// What a batch writes, in order.
#[derive(Debug, Default)]
pub(crate) struct Writes<'a>(pub(crate) Vec<Write<'a>>);

impl Statement {
    /// Inserts rows. Those that are there already stay as they are: to project an event again
    /// changes nothing.
    pub(crate) fn insert<R: Row>() -> Self {
        Self::of::<R>("{insert}\non conflict do nothing")
    }

    /// The statement of a template.
    pub(crate) fn of<R: Row>(template: &str) -> Self {
        let (table, names) = (R::TABLE, column_list(R::COLUMNS));
        let parameters = numbered(R::COLUMNS, |number, _| format!("?{number}"));
        let arrays = numbered(R::COLUMNS, unnest);
        let named =
            |number, column: &Column| format!(r#"{} as "{}""#, unnest(number, column), column.name);
        let change = format!("(select {}) as change", numbered(R::COLUMNS, named));
        let insert = format!("insert into {table} ({names})");
        let mut sqlite = template
            .replace("{insert}", &format!("{insert}\nvalues ({parameters})"))
            .replace("{insert-select}", &format!("{insert}\nselect {parameters}"))
            .replace("{from-with}", "from")
            .replace("{from}", "");
        let mut postgres = template
            .replace("{insert}", &format!("{insert}\nselect {arrays}"))
            .replace("{insert-select}", &format!("{insert}\nselect change.*\nfrom {change}"))
            .replace("{from-with}", &format!("from {change},"))
            .replace("{from}", &format!("from {change}"))
            .replace("{change}", &change);
        for (number, Column { name, .. }) in (1..).zip(R::COLUMNS) {
            let value = format!("{{{name}}}");
            sqlite = sqlite.replace(&value, &format!("?{number}"));
            postgres = postgres.replace(&value, &format!(r#"change."{name}""#));
        }
        Self { sqlite, postgres, columns: R::COLUMNS }
    }

    /// A statement with parameters `$1`, `$2` … of its own, the same on either database.
    pub(crate) fn same(text: &str) -> Self {
        Self { sqlite: text.replace('$', "?"), postgres: text.into(), columns: &[] }
    }
}

impl<'a> Write<'a> {
    /// Does something with each row's values.
    pub(crate) fn each_row<E>(
        &self,
        mut each: impl FnMut(&[Value<'a>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut values = Vec::with_capacity(self.statement.columns.len());
        for row in &self.rows {
            values.clear();
            row.add_values(&mut values);
            each(&values)?;
        }
        Ok(())
    }

    /// Each column, and its values in all rows.
    pub(crate) fn columns(
        &self,
    ) -> impl Iterator<Item = (ColumnKind, impl Iterator<Item = Value<'a>>)> {
        let columns = self.statement.columns;
        let values = self.values.get_or_init(|| {
            let mut values = Vec::with_capacity(self.rows.len() * columns.len());
            self.rows.iter().for_each(|row| row.add_values(&mut values));
            values
        });
        columns.iter().enumerate().map(move |(index, column)| {
            (column.kind, values.iter().skip(index).step_by(columns.len()).copied())
        })
    }
}

impl<'a> Writes<'a> {
    /// Writes some rows; nothing where there are none.
    pub(crate) fn push<R: Row + Debug + Sync + 'a>(
        &mut self,
        statement: &'static Statement,
        rows: impl IntoIterator<Item = &'a R>,
    ) {
        self.add(statement, None, rows);
    }

    /// Changes some rows, and inserts those that aren't there.
    pub(crate) fn push_change_or_insert<R: Row + Debug + Sync + 'a>(
        &mut self,
        change: &'static Statement,
        insert_missing: &'static Statement,
        rows: impl IntoIterator<Item = &'a R>,
    ) {
        self.add(change, Some(insert_missing), rows);
    }

    fn add<R: Row + Debug + Sync + 'a>(
        &mut self,
        statement: &'static Statement,
        insert_missing: Option<&'static Statement>,
        rows: impl IntoIterator<Item = &'a R>,
    ) {
        let rows: Vec<&dyn AnyRow> = rows.into_iter().map(|row| row as &dyn AnyRow).collect();
        if !rows.is_empty() {
            self.0.push(Write { statement, insert_missing, rows, values: OnceLock::new() });
        }
    }
}

fn numbered(columns: &[Column], each: impl Fn(usize, &Column) -> String) -> String {
    let each = (1..).zip(columns).map(|(number, column)| each(number, column));
    each.collect::<Vec<_>>().join(", ")
}

fn unnest(number: usize, column: &Column) -> String {
    let array = match column.kind {
        ColumnKind::Int => "bigint[]",
        ColumnKind::Text => "text[]",
        ColumnKind::Bool => "boolean[]",
        ColumnKind::Bytes => "bytea[]",
    };
    format!("unnest(${number}::{array})")
}

#[cfg(test)]
mod tests {
    use read_model::row;

    use super::*;

    row! {
        struct Mug in "mug" {
            mug_id: String,
            points: i64,
        }
    }

    #[test]
    fn rows_are_inserted_one_by_one_or_as_arrays() {
        let Statement { sqlite, postgres, .. } = Statement::of::<Mug>("{insert}");
        assert_eq!(sqlite, "insert into mug (\"mug_id\", \"points\")\nvalues (?1, ?2)");
        assert_eq!(
            postgres,
            "insert into mug (\"mug_id\", \"points\")\nselect unnest($1::text[]), unnest($2::bigint[])"
        );
    }

    #[test]
    fn an_update_takes_its_values_from_parameters_or_from_arrays() {
        let template = "update mug set points = {points} {from} where mug_id = {mug_id}";
        let Statement { sqlite, postgres, .. } = Statement::of::<Mug>(template);
        assert_eq!(sqlite, "update mug set points = ?2  where mug_id = ?1");
        assert_eq!(
            postgres,
            "update mug set points = change.\"points\" from (select unnest($1::text[]) as \
             \"mug_id\", unnest($2::bigint[]) as \"points\") as change where mug_id = \
             change.\"mug_id\""
        );
    }

    #[test]
    fn a_column_has_the_values_of_all_rows() {
        static INSERT: LazyStatement = LazyLock::new(Statement::insert::<Mug>);
        let mugs = [("a", 1), ("b", 2)].map(|(id, points)| Mug { mug_id: id.into(), points });
        let mut writes = Writes::default();
        writes.push(&INSERT, &mugs);
        let columns: Vec<Vec<_>> =
            writes.0[0].columns().map(|(_, values)| values.collect()).collect();
        assert_eq!(columns[0], [Value::Text("a"), Value::Text("b")]);
        assert_eq!(columns[1], [Value::Int(1), Value::Int(2)]);
    }
}
