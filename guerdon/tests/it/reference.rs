//! `docs/reference/` has a section for each call of the HTTP API. Its examples are made, in their
//! order, against a ledger that is started for each page, and its tables have every field.
//!
//! `GUERDON_TOUR=write cargo test -p guerdon reference` writes what came into the pages, and the
//! lists of calls into `docs/API.md` and `docs/CREDIT.md`.

mod layout;
mod player;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::document::{is_to_be_written, write_edits};
use crate::ledger::Ledger;
use crate::routes_and_roles::{self, filled};
use openapi::{Example, Pages, Side};
use player::Player;

/// How to have the right text written.
const WRITE: &str = "GUERDON_TOUR=write cargo test -p guerdon reference";

/// Refusals that no section names, because API.md says of which calls they are.
const OF_MANY_CALLS: [&str; 3] = ["time-ahead", "dry-run-unsupported", "too-much-at-once"];

/// The fields of each problem.
const PROBLEM: [&str; 5] = ["type", "title", "status", "detail", "code"];

#[test]
fn each_call_has_a_section_with_the_roles_that_may_make_it() {
    let pages = pages();
    let mut shown: Vec<(String, Vec<String>)> =
        pages.calls().map(|call| (call.name(), call.roles.clone())).collect();
    let roles = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
    let mut routes: Vec<(String, Vec<String>)> =
        routes_and_roles::table().iter().map(|route| (route.name(), roles(&route.roles))).collect();
    shown.sort();
    routes.sort();
    let missing: Vec<_> = routes.iter().filter(|route| !shown.contains(route)).collect();
    let extra: Vec<_> = shown.iter().filter(|call| !routes.contains(call)).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "docs/SECURITY.md has these routes, and docs/reference/ has no section for them with these \
         roles: {missing:?}; docs/reference/ has these, and docs/SECURITY.md hasn't: {extra:?}"
    );
    assert_eq!(shown.len(), routes.len(), "each call has one section");
}

#[test]
fn each_call_has_an_example_and_says_what_its_path_takes() {
    let pages = pages();
    for page in &pages.0 {
        for (index, section) in page.sections.iter().enumerate() {
            let Some((_, path)) = &section.call else { continue };
            let name = section.name();
            let in_path =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            assert_eq!(
                section.sent_in("path"),
                in_path.collect(),
                "{name}: the table has the path's"
            );
            let own = |example: &&Example| example.section == Some(index) && example.calls(section);
            let example = page.examples.iter().find(own);
            let is_answered = example.is_some_and(|example| example.answer.is_some());
            assert!(is_answered, "{name}: the section shows one call, and its answer");
        }
    }
}

#[test]
fn each_field_of_an_example_stands_in_a_table_of_its_section() {
    let pages = pages();
    let mut missing = String::new();
    for page in &pages.0 {
        for example in &page.examples {
            let Some(section) = example.section.map(|index| &page.sections[index]) else {
                continue;
            };
            let name = section.name();
            if !example.calls(section) {
                continue;
            }
            let (.., query) = example.asked();
            for parameter in query.split('&').filter_map(|pair| pair.split('=').next()) {
                let is_known = parameter.is_empty() || section.sent_in("query").contains(parameter);
                assert!(
                    is_known,
                    "{name}: {parameter} isn't among the table's fields of the query"
                );
            }
            let answer = example.answer.as_ref().map_or("", |answer| answer.text.as_str());
            let sides = [(Side::Asks, example.request.text.as_str()), (Side::Answers, answer)];
            for (side, text) in sides {
                let Some((head, body)) = text.split_once("\n\n") else { continue };
                let is_refused = head.starts_with("HTTP/1.1 4") || head.starts_with("HTTP/1.1 5");
                let Ok(body) = serde_json::from_str::<Value>(body) else { continue };
                let mut fields = BTreeSet::new();
                add_fields(&body, "", &mut fields);
                let known = pages.names(section, side);
                let unknown: Vec<_> = fields.difference(&known).collect();
                if !is_refused && !unknown.is_empty() {
                    writeln!(missing, "{}: {name}: {unknown:?}", page.name).expect("a text grows");
                }
            }
        }
    }
    assert!(
        missing.is_empty(),
        "fields of examples that no table of their section has:\n{missing}"
    );
}

#[test]
fn the_examples_show_what_the_calls_answer() {
    let (mut differences, mut undescribed) = (String::new(), vec![]);
    for page in &pages().0 {
        if page.examples.is_empty() {
            continue;
        }
        let mut player = Player::new();
        let mut edits = vec![];
        for example in &page.examples {
            let Err(came) = player.play(example) else { continue };
            let (line, request) = (example.request.lines.start + 1, &example.request.text);
            writeln!(differences, "{}:{line}: {request}\nis answered\n{came}", page.name)
                .expect("a text grows");
            edits.extend(example.answer.as_ref().map(|answer| (answer.lines.clone(), came)));
        }
        undescribed.append(&mut player.undescribed);
        if is_to_be_written() {
            write_edits(&page.path, &page.text, &edits);
        }
    }
    assert!(
        differences.is_empty() || is_to_be_written(),
        "{differences}\nTo have these answers written into docs/reference/: {WRITE}"
    );
    assert!(
        undescribed.is_empty(),
        "docs/openapi.json doesn't describe these answers:\n{}",
        undescribed.join("\n")
    );
}

#[test]
fn api_md_lists_all_calls_as_their_sections_have_them() {
    let mut rows = String::new();
    for call in pages().calls() {
        let (name, address, does) = (call.name(), &call.address, &call.does);
        writeln!(rows, "| [`{name}`](reference/{address}) | {does} |").expect("a text grows");
    }
    check_table("API.md", "| call | |", &rows);
}

#[test]
fn credit_md_names_the_calls_of_each_command() {
    let mut calls: Vec<(String, Vec<String>)> = vec![];
    for call in pages().calls() {
        let link = format!("[`{}`](reference/{})", call.name(), call.address);
        for command in &call.commands {
            match calls.iter_mut().find(|(known, _)| known == command) {
                Some((_, links)) => links.push(link.clone()),
                None => calls.push((command.clone(), vec![link.clone()])),
            }
        }
    }
    let mut rows = String::new();
    for (command, links) in calls {
        writeln!(rows, "| `{command}` | {} |", links.join(", ")).expect("a text grows");
    }
    check_table("CREDIT.md", "| command | calls |", &rows);
}

/// Checks the rows of the table with this head, or writes them.
#[track_caller]
fn check_table(document: &str, head: &str, rows: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(document);
    let text = fs::read_to_string(&path).expect("the document can be read");
    let head = format!("{head}\n|---|---|\n");
    let (before, rest) = text.split_once(&head).unwrap_or_else(|| panic!("{document} has {head}"));
    let is_row = |line: &&str| line.starts_with('|');
    let shown: String = rest.split_inclusive('\n').take_while(is_row).collect();
    if is_to_be_written() {
        let text = format!("{before}{head}{rows}{}", &rest[shown.len()..]);
        fs::write(&path, text).expect("it can be written");
    } else {
        assert_eq!(shown, rows, "docs/{document} differs from docs/reference/; {WRITE}");
    }
}

/// Each call is sent a field that nobody knows, and names those that it knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tables_have_every_field_that_a_call_takes() {
    let (folder, pages) = (tempfile::tempdir().expect("a folder"), pages());
    let ledger = Ledger::start_with_publisher(folder.path());
    let mut wrong = String::new();
    for section in pages.calls() {
        let (method, path) = section.call.as_ref().expect("a call");
        let path = filled(path, "7");
        let ask = async |path: &str, body: Option<Value>| {
            let mut request = ledger.client.request(method, path, &section.roles[0]);
            request = request.header("Idempotency-Key", "7");
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.expect("answered").text().await.expect("a text");
            let problem: Value = serde_json::from_str(&answer).unwrap_or_default();
            known(problem["detail"].as_str().unwrap_or_default())
        };
        let mut compare =
            |place: &str, taken: Option<BTreeSet<String>>, shown: BTreeSet<String>| {
                let taken = taken.unwrap_or_default();
                if taken != shown {
                    let name = section.name();
                    writeln!(wrong, "{name}: {place}: takes {taken:?}, the table has {shown:?}")
                        .expect("a text grows");
                }
            };
        let in_query = section.sent_in("query").into_iter().map(ToOwned::to_owned).collect();
        let is_write = method != "GET";
        let any = is_write.then(|| json!({}));
        compare("query", ask(&format!("{path}?~=1"), any).await, in_query);
        // A patch is read once it is merged onto what is there.
        if ["PUT", "POST"].contains(&method.as_str()) {
            let names = pages.names(section, Side::Asks);
            let parents: BTreeSet<&str> = names
                .iter()
                .map(|name| name.rsplit_once('.').map_or("", |(parent, _)| parent))
                .collect();
            for parent in parents {
                let taken = ask(&path, Some(unknown_in(parent))).await;
                let shown = names.iter().filter_map(|name| {
                    let (of, name) = name.rsplit_once('.').unwrap_or(("", name));
                    (of == parent && !name.is_empty()).then(|| name.to_owned())
                });
                compare(&format!("body {parent}"), taken, shown.collect());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_that_a_section_names_is_one_and_each_is_named() {
    let (folder, pages) = (tempfile::tempdir().expect("a folder"), pages());
    let ledger = Ledger::start_with_publisher(folder.path());
    let answer = ledger.client.request("GET", "/problems", "auditor").send().await;
    let listed = answer.expect("answered").text().await.expect("a text");
    let codes: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("/problems/")?.split_once(": "))
        .map(|(code, _)| code)
        .collect();
    let named: BTreeSet<&str> =
        pages.calls().flat_map(|call| &call.refusals).map(String::as_str).collect();
    let unknown: Vec<_> = named.difference(&codes).collect();
    assert!(unknown.is_empty(), "GET /problems doesn't list these: {unknown:?}");
    let refusals = domain::Refusal::ROWS.iter().map(|row| row.code);
    let unnamed: Vec<_> =
        refusals.filter(|code| !named.contains(code) && !OF_MANY_CALLS.contains(code)).collect();
    assert!(unnamed.is_empty(), "no section names these refusals: {unnamed:?}");
}

/// The source is read, because no example has every field that can be left out.
#[test]
fn some_table_has_each_field_of_each_answer() {
    let pages = pages();
    let named: BTreeSet<String> = pages
        .calls()
        .flat_map(|call| pages.names(call, Side::Answers))
        .map(|name| name.rsplit(['.', ']']).next().unwrap_or_default().to_owned())
        .collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/src/body");
    let mut missing = vec![];
    for entry in fs::read_dir(folder).expect("the bodies") {
        let text = fs::read_to_string(entry.expect("read").path()).expect("a source");
        let mut is_answer = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with("#[derive(") {
                is_answer = line.contains("Serialize") && !line.contains("Deserialize");
            }
            let field = line.strip_prefix("pub ").and_then(|line| line.split_once(": "));
            let Some((field, _)) = field.filter(|_| is_answer) else { continue };
            let field = field.trim_start_matches("r#");
            // Its fields stand among those around it.
            let is_flat =
                ["origin", "entry", "about", "fact", "fields", "page", "first"].contains(&field);
            if !field.contains(' ') && !is_flat && !named.contains(field) {
                missing.push(field.to_owned());
            }
        }
    }
    assert!(missing.is_empty(), "no table of docs/reference/ has these fields: {missing:?}");
}

fn pages() -> Pages {
    Pages::read().expect("docs/reference can be read")
}

fn add_fields(value: &Value, before: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            // A problem has facts of its own beside these fields.
            let is_problem = value["type"].as_str().is_some_and(|it| it.starts_with("/problems/"));
            let is_fact = |name: &str| !PROBLEM.contains(&name);
            for (name, value) in members.iter().filter(|(name, _)| !is_problem || !is_fact(name)) {
                let dot = if before.is_empty() { "" } else { "." };
                let name = format!("{before}{dot}{name}");
                add_fields(value, &name, fields);
                fields.insert(name);
            }
        }
        Value::Array(items) => {
            items.iter().for_each(|item| add_fields(item, &format!("{before}[]"), fields));
        }
        _ => {}
    }
}

/// A body with an unknown field at the end of a way such as `lines[]`.
fn unknown_in(parent: &str) -> Value {
    let ways = parent.split('.').filter(|part| !part.is_empty()).rev();
    ways.fold(json!({"~": 0}), |inner, part| match part.strip_suffix("[]") {
        Some(part) => json!({part: [inner]}),
        None => json!({part: inner}),
    })
}

/// The names that a complaint about an unknown one gives; none where none is known.
fn known(detail: &str) -> Option<BTreeSet<String>> {
    let (_, rest) = detail.split_once("is unknown")?;
    Some(rest.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect())
}
