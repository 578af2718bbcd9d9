//! Whether an answer is one that `docs/openapi.json` describes: its status, its problem's code, its
//! headers, its media type, and every field of its body.

use std::path::Path;
use std::{fs, io};

use jsonschema::Registry;
use serde_json::Value;

use crate::document::Reply;

/// What references to the document begin with.
const DOCUMENT: &str = "urn:openapi";

/// The document, in which no object has more fields than are named.
pub(crate) struct Described {
    document: Value,
    /// The same for those who look references up: made once, because the document is long.
    registry: Registry<'static>,
}

impl Described {
    pub(crate) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        let text = fs::read_to_string(path).expect("docs/openapi.json");
        let mut document = serde_json::from_str(&text).expect("JSON");
        close(&mut document);
        let registry = Registry::new().add(DOCUMENT, document.clone()).expect("a name");
        Self { document, registry: registry.prepare().expect("it is whole") }
    }

    /// What of an answer isn't described.
    pub(crate) fn check(&self, method: &str, path: &str, reply: &Reply) -> Result<(), String> {
        let wrong = |what: String| Err(format!("{method} {path}: {what}\n{}\n", reply.body));
        let path = path.split('?').next().unwrap_or_default();
        let Some(operation) = self.operation(method, path) else {
            return wrong("the document has no such call".into());
        };
        let status = reply.head[0].split(' ').nth(1).expect("a status");
        let Some(answer) = operation["responses"].get(status) else {
            return wrong(format!("{status} isn't described"));
        };
        let answer = self.followed(answer);
        let header = |name: &str| {
            let is_it = |line: &&String| line.to_lowercase().starts_with(&format!("{name}:"));
            let line = reply.head.iter().find(is_it)?;
            line.split_once(": ").map(|(_, value)| value)
        };
        for (name, described) in answer["headers"].as_object().into_iter().flatten() {
            let is_sure = self.followed(described)["required"] == true;
            if is_sure && header(&name.to_lowercase()).is_none() {
                return wrong(format!("{status} lacks the header {name}"));
            }
        }
        let kind = header("content-type").and_then(|kind| kind.split(';').next());
        let Some(content) = answer["content"].as_object() else {
            let is_bare = reply.body.is_empty();
            return if is_bare { Ok(()) } else { wrong(format!("{status} has no body")) };
        };
        let Some(media) = kind.and_then(|kind| content.get(kind)) else {
            return wrong(format!("{status} isn't answered as {kind:?}"));
        };
        let body = match serde_json::from_str::<Value>(&reply.body) {
            Ok(body) if kind.is_some_and(|kind| kind.ends_with("json")) => body,
            _ => Value::String(reply.body.clone()),
        };
        if let (Some(codes), Some(code)) = (answer["x-problem-codes"].as_array(), body.get("code"))
            && !codes.contains(code)
        {
            return wrong(format!("{status} isn't described with the code {code}"));
        }
        let validator = jsonschema::options().with_registry(&self.registry);
        let validator = validator.build(&media["schema"]).expect("a schema");
        let errors: Vec<String> = validator.iter_errors(&body).map(|it| it.to_string()).collect();
        if errors.is_empty() { Ok(()) } else { wrong(errors.join("; ")) }
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let parts: Vec<&str> = path.split('/').collect();
        let paths = self.document["paths"].as_object()?.iter().filter(|(route, _)| {
            let route: Vec<&str> = route.split('/').collect();
            let is_alike = |(of, own): (&&str, &&str)| of.starts_with('{') || of == own;
            route.len() == parts.len() && route.iter().zip(&parts).all(is_alike)
        });
        // The route with a name in a place comes before the one with any id there.
        let (_, item) = paths.min_by_key(|(route, _)| route.matches('{').count())?;
        item.get(method.to_lowercase())
    }

    fn followed<'d>(&'d self, value: &'d Value) -> &'d Value {
        let to = value["$ref"].as_str().and_then(|to| to.strip_prefix(DOCUMENT)?.strip_prefix('#'));
        to.and_then(|to| self.document.pointer(to)).unwrap_or(value)
    }
}

/// Closes its objects, and has its references name the document.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref")
                && to.starts_with('#')
            {
                to.insert_str(0, DOCUMENT);
            }
            let is_open = members.get("type") == Some(&"object".into())
                && members.get("properties").is_some_and(Value::is_object)
                && !members.contains_key("additionalProperties");
            if is_open {
                members.insert("additionalProperties".into(), false.into());
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn an_answer_that_is_not_described_is_found() {
    let described = Described::read();
    let reply = |head: &[&str], body: &str| Reply {
        head: head.iter().map(|line| (*line).to_owned()).collect(),
        body: body.to_owned(),
    };
    let json = "content-type: application/json";
    let live =
        |head: &[&str], body: &str| described.check("GET", "/health/live", &reply(head, body));
    assert_eq!(live(&["HTTP/1.1 200 OK", json], r#"{"status":"live"}"#), Ok(()));
    for (head, body) in [
        (["HTTP/1.1 418 I'm a teapot", json], r#"{"status":"live"}"#),
        (["HTTP/1.1 200 OK", "content-type: text/plain"], r#"{"status":"live"}"#),
        (["HTTP/1.1 200 OK", json], r#"{"status":"dead"}"#),
        (["HTTP/1.1 200 OK", json], r#"{"status":"live","more":1}"#),
        (["HTTP/1.1 200 OK", json], "{}"),
    ] {
        assert!(live(&head, body).is_err(), "{head:?} {body}");
    }
    let kept = r#"{"account_id":"ann","position":"0:1"}"#;
    let open = |head: &[&str]| described.check("PUT", "/v1/accounts/ann", &reply(head, kept));
    let (id, position) = ("x-request-id: r-1", "guerdon-position: 0:1");
    assert_eq!(open(&["HTTP/1.1 201 Created", json, id, position]), Ok(()));
    assert!(open(&["HTTP/1.1 201 Created", json, id]).is_err());
    assert!(open(&["HTTP/1.1 201 Created", json, position]).is_err());
}

/// The document as the server has it, and the files of the page that shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_and_its_page_are_served_and_load_nothing_from_outside() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = crate::ledger::Ledger::start(folder.path());
    let got = async |path: &str| {
        let answer = reqwest::get(format!("{}{path}", ledger.client.url)).await.expect("answered");
        assert_eq!(answer.status(), 200, "{path}");
        let headers = answer.headers().clone();
        (headers, answer.bytes().await.expect("a body"))
    };
    let (headers, body) = got("/openapi.json").await;
    assert_eq!(headers["content-type"], "application/json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    assert_eq!(body, fs::read(path).expect("docs/openapi.json"));
    let (headers, page) = got("/docs").await;
    let policy = headers["content-security-policy"].to_str().expect("a policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
    let page = String::from_utf8(page.to_vec()).expect("text");
    let loaded: Vec<&str> = page
        .split(['"', '\''])
        .filter(|text| text.ends_with(".js") || text.ends_with(".css") || text.contains("://"))
        .collect();
    let own = ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"];
    assert_eq!(loaded, own, "{page}");
    let (_, start) = got("/docs/start.js").await;
    let start = String::from_utf8(start.to_vec()).expect("text");
    assert!(start.contains("url: \"openapi.json\"") && !start.contains("://"), "{start}");
    assert!(start.contains("validatorUrl: null"), "its validator is elsewhere: {start}");
    for (path, kind, starts) in [
        ("/docs/swagger-ui-bundle.js", "text/javascript", "/*! For license information"),
        ("/docs/swagger-ui.css", "text/css", ".swagger-ui"),
    ] {
        let (headers, body) = got(path).await;
        assert_eq!(headers["content-encoding"], "gzip", "{path}");
        assert!(headers["content-type"].to_str().expect("text").starts_with(kind), "{path}");
        let text = io::read_to_string(flate2::read::GzDecoder::new(&body[..])).expect("packed");
        assert!(text.starts_with(starts), "{path}: {}", &text[..60]);
    }
    assert_eq!(ledger.stop(), Some(0));
}
