//! The source of the crates that have routers, handlers, bodies and problems, as syntax trees.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use syn::{Attribute, Item, ItemEnum, ItemFn, ItemStruct};

use crate::repository;

/// Where types, handlers and routers are: folders, and a file.
const FOLDERS: [(&str, &str); 9] = [
    ("wire", "wire/src"),
    ("command-api", "command-api/src"),
    ("query-api", "query-api/src"),
    ("publisher", "publisher/src"),
    ("audit", "audit/src"),
    ("guerdon", "guerdon/src/serve"),
    ("domain", "domain/src"),
    ("event-schema", "event-schema/src/v1"),
    ("openapi", "openapi/src/answers.rs"),
];

/// A file of a crate.
pub(crate) struct SourceFile {
    pub(crate) of_crate: &'static str,
    /// From the repository's root.
    pub(crate) path: String,
    pub(crate) items: Vec<Item>,
}

/// A type's definition, and the file that it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Definition<'s> {
    pub(crate) kind: Kind<'s>,
    pub(crate) home: &'s SourceFile,
}

/// What a type is.
#[derive(Clone, Copy)]
pub(crate) enum Kind<'s> {
    Struct(&'s ItemStruct),
    Enum(&'s ItemEnum),
}

pub(crate) struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let mut files = vec![];
        for (of_crate, folder) in FOLDERS {
            let (root, mut paths) = (repository(folder), vec![]);
            find_sources(&root, &mut paths)?;
            paths.sort();
            for path in paths {
                let text = fs::read_to_string(&path)?;
                let syntax = syn::parse_file(&text)
                    .with_context(|| format!("{} can't be read", path.display()))?;
                let within = path.strip_prefix(&root).unwrap_or(&path).display().to_string();
                let path = format!("{folder}/{within}");
                let items = syntax.items.into_iter().filter(|item| !is_test(item)).collect();
                files.push(SourceFile { of_crate, path, items });
            }
        }
        Ok(Self { files })
    }

    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The type with this name, as the code in a file means it: one of the file, of its crate, or
    /// of the crates whose types bodies are made of.
    pub(crate) fn find(&self, name: &str, home: &SourceFile) -> anyhow::Result<Definition<'_>> {
        let in_file = |file: &SourceFile| file.path == home.path;
        let in_crate = |file: &SourceFile| file.of_crate == home.of_crate;
        if let Some(found) = self.only_one(name, in_file)? {
            return Ok(found);
        }
        if let Some(found) = self.only_one(name, in_crate)? {
            return Ok(found);
        }
        for further in ["openapi", "wire", "publisher", "query-api", "domain", "event-schema"] {
            if let Some(found) = self.only_one(name, |file| file.of_crate == further)? {
                return Ok(found);
            }
        }
        bail!("{}: no source has a type {name}", home.path)
    }

    fn only_one(
        &self,
        name: &str,
        is_in: impl Fn(&SourceFile) -> bool,
    ) -> anyhow::Result<Option<Definition<'_>>> {
        let mut all = self.files.iter().filter(|file| is_in(file)).flat_map(|home| {
            home.items.iter().filter_map(move |item| definition(item, name, home))
        });
        match (all.next(), all.next()) {
            (None, _) => Ok(None),
            (found, None) => Ok(found),
            (Some(one), Some(other)) => {
                bail!("{name} is in {} and in {}", one.home.path, other.home.path)
            }
        }
    }

    /// The function with this name, as a router in a file means it.
    pub(crate) fn function(
        &self,
        name: &str,
        home: &SourceFile,
    ) -> anyhow::Result<(&ItemFn, &SourceFile)> {
        let find = |is_in: &dyn Fn(&SourceFile) -> bool| {
            self.files.iter().filter(|file| is_in(file)).find_map(|file| {
                file.items.iter().find_map(|item| match item {
                    Item::Fn(found) if found.sig.ident == name => Some((found, file)),
                    _ => None,
                })
            })
        };
        find(&|file| file.path == home.path)
            .or_else(|| find(&|file| file.of_crate == home.of_crate))
            .with_context(|| format!("{}: no source has the handler {name}", home.path))
    }
}

fn definition<'s>(item: &'s Item, name: &str, home: &'s SourceFile) -> Option<Definition<'s>> {
    let kind = match item {
        Item::Struct(found) if found.ident == name => Kind::Struct(found),
        Item::Enum(found) if found.ident == name => Kind::Enum(found),
        _ => return None,
    };
    Some(Definition { kind, home })
}

fn find_sources(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if folder.is_file() {
        paths.push(folder.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            find_sources(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs")
            // Those have routers of their own.
            && path.file_name().is_none_or(|name| name != "tests.rs")
        {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_test(item: &Item) -> bool {
    let Item::Mod(module) = item else { return false };
    module.attrs.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// The text of a doc comment, in one line.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        let Ok(value) = attribute.meta.require_name_value() else { continue };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(line), .. }) = &value.value else {
            continue;
        };
        let line = line.value();
        let line = line.trim();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
    }
    text.trim().to_owned()
}
