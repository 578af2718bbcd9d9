//! `docs/openapi.json` is what the code and the reference say, and its examples are what its
//! schemas say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use openapi::{CALLS, Pages, document};
use serde_json::{Value, json};

/// How to have the right text written.
const WRITE: &str = "GUERDON_TOUR=write cargo test -p openapi";

#[test]
fn the_document_is_what_the_code_and_the_reference_say() {
    let made = document().expect("the document can be made");
    if is_to_be_written() {
        fs::write(path(), &made).expect("it can be written");
    }
    let kept = fs::read_to_string(path()).expect("docs/openapi.json");
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "docs/openapi.json differs from what the code says, first in line {}; to have it written: \
         {WRITE}",
        differs.map_or(0, |index| index + 1)
    );
}

#[test]
fn every_reference_leads_somewhere() {
    let document = kept();
    let mut found = 0;
    walk(&document, &mut |value| {
        if let Some(to) = value["$ref"].as_str() {
            let pointer = to.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{to} leads nowhere");
            found += 1;
        }
    });
    assert!(found > 1_000, "{found} references");
}

#[test]
fn every_call_answers_with_the_statuses_that_its_section_names() {
    let pages = Pages::read().expect("docs/reference");
    for section in pages.calls() {
        let name = section.name();
        let call = CALLS.iter().find(|call| call.name == name).expect("a call");
        let own: BTreeSet<u16> = call.answers.iter().map(|(status, _)| *status).collect();
        let words = section.answer.split(|c: char| !c.is_ascii_digit());
        let statuses = [200, 201, 202, 204];
        let said: BTreeSet<u16> =
            words.filter_map(|word| word.parse().ok()).filter(|it| statuses.contains(it)).collect();
        // "As of PUT": what is said there.
        assert!(said.is_subset(&own), "{name}: the section names {said:?}, the table {own:?}");
        assert!(!said.is_empty() || section.answer.starts_with("as of"), "{name} names no status");
    }
}

#[test]
fn every_call_has_a_name_of_its_own_and_all_that_a_client_needs() {
    let document = kept();
    let mut ids = BTreeSet::new();
    let mut calls = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(ids.insert(id), "{id} is there twice");
            let in_path = path.matches('{').count();
            let parameters = operation["parameters"].as_array().expect("parameters");
            let named = parameters.iter().filter(|it| it["in"] == "path").count();
            assert_eq!(in_path, named, "{method} {path}");
            if operation["security"].as_array().is_some_and(Vec::is_empty) {
                continue;
            }
            calls += 1;
            let answers = operation["responses"].as_object().expect("answers");
            for status in ["400", "401", "403", "404", "500", "503"] {
                assert!(answers.contains_key(status), "{method} {path} can be answered {status}");
            }
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
    assert_eq!(calls, CALLS.len());
}

#[test]
fn every_example_is_what_its_schema_says() {
    let document = kept();
    // The parts that schemas refer to are gone through once, and not for each of them.
    let parts = json!({"components": document["components"]});
    let parts = jsonschema::Registry::new().add(PARTS, parts).expect("a name");
    let parts = parts.prepare().expect("they are whole");
    let mut seen = 0;
    walk(&document["paths"], &mut |media| {
        let (Some(schema), Some(examples)) = (media.get("schema"), media["examples"].as_object())
        else {
            return;
        };
        let mut schema = schema.clone();
        refer_to_parts(&mut schema);
        let options = jsonschema::options().with_registry(&parts);
        let validator = options.build(&schema).expect("a schema");
        for (name, example) in examples {
            if let Some(value) = example.get("value") {
                let wrong: Vec<String> =
                    validator.iter_errors(value).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{name} {value}: {wrong:?}");
                seen += 1;
            }
        }
    });
    assert!(seen > 130, "{seen} examples");
}

/// What references of a schema to the document's parts begin with.
const PARTS: &str = "urn:parts";

fn refer_to_parts(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref") {
                to.insert_str(0, PARTS);
            }
            members.values_mut().for_each(refer_to_parts);
        }
        Value::Array(items) => items.iter_mut().for_each(refer_to_parts),
        _ => {}
    }
}

fn walk(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(members) => members.values().for_each(|value| walk(value, look)),
        Value::Array(items) => items.iter().for_each(|value| walk(value, look)),
        _ => {}
    }
}

fn kept() -> Value {
    let text = fs::read_to_string(path()).expect("docs/openapi.json");
    serde_json::from_str(&text).expect("JSON")
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn is_to_be_written() -> bool {
    std::env::var("GUERDON_TOUR").is_ok_and(|word| word == "write")
}
