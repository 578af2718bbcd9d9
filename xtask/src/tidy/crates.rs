//! Which crate imports which, as `docs/ARCHITECTURE.md` shows it: the two say the same, no import
//! points backwards, and what a crate must know nothing of isn't among its packages.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use crate::run::output;

/// The line before the picture.
const MARK: &str = "<!-- imports: checked by `cargo xtask tidy` -->";

/// Packages that a crate must not import, by crate.
const MUST_NOT: [(&str, &[&str]); 9] = [
    ("log-record", &["axum", "rdkafka", "rusqlite", "sqlx", "tokio", "tokio-postgres"]),
    (
        "domain",
        &[
            "axum",
            "getrandom",
            "rdkafka",
            "rusqlite",
            "serde_json",
            "sqlx",
            "tokio",
            "tokio-postgres",
            "tracing",
        ],
    ),
    ("event-schema", &["axum", "rdkafka", "rusqlite", "sqlx", "tokio", "tokio-postgres"]),
    ("event-store", &["axum", "rdkafka"]),
    ("trace", &["axum", "opentelemetry", "tokio"]),
    ("read-model", &["axum", "rdkafka"]),
    ("projector", &["axum", "rdkafka"]),
    ("query-api", &["rdkafka", "rusqlite", "tokio-postgres"]),
    ("command-api", &["rdkafka", "rusqlite", "sqlx", "tokio-postgres"]),
];

/// A crate of ours, and the packages that it imports, ours and others'.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// What is wrong with the imports or with their picture.
pub(super) fn complaints(architecture: &str) -> anyhow::Result<Vec<String>> {
    let tree = ["tree", "--workspace", "--all-features", "--edges", "normal", "--depth", "1"];
    let tree = [&tree[..], &["--prefix", "depth", "--no-dedupe"]].concat();
    let tree = output(env!("CARGO"), &tree).context("cargo tree fails")?;
    Ok(compare(&imports(&tree), architecture))
}

/// Reads lines like `0domain v0.1.0 (…)` and, under them, `1serde v1.0.0`.
fn imports(tree: &str) -> Imports {
    let (mut imports, mut of) = (Imports::new(), String::new());
    for line in tree.lines() {
        let Some(name) = line.get(1..).and_then(|rest| rest.split(' ').next()) else { continue };
        if line.starts_with('0') {
            name.clone_into(&mut of);
            imports.entry(of.clone()).or_default();
        } else if let Some(packages) = imports.get_mut(&of) {
            packages.insert(name.to_owned());
        }
    }
    imports
}

fn compare(imports: &Imports, architecture: &str) -> Vec<String> {
    let mut found = vec![];
    let drawn = drawn(architecture);
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for (name, shown) in &drawn {
        let Some(packages) = imports.get(*name) else {
            found.push(format!("docs/ARCHITECTURE.md: there is no crate {name}"));
            continue;
        };
        let ours: BTreeSet<&str> = packages
            .iter()
            .map(String::as_str)
            .filter(|name| imports.contains_key(*name))
            .collect();
        if ours != *shown {
            let (ours, shown) = (list(&ours), list(shown));
            found.push(format!("docs/ARCHITECTURE.md: {name} imports {ours}; it shows {shown}"));
        }
        for backwards in ours.difference(&above) {
            found.push(format!("{name} imports {backwards}, which doesn't stand above it"));
        }
        above.insert(name);
    }
    for name in imports.keys().filter(|name| !above.contains(name.as_str())) {
        found.push(format!("docs/ARCHITECTURE.md: {name} is not among the imports"));
    }
    for (name, banned) in MUST_NOT {
        let has = |package: &&str| imports.get(name).is_some_and(|all| all.contains(*package));
        for package in banned.iter().copied().filter(has) {
            found.push(format!("{name} must know nothing of {package}"));
        }
    }
    found
}

/// The lines `crate ← crate, crate` of the picture, in its order.
fn drawn(architecture: &str) -> Vec<(&str, BTreeSet<&str>)> {
    let Some((_, after)) = architecture.split_once(MARK) else { return vec![] };
    let picture = after.split("```").nth(1).unwrap_or_default();
    let lines = picture.lines().skip(1).filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (name, imports) = line.split_once('←').unwrap_or((line, ""));
            let imports = imports.split(',').map(str::trim).filter(|name| !name.is_empty());
            (name.trim(), imports.collect())
        })
        .collect()
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str =
        "0base v0.1.0 (/a)\n\n0rules v0.1.0 (/b)\n1base v0.1.0 (/a)\n1serde v1.0.0\n";

    fn found(picture: &str) -> String {
        compare(&imports(TREE), &format!("{MARK}\n```text\n{picture}\n```\n")).join("\n")
    }

    #[test]
    fn a_true_picture_is_left_alone() {
        assert_eq!(found("base\n\nrules ← base"), "");
    }

    #[test]
    fn a_picture_that_is_not_true_is_named() {
        for (picture, complaint) in [
            ("base\nrules", "rules imports base; it shows "),
            ("base", "rules is not among the imports"),
            ("rules ← base\nbase", "rules imports base, which doesn't stand above it"),
            ("base\nrules ← base\nother", "there is no crate other"),
        ] {
            assert!(found(picture).contains(complaint), "{picture}: {}", found(picture));
        }
    }

    #[test]
    fn a_package_that_a_crate_must_not_know_is_named() {
        let imports = imports("0domain v0.1.0 (/a)\n1tokio v1.0.0\n");
        let found = compare(&imports, &format!("{MARK}\n```text\ndomain\n```\n"));
        assert_eq!(found, ["domain must know nothing of tokio"]);
    }
}
