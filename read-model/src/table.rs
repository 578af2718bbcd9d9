//! How a table is declared: once, as the struct of its rows.
//!
//! The statements that insert rows, their parameters on SQLite, the arrays that PostgreSQL gets
//! instead, and the columns that a `select` names all follow from the struct. What a column means
//! is in the migration that makes it.

/// A row of a table, or of values that change a table's rows.
pub trait Row {
    /// The table's name.
    const TABLE: &'static str;
    /// The columns, in the order of the fields.
    const COLUMNS: &'static [Column];

    /// Adds the row's values to a list, in the order of the columns.
    fn push_values<'a>(&'a self, values: &mut Vec<Value<'a>>);
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: ColumnKind,
}

/// What a column's values are; each of them may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers.
    Int,
    /// Texts.
    Text,
    /// True or false; SQLite keeps 1 or 0.
    Bool,
    /// Bytes.
    Bytes,
}

/// The value of one column of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// A text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// What the field of a row can be.
pub trait Field {
    /// The kind of its column.
    const KIND: ColumnKind;

    /// The field's value.
    fn value(&self) -> Value<'_>;
}

impl Column {
    /// The name without Rust's mark of a keyword.
    #[doc(hidden)]
    #[must_use]
    pub const fn named(field: &'static str, kind: ColumnKind) -> Self {
        let name = match field.as_bytes() {
            [b'r', b'#', ..] => field.split_at(2).1,
            _ => field,
        };
        Self { name, kind }
    }
}

impl Field for i64 {
    const KIND: ColumnKind = ColumnKind::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(*self)
    }
}

impl Field for bool {
    const KIND: ColumnKind = ColumnKind::Bool;

    fn value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl Field for String {
    const KIND: ColumnKind = ColumnKind::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl Field for Vec<u8> {
    const KIND: ColumnKind = ColumnKind::Bytes;

    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<F: Field> Field for Option<F> {
    const KIND: ColumnKind = F::KIND;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Field::value)
    }
}

/// Declares the row of a table: a struct with a field for each column.
///
/// ```
/// read_model::row! {
///     /// A mug.
///     #[derive(Default)]
///     pub struct Mug in "mug" {
///         mug_id: String,
///         points: i64,
///     }
/// }
/// assert_eq!(<Mug as read_model::Row>::COLUMNS[1].name, "points");
/// ```
#[macro_export]
macro_rules! row {
    (
        $(#[$meta:meta])*
        $visible:vis struct $row:ident in $table:literal { $($column:ident: $type:ty,)+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        $visible struct $row {
            $(
                #[doc = concat!("The column `", stringify!($column), "`.")]
                $visible $column: $type,
            )+
        }

        impl $crate::Row for $row {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [$crate::Column] = &[
                $($crate::Column::named(stringify!($column), <$type as $crate::Field>::KIND),)+
            ];

            fn push_values<'a>(&'a self, values: &mut Vec<$crate::Value<'a>>) {
                values.extend([$($crate::Field::value(&self.$column),)+]);
            }
        }
    };
}
