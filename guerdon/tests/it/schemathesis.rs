//! Calls made at random by the served OpenAPI document, with a valid key of each role: nothing
//! comes that the document doesn't describe, and no server error.
//!
//! The edges of every parameter and field are tried by a role that may make the call. With
//! `GUERDON_SCHEMATHESIS_EXAMPLES` every role tries them, and each call gets so many random cases.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::ledger::Ledger;

const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// What is looked at.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ignored_auth";

/// A broker isn't there, and says so by 503. No other server error is right.
const CONFIG: &str = r#"
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
"#;

/// What is tried: the document's examples, the edges of each parameter and field, random values,
/// and calls that go on from one another.
const PHASES: &str = "examples,coverage,fuzzing,stateful";

/// A ledger with a little in it, and the program that asks it.
struct Asked {
    ledger: Ledger,
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl Asked {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let python = services::python_with(SCHEMATHESIS).expect("a Python with schemathesis");
        let program = python.parent().expect("a folder").join("schemathesis");
        let ledger = Ledger::start_with_publisher(folder.path());
        let api = &ledger.client;
        // What the document's examples are about.
        let offer = json!({"product_id": "mug-blue", "price": 150, "stock": 1_000});
        api.put("operator", "/v1/offers/mug", offer).await.is(201);
        let credit = json!({"points": 1_000, "cause": {"kind": "review", "id": "R-1"}});
        api.post("merchant", "/v1/accounts/ann/credits", credit).await.is(201);
        fs::write(folder.path().join("schemathesis.toml"), CONFIG).expect("written");
        Self { ledger, folder, program }
    }

    /// Makes calls as a role; all of them where none is named.
    fn ask(&self, role: &str, phases: &str, calls: &[String]) {
        let key = self.ledger.client.key(role);
        let mut command = Command::new(&self.program);
        command.args(["--config-file", "schemathesis.toml", "run"]);
        command.arg(format!("{}/openapi.json", self.ledger.client.url));
        command.args(["--header", &format!("Authorization: Bearer {key}")]);
        command.args(["--phases", phases, "--checks", CHECKS, "--continue-on-failure"]);
        command.args(["--max-examples", &examples().unwrap_or_else(|| "1".into())]);
        // Python 3.11 fails now and then where two of its threads make cases.
        command.args(["--seed", "1", "--generation-deterministic", "--workers", "1"]);
        command.args(["--no-color", "--request-timeout", "30", "--warnings", "off"]);
        // The rest of the ledger would stand still.
        command.args(["--exclude-operation-id", "turnSwitch"]);
        for call in calls {
            command.args(["--include-operation-id", call]);
        }
        let output = command.current_dir(self.folder.path()).output().expect("it can be run");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "as {role}: {}\n{said}", output.status);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_calls_at_random_are_answered_as_the_document_says() {
    let asked = Asked::start().await;
    asked.ask("operator", PHASES, &[]);
    assert_eq!(asked.ledger.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_roles_calls_at_random_are_answered_as_the_document_says() {
    let asked = Asked::start().await;
    let phases = if examples().is_some() { PHASES } else { "examples,fuzzing,stateful" };
    for role in ["shopper", "merchant", "warehouse", "auditor"] {
        // What no operator may do, this role does to the edges.
        let own = calls_of(role);
        if !own.is_empty() {
            asked.ask(role, PHASES, &own);
        }
        asked.ask(role, phases, &[]);
    }
    assert_eq!(asked.ledger.stop(), Some(0));
}

/// The calls that a role may make, and an operator may not.
fn calls_of(role: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = fs::read_to_string(path).expect("docs/openapi.json");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let items = document["paths"].as_object().expect("paths").values();
    let calls = items.flat_map(|item| item.as_object().expect("operations").values());
    let own = calls.filter(|call| {
        let roles = call["x-roles"].as_array().map_or(&[][..], Vec::as_slice);
        roles.contains(&json!(role)) && !roles.contains(&json!("operator"))
    });
    own.map(|call| call["operationId"].as_str().expect("a name").to_owned()).collect()
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn examples() -> Option<String> {
    std::env::var("GUERDON_SCHEMATHESIS_EXAMPLES").ok()
}
