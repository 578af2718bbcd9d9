//! What serde's attributes say of a type, a field or a variant.

use anyhow::{Context as _, bail};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token};

/// What serde's attributes of a field say.
#[derive(Default)]
pub(crate) struct Attributes {
    pub(crate) rename: Option<String>,
    pub(crate) is_skipped: bool,
    pub(crate) is_flat: bool,
    pub(crate) has_default: bool,
    pub(crate) may_be_left_out: bool,
    pub(crate) with: Option<String>,
}

/// Whether a type is read, and whether it is written.
pub(crate) fn derives(attributes: &[Attribute]) -> (bool, bool) {
    let (mut reads, mut writes) = (false, false);
    for attribute in attributes.iter().filter(|it| it.path().is_ident("derive")) {
        let Ok(list) = attribute.meta.require_list() else { continue };
        let text = list.tokens.to_string();
        reads |= text.contains("Deserialize");
        writes |= text.replace("Deserialize", "").contains("Serialize");
    }
    (reads, writes)
}

/// The names and values in serde's attributes; a name alone has no value.
pub(crate) fn serde_values(attributes: &[Attribute]) -> anyhow::Result<Vec<(String, String)>> {
    let mut values = vec![];
    for attribute in attributes.iter().filter(|it| it.path().is_ident("serde")) {
        let all = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?;
        for meta in all {
            let name = meta.path().get_ident().context("serde's words are single")?.to_string();
            let value = match &meta {
                Meta::NameValue(pair) => match &pair.value {
                    Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => text.value(),
                    _ => bail!("serde's {name} is no text"),
                },
                Meta::Path(_) | Meta::List(_) => String::new(),
            };
            values.push((name, value));
        }
    }
    Ok(values)
}

/// What the attributes of a field or a variant say.
pub(crate) fn attributes(of: &[Attribute]) -> anyhow::Result<Attributes> {
    let mut said = Attributes::default();
    for (name, value) in serde_values(of)? {
        match name.as_str() {
            "rename" => said.rename = Some(value),
            "skip" => said.is_skipped = true,
            "flatten" => said.is_flat = true,
            "default" => said.has_default = true,
            "skip_serializing_if" => said.may_be_left_out = true,
            "with" | "deserialize_with" => said.with = Some(value),
            other => bail!("nobody has said what serde's {other} does to a schema"),
        }
    }
    Ok(said)
}
