//! The two macros of sqlx that this project uses, with the same meaning: a struct from a row, and
//! a folder of migrations in the binary.
//!
//! sqlx's own macros can check queries against a database, and so they build sqlx with its drivers,
//! TLS and SQLite once more, for the compiler: `docs/decisions/0019-sqlx-without-its-macros.md`.

mod from_row;
mod migrations;

use proc_macro::TokenStream;

/// Reads each field from the column of its name; a field with `#[sqlx(flatten)]` is a struct that
/// is read from the same row.
#[proc_macro_derive(FromRow, attributes(sqlx))]
pub fn from_row(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    from_row::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A `sqlx::migrate::Migrator` of the files `NNNN_what_it_does.sql` in a folder; its path
/// starts from the crate's `Cargo.toml`. A new file is seen when the crate is next built.
#[proc_macro]
pub fn migrations(input: TokenStream) -> TokenStream {
    let folder = syn::parse_macro_input!(input as syn::LitStr);
    migrations::embed(&folder).unwrap_or_else(syn::Error::into_compile_error).into()
}
