//! What the Markdown files promise about other files: a link leads somewhere, a document or source
//! file that a page names exists, and a type that the glossary names is declared.

use std::collections::BTreeSet;
use std::path::{Component, Path};

type File = (String, String);

const GLOSSARY: &str = "docs/GLOSSARY.md";

/// How the words of Rust that declare a name begin.
const DECLARATIONS: [&str; 7] = ["struct ", "enum ", "trait ", "type ", "fn ", "const ", "mod "];

pub(super) fn complaints(files: &[File]) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in files {
        if path.ends_with(".md") {
            found.extend(dead_links(path, text, files));
            found.extend(missing_sources(path, text, files));
        }
        found.extend(missing_documents(path, text, files));
        if path == GLOSSARY {
            found.extend(undeclared_types(text, files));
        }
    }
    found
}

/// Relative links whose file or heading doesn't exist.
fn dead_links(path: &str, text: &str, files: &[File]) -> Vec<String> {
    let mut found = vec![];
    for (number, line) in prose(text) {
        for link in links(line) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { path.to_owned() } else { resolve(path, target) };
            let exists = exists(&target, files);
            if !exists || !(anchor.is_empty() || has_heading(&target, anchor, files)) {
                found.push(format!("{path}:{number}: the link to {link} leads nowhere"));
            }
        }
    }
    found
}

/// Documents under `docs/` that any file names, and that don't exist.
fn missing_documents(path: &str, text: &str, files: &[File]) -> Vec<String> {
    let is_of_a_path = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let mut found = vec![];
    for (index, line) in text.lines().enumerate() {
        for (start, _) in line.match_indices(concat!("do", "cs/")) {
            let name: String = line[start..].chars().take_while(|c| is_of_a_path(*c)).collect();
            let name = name.trim_end_matches('.');
            if name.ends_with(".md") && !exists(name, files) {
                found.push(format!("{path}:{}: {name} doesn't exist", index + 1));
            }
        }
    }
    found
}

/// Files and folders of the project that a Markdown file names in code style, and that don't exist.
fn missing_sources(path: &str, text: &str, files: &[File]) -> Vec<String> {
    // `domain/src/command/COMMAND.rs` stands for any command.
    let is_placeholder = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part);
        stem.len() > 1 && stem.chars().all(|c| c.is_ascii_uppercase()) && !part.ends_with(".md")
    };
    let is_pattern = |name: &str| {
        name.contains([' ', '{', '*', '…', ':', '=', '<']) || name.split('/').any(is_placeholder)
    };
    let mut found = vec![];
    for (number, line) in prose(text) {
        for name in line.split('`').skip(1).step_by(2) {
            let Some((folder, _)) = name.split_once('/') else { continue };
            let is_ours = !folder.is_empty() && !is_pattern(name) && exists(folder, files);
            let name = name.trim_end_matches('/');
            if is_ours && !exists(name, files) && !exists(&resolve(path, name), files) {
                found.push(format!("{path}:{number}: {name} doesn't exist"));
            }
        }
    }
    found
}

/// Types in the last column of the glossary's tables that no Rust file declares.
fn undeclared_types(glossary: &str, files: &[File]) -> Vec<String> {
    let sources: Vec<&str> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(_, text)| text.as_str())
        .collect();
    let mut found = vec![];
    for (index, line) in glossary.lines().enumerate() {
        let Some((_, column)) = line.strip_suffix('|').and_then(|row| row.rsplit_once('|')) else {
            continue;
        };
        for name in column.split('`').skip(1).step_by(2) {
            let last = name.rsplit("::").next().unwrap_or(name);
            if !sources.iter().any(|source| declares(source, last)) {
                found.push(format!("{GLOSSARY}:{}: no code declares {name}", index + 1));
            }
        }
    }
    found
}

fn declares(source: &str, name: &str) -> bool {
    let goes_on = |rest: &str| rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let is_declared = DECLARATIONS.iter().any(|word| {
        let declaration = format!("{word}{name}");
        let mut places = source.match_indices(&declaration);
        places.any(|(at, _)| !goes_on(&source[at + declaration.len()..]))
    });
    // Ids and amounts are declared by a macro that is given the name first on a line.
    let is_given = |rest: &str| rest.is_empty() || rest.starts_with(", ");
    is_declared || source.lines().any(|line| line.trim().strip_prefix(name).is_some_and(is_given))
}

/// The numbered lines that aren't in a block of code.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        (!is_code && !is_fence).then_some((index + 1, line))
    })
}

/// The targets of a line's links.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, opening)| {
        let rest = &line[at + opening.len()..];
        rest.split_once(')').map(|(target, _)| target)
    })
}

/// A target beside the file that links to it, as a path from the project's folder.
fn resolve(path: &str, target: &str) -> String {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut parts: Vec<String> = vec![];
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            _ => {}
        }
    }
    parts.join("/")
}

fn exists(target: &str, files: &[File]) -> bool {
    let folder = format!("{target}/");
    files.iter().any(|(path, _)| path == target || path.starts_with(&folder))
}

fn has_heading(target: &str, anchor: &str, files: &[File]) -> bool {
    let text = files.iter().find(|(path, _)| path == target).map(|(_, text)| text.as_str());
    let headings = prose(text.unwrap_or_default()).filter(|(_, line)| line.starts_with('#'));
    let anchors: BTreeSet<String> = headings.map(|(_, line)| anchor_of(line)).collect();
    anchors.contains(anchor)
}

/// The anchor that GitHub gives a heading.
fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        (path.to_owned(), text.to_owned())
    }

    #[test]
    fn a_link_leads_to_a_file_a_folder_or_a_heading() {
        let files = [
            file(
                "README.md",
                "[a](guide/A.md) [b](guide/) [c](guide/A.md#to-be-read) [d](#here)\n# Here",
            ),
            file(
                "guide/A.md",
                "## To be read\n[back](../README.md) [web](https://example.org/x)\n",
            ),
        ];
        assert_eq!(complaints(&files), Vec::<String>::new());
    }

    #[test]
    fn a_link_that_leads_nowhere_is_named_with_its_place() {
        let files = [
            file("guide/A.md", "one\n[b](B.md)\n[c](#nowhere)\n```\n[in code](C.md)\n```\n"),
            file("src/a.rs", concat!("//! See do", "cs/C.md.\n")),
        ];
        let found = complaints(&files).join("\n");
        assert!(found.contains("guide/A.md:2: the link to B.md"), "{found}");
        assert!(found.contains("guide/A.md:3: the link to #nowhere"), "{found}");
        assert!(found.contains("src/a.rs:1"), "{found}");
        assert_eq!(found.lines().count(), 3, "{found}");
    }

    #[test]
    fn a_source_that_a_document_names_and_that_does_not_exist_is_named() {
        let files = [
            file("guide/A.md", "`src/a.rs`, `src/`, `GET src/x`, `text/html`\n`src/b.rs`\n"),
            file("src/a.rs", ""),
        ];
        let found = complaints(&files).join("\n");
        assert_eq!(found, "guide/A.md:2: src/b.rs doesn't exist");
    }

    #[test]
    fn a_type_of_the_glossary_that_no_code_declares_is_named() {
        let glossary = "| lot | credit | `LotId` |\n| part | of a lot | `LotPart`, `a::Hold` |\n";
        let source = "pub struct LotId(u64);\nstruct LotParts;\npub(crate) enum Hold {}\n";
        let files = [file(GLOSSARY, glossary), file("domain/src/lot.rs", source)];
        let found = complaints(&files).join("\n");
        assert!(found.contains(":2: no code declares LotPart"), "{found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}
