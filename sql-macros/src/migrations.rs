//! `migrations!("../folder")`: the folder's files, by number.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr};

pub(crate) fn embed(folder: &LitStr) -> syn::Result<TokenStream> {
    let failed = |what: String| Error::new(folder.span(), what);
    #[expect(clippy::disallowed_methods, reason = "Cargo tells a macro so whom it is run for")]
    let of_crate =
        std::env::var("CARGO_MANIFEST_DIR").map_err(|error| failed(error.to_string()))?;
    let path = Path::new(&of_crate).join(folder.value());
    let unread = |error| failed(format!("can't read {}: {error}", path.display()));
    let mut files = vec![];
    for entry in path.read_dir().map_err(unread)? {
        let file = entry.map_err(unread)?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (version, description) = parse(&name)
            .ok_or_else(|| failed(format!("{name} is not named like 0001_what_it_does.sql")))?;
        files.push((version, description, file.to_string_lossy().into_owned()));
    }
    files.sort();
    if let Some(twice) = files.windows(2).find(|files| files[0].0 == files[1].0) {
        return Err(failed(format!("{} and {} have one number", twice[0].2, twice[1].2)));
    }
    let files = files.iter().map(|(version, description, path)| {
        quote! {
            ::sqlx::migrate::Migration::new(
                #version,
                ::std::borrow::Cow::Borrowed(#description),
                ::sqlx::migrate::MigrationType::Simple,
                ::sqlx::SqlStr::from_static(::std::include_str!(#path)),
                false,
            )
        }
    });
    Ok(quote! { ::sqlx::migrate::Migrator::with_migrations(::std::vec![#(#files),*]) })
}

/// Number and description, as sqlx reads them from a file's name.
fn parse(name: &str) -> Option<(i64, String)> {
    let (version, description) = name.strip_suffix(".sql")?.split_once('_')?;
    Some((version.parse().ok()?, description.replace('_', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_its_number_and_what_it_does() {
        assert_eq!(parse("0012_add_holds.sql"), Some((12, "add holds".into())));
        for name in ["add_holds.sql", "0012.sql", "0012_add_holds.txt"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
