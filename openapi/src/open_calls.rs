//! The calls that need no key.

use anyhow::Context as _;
use serde_json::json;

use crate::json::{Json, Members};
use crate::problem::Problem;
use crate::shape::Shapes;

/// Their paths, and what each answers.
pub(crate) fn open_calls(
    shapes: &mut Shapes<'_>,
    problems: &[Problem],
) -> anyhow::Result<Vec<(String, Json)>> {
    let about = shapes.body("AboutBody")?;
    let any_object = || Json::from(json!({"type": "object", "additionalProperties": true}));
    let status = |words: &[&str]| {
        Json::object()
            .with("type", "object")
            .with(
                "properties",
                Json::object().with(
                    "status",
                    Json::object().with("type", "string").with("enum", Json::texts(words.to_vec())),
                ),
            )
            .with("required", Json::texts(["status"]))
    };
    let reasons = |description: &str| {
        let word = Json::object().with("type", "string");
        Json::object().with("type", "array").with("items", word).with("description", description)
    };
    let words =
        Json::object().with("type", "string").with("enum", Json::texts(["ready", "not-ready"]));
    let properties = Json::object()
        .with("status", words)
        .with("reasons", reasons("why the process isn't ready, in words; none while it is"))
        .with("degraded", reasons("what else doesn't work, in words"));
    shapes.schemas.insert(
        "Health".into(),
        Json::object()
            .with("type", "object")
            .with("properties", properties)
            .with("required", Json::texts(["status", "reasons"]))
            .with(
                "description",
                "Whether the process does its work, and each part's status; operators and \
                 auditors are also told the causes.",
            ),
    );
    let health = || Json::reference("schemas/Health");
    let text = || Json::from(json!({"type": "string"}));
    let not_ready =
        answer("The process doesn't do its work, or is starting.", "application/json", health());
    let slug = Json::object()
        .with("name", "slug")
        .with("in", "path")
        .with("required", true)
        .with("description", "the problem's `code`")
        .with("schema", text().with("minLength", 1_u64))
        .with("example", "sold-out");
    let ok = |kind: &str, schema: Json| vec![("200", answer("What was asked for.", kind, schema))];
    let json_ok = |schema: Json| ok("application/json", schema);
    let live = status(&["live"]);
    let mut ready = json_ok(health());
    ready.push(("503", not_ready));
    let mut problem = ok("text/plain", text());
    problem.push(("404", refused(problems, "not-found")?));
    Ok(vec![
        open("/", "getRoot", "What this is, and where to read on.", vec![], json_ok(about.clone())),
        open("/v1", "getApi", "What this is, and where to read on.", vec![], json_ok(about)),
        open("/health/live", "getLive", "Whether the process runs.", vec![], json_ok(live)),
        open("/health/ready", "getReady", "Whether the process does its work.", vec![], ready),
        open(
            "/problems",
            "listProblems",
            "All problems, as text.",
            vec![],
            ok("text/plain", text()),
        ),
        open(
            "/problems/{slug}",
            "getProblem",
            "What a problem means and asks for, as text.",
            vec![slug],
            problem,
        ),
        open("/openapi.json", "getOpenapi", "This document.", vec![], json_ok(any_object())),
        open(
            "/docs",
            "getDocs",
            "A page of this document that can make the calls.",
            vec![],
            ok("text/html", text()),
        ),
    ])
}

/// The answer with a problem.
pub(crate) fn refused(problems: &[Problem], code: &str) -> anyhow::Result<Json> {
    let known = problems.iter().find(|problem| problem.code == code);
    known.with_context(|| format!("a problem {code}"))?;
    let examples = Json::object().with(code, Json::reference(&format!("examples/{code}")));
    let media = Json::object().with("schema", Json::reference("schemas/Problem"));
    let content = Json::object().with("application/problem+json", media.with("examples", examples));
    Ok(Json::object().with("description", format!("- `{code}`")).with("content", content))
}

pub(crate) fn answer(description: &str, kind: &str, schema: Json) -> Json {
    let media = Json::object().with("schema", schema);
    Json::object()
        .with("description", description)
        .with("content", Json::object().with(kind, media))
}

pub(crate) fn open(
    path: &str,
    id: &str,
    does: &str,
    parameters: Vec<Json>,
    answers: Vec<(&str, Json)>,
) -> (String, Json) {
    let mut responses = Members::new();
    for (status, answer) in answers {
        responses.insert(status.into(), answer);
    }
    let operation = Json::object()
        .with("operationId", id)
        .with("tags", Json::texts(["open"]))
        .with("summary", does)
        .with("security", Json::List(vec![]))
        .with("parameters", parameters)
        .with("responses", responses);
    (path.to_owned(), Json::object().with("get", operation))
}
