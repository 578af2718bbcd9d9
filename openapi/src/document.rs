//! The whole document.

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::calls::CALLS;
use crate::json::{Json, Members};
use crate::log_calls::log_calls;
use crate::open_calls::open_calls;
use crate::operation::Known;
use crate::page::Pages;
use crate::problem::{Problem, problems};
use crate::route::routes;
use crate::shape::Shapes;
use crate::source::Sources;

const ABOUT: &str = "A ledger of credit points and of what they are redeemed for.\n\n\
    **Keys.** Send `Authorization: Bearer KEY`, or a token (JWT) in place of the key where the \
    ledger takes tokens. `x-roles` lists the roles whose keys and tokens may make a call.\n\n\
    **Repeats.** A request under an id takes effect once. The same request again gets 200 with \
    `Idempotency-Replayed: true` and the body of the first answer; another request under the same \
    id gets 422 `id-reused`.\n\n\
    **Reading your writes.** A call that records an event answers with `Guerdon-Position`; a read \
    with this header waits for that event.\n\n\
    **Lists** answer `items` and `next`; `next` is the `cursor` of the next page, or null.\n\n\
    **Errors** are problem documents (RFC 9457). Programs go by `code`; `x-problem-codes` lists \
    the codes of a call by status, and `/problems/{code}` explains each. An answer may get more \
    fields; the fields here stay.";

/// The document's text, with a line end.
pub fn document() -> anyhow::Result<String> {
    let sources = Sources::read()?;
    let (pages, problems) = (Pages::read()?, problems(&sources)?);
    let routes = routes(&sources)?;
    let mut shapes = Shapes::new(&sources);
    shapes.schemas.insert("Problem".into(), problem_schema());
    let mut responses = Members::new();
    let mut paths = Members::new();
    let mut open = open_calls(&mut shapes, &problems)?;
    open.extend(log_calls(&problems)?);
    for (path, item) in open {
        paths.insert(path, item);
    }
    let mut wrong = vec![];
    let mut tags = vec![Json::object().with("name", "open").with("description", "Without a key.")];
    for page in &pages.0 {
        let before = paths.len();
        for (at, section) in page.sections.iter().enumerate() {
            let Some((method, path)) = &section.call else { continue };
            let name = section.name();
            let call = CALLS.iter().find(|call| call.name == name);
            let call = call.with_context(|| format!("openapi/src/calls.rs has no {name}"))?;
            let route = routes.iter().find(|route| route.name() == name);
            let route = route.with_context(|| format!("no router has {name}"))?;
            let known =
                Known { call, route, section, page, at, pages: &pages, problems: &problems };
            match known.operation(&routes, &mut shapes, &mut responses) {
                Ok(operation) => {
                    let item = paths.entry(path.clone()).or_insert_with(Json::object);
                    item.set(&method.to_lowercase(), operation);
                }
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
        if paths.len() > before {
            let title = page.text.lines().next().unwrap_or_default().trim_start_matches("# ");
            let name = page.name.trim_end_matches(".md");
            tags.push(Json::object().with("name", name).with("description", title));
        }
    }
    for route in &routes {
        if CALLS.iter().all(|call| call.name != route.name()) {
            wrong.push(format!("openapi/src/calls.rs has no {}", route.name()));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let document = Json::object()
        .with("openapi", "3.1.0")
        .with("info", info())
        .with("servers", vec![Json::object().with("url", "/")])
        .with("tags", tags)
        .with("paths", paths)
        .with("components", components(shapes.schemas, responses, &problems));
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn info() -> Json {
    let license = Json::object().with("name", "Apache-2.0").with("identifier", "Apache-2.0");
    Json::object()
        .with("title", "Guerdon")
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("description", ABOUT)
        .with("license", license)
}

fn components(mut schemas: Members, mut responses: Members, problems: &[Problem]) -> Json {
    schemas.sort_unstable_keys();
    responses.sort_unstable_keys();
    let mut examples = Members::new();
    for problem in problems {
        examples.insert(problem.code.clone(), problem.example());
    }
    let key = Json::from(json!({
        "type": "http", "scheme": "bearer",
        "description": "The text of a key, from api-keys.json or from an operator.",
    }));
    Json::object()
        .with("securitySchemes", Json::object().with("key", key))
        .with("parameters", shared_parameters())
        .with("headers", shared_headers())
        .with("responses", responses)
        .with("examples", examples)
        .with("schemas", schemas)
}

fn problem_schema() -> Json {
    json!({
        "type": "object",
        "description": "Why a call was refused (RFC 9457). Some problems have facts of their own \
            beside these fields.",
        "properties": {
            "type": {"type": "string", "description": "The page that explains it."},
            "title": {"type": "string", "description": "A few words, the same every time."},
            "status": {"type": "integer", "format": "int32", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong here, and what to do."},
            "code": {"type": "string", "description": "What programs go by."},
        },
        "required": ["type", "title", "status", "detail", "code"],
        "additionalProperties": true,
    })
    .into()
}

fn shared_parameters() -> Json {
    let text = || json!({"type": "string"});
    let header = |name: &str, description: &str, example: &str| {
        Json::object()
            .with("name", name)
            .with("in", "header")
            .with("required", false)
            .with("description", description)
            .with("schema", Json::from(text()))
            .with("example", example)
    };
    Json::object()
        .with(
            "Guerdon-Position",
            header(
                "Guerdon-Position",
                "Positions that the answer must contain, one for each partition, with commas \
                 between them: what a write answered in this header.",
                "0:1",
            ),
        )
        .with(
            "If-None-Match",
            header(
                "If-None-Match",
                "An `ETag` that was read: 304 where it is still that of the answer.",
                "\"5f1c2a\"",
            ),
        )
        .with(
            "traceparent",
            header(
                "traceparent",
                "The W3C trace context, which the event keeps.",
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ),
        )
        .with(
            "Guerdon-Reason",
            header(
                "Guerdon-Reason",
                "Why the call is made: one line of at most 512 bytes in UTF-8, in which any byte may \
                 be written as `%20`. Private.",
                "stock was counted anew",
            ),
        )
        .with(
            "Prefer",
            header(
                "Prefer",
                "How long the client waits (RFC 7240): `wait=` and whole seconds. A redemption also takes \
                 `respond-async`. What isn't understood is ignored.",
                "wait=2",
            ),
        )
}

fn shared_headers() -> Json {
    let header = |is_sure: bool, description: &str, schema: serde_json::Value| {
        Json::object()
            .with("description", description)
            .with("required", is_sure)
            .with("schema", Json::from(schema))
    };
    let text = || json!({"type": "string"});
    let position = "The position of the last event that the call recorded.";
    let seconds = || json!({"type": "integer", "minimum": 0});
    Json::object()
        .with("Guerdon-Position", header(true, position, text()))
        .with("Guerdon-Position-if-any", header(false, position, text()))
        .with(
            "Idempotency-Replayed",
            header(
                false,
                "`true`: it was done before.",
                json!({"type": "string", "enum": ["true"]}),
            ),
        )
        .with("X-Request-Id", header(true, "The request's id.", text()))
        .with("ETag", header(false, "Names what was answered.", text()))
        .with("Location", header(false, "The path of what was made.", text()))
        .with("Retry-After", header(true, "The seconds after which to ask again.", seconds()))
        .with(
            "RateLimit",
            header(false, "How many calls are left: `\"key-reads\";r=0;t=2`.", text()),
        )
        .with(
            "RateLimit-Policy",
            header(false, "How many there are: `\"key-reads\";q=5;w=10`.", text()),
        )
        .with(
            "WWW-Authenticate",
            header(true, "`Bearer`, for a bad token with `error=\"invalid_token\"`.", text()),
        )
}
