//! `#[derive(FromRow)]`: a struct with named fields from a row of any database.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt as _;
use syn::{Data, DeriveInput, Error, Field, Fields};

pub(crate) fn derive(input: &DeriveInput) -> syn::Result<TokenStream> {
    let only = || Error::new_spanned(&input.ident, "FromRow is for structs with named fields");
    let Data::Struct(data) = &input.data else { return Err(only()) };
    let Fields::Named(fields) = &data.fields else { return Err(only()) };
    let (mut bounds, mut values) = (vec![], vec![]);
    for field in &fields.named {
        let (name, of_type) = (&field.ident, &field.ty);
        if is_flat(field)? {
            bounds.push(quote!(#of_type: ::sqlx::FromRow<'r, R>));
            values.push(quote!(#name: ::sqlx::FromRow::from_row(row)?));
        } else {
            let column = name.as_ref().map(|name| name.unraw().to_string());
            bounds.push(quote!(#of_type: ::sqlx::Decode<'r, R::Database>));
            bounds.push(quote!(#of_type: ::sqlx::Type<R::Database>));
            values.push(quote!(#name: row.try_get(#column)?));
        }
    }
    let row = &input.ident;
    let (_, generics, _) = input.generics.split_for_impl();
    let parameters = input.generics.type_params().map(|parameter| &parameter.ident);
    Ok(quote! {
        #[automatically_derived]
        impl<'r, R: ::sqlx::Row, #(#parameters),*> ::sqlx::FromRow<'r, R> for #row #generics
        where
            &'r str: ::sqlx::ColumnIndex<R>,
            #(#bounds,)*
        {
            fn from_row(row: &'r R) -> ::sqlx::Result<Self> {
                ::std::result::Result::Ok(Self { #(#values,)* })
            }
        }
    })
}

/// Whether the field has `#[sqlx(flatten)]`; nothing else may stand there.
fn is_flat(field: &Field) -> syn::Result<bool> {
    let mut is_flat = false;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("sqlx")) {
        attribute.parse_nested_meta(|meta| {
            is_flat = meta.path.is_ident("flatten");
            if is_flat { Ok(()) } else { Err(meta.error("only `flatten` is known here")) }
        })?;
    }
    Ok(is_flat)
}
