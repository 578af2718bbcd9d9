//! One call as an operation: what it is sent, what it answers, and what it is refused with.

use anyhow::Context as _;
use indexmap::IndexMap;
use serde_json::json;

use crate::calls::Call;
use crate::json::{Json, Members};
use crate::markdown::without_links;
use crate::page::{Example, Field, Page, Pages, Section};
use crate::problem::Problem;
use crate::route::Route;
use crate::scalar::range;
use crate::shape::Shapes;

/// Calls that answer each item of theirs by itself: refusals stand in the items.
const OF_MANY: [&str; 2] = ["POST /v1/credits", "POST /v1/purchases"];

/// Calls that can be a dry run.
const WITH_DRY_RUN: [&str; 2] = ["redeem", "redeemByKey"];

/// Answers under a version, which is in their `ETag`.
const WITH_VERSION: [&str; 3] = ["OfferBody", "EarningRuleBody", "PolicyBody"];

/// What is known of a call.
pub(crate) struct Known<'k> {
    pub(crate) call: &'k Call,
    pub(crate) route: &'k Route<'k>,
    pub(crate) section: &'k Section,
    pub(crate) page: &'k Page,
    /// Where its section stands on its page.
    pub(crate) at: usize,
    pub(crate) pages: &'k Pages,
    pub(crate) problems: &'k [Problem],
}

impl<'k> Known<'k> {
    /// Its operation in the document.
    pub(crate) fn operation<'s>(
        &self,
        routes: &'s [Route<'s>],
        shapes: &mut Shapes<'s>,
        responses: &mut Members,
    ) -> anyhow::Result<Json>
    where
        'k: 's,
    {
        let name = || self.call.name.to_owned();
        let tag = self.page.name.trim_end_matches(".md");
        let parameters = self.parameters(shapes).with_context(name)?;
        let body = self.body(routes, shapes).with_context(name)?;
        let answers = self.answers(shapes, responses).with_context(name)?;
        Ok(Json::object()
            .with("operationId", self.call.id)
            .with("tags", Json::texts([tag]))
            .with("summary", without_links(&self.section.does))
            .with("description", self.description())
            .with("security", vec![Json::object().with("key", Json::List(vec![]))])
            .with("x-roles", Json::texts(self.section.roles.iter().map(String::as_str)))
            .with("parameters", parameters)
            .with_some("requestBody", body)
            .with("responses", answers))
    }

    fn description(&self) -> String {
        let mut text = format!("Roles: {}.", self.section.roles.join(", "));
        for paragraph in &self.section.text {
            text.push_str("\n\n");
            text.push_str(&without_links(paragraph));
        }
        if !self.section.answer.is_empty() {
            text.push_str("\n\nAnswer: ");
            text.push_str(&without_links(&self.section.answer));
        }
        text
    }

    fn examples(&self) -> impl Iterator<Item = &'k Example> {
        let (at, section) = (self.at, self.section);
        let own = move |it: &&Example| it.section == Some(at) && it.calls(section);
        self.page.examples.iter().filter(own)
    }

    fn said_of(&self, place: &str, name: &str) -> Option<&'k Field> {
        self.section.asks.iter().find(|field| field.place == place && field.name == name)
    }

    fn parameters<'s>(&self, shapes: &mut Shapes<'s>) -> anyhow::Result<Vec<Json>>
    where
        'k: 's,
    {
        let mut all = vec![];
        let (_, path, query) = self.examples().next().context("it has an example")?.asked();
        let segments = self.route.path.split('/').zip(path.split('/'));
        let names = segments
            .filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)));
        for (index, (name, value)) in names.enumerate() {
            let id = self.route.takes.ids.get(index).with_context(|| format!("no id {name}"))?;
            let schema = shapes.asked(id, self.route.home)?;
            let schema = if name == "shipping_request_id" || name == "key_id" || name == "warehouse"
            {
                schema.with("minLength", 1_u64)
            } else {
                schema
            };
            let said = self.said_of("path", name);
            let meaning = said.map(|field| without_links(&field.meaning)).unwrap_or_default();
            all.push(parameter("path", name, schema, true, &meaning, Some(value)));
        }
        if let Some(of) = &self.route.takes.query {
            for (name, schema, is_needed) in shapes.query(of, self.route.home)? {
                let said = self.said_of("query", &name);
                let said = said.with_context(|| format!("no row about {name}"))?;
                let schema = with_limits(schema, said);
                let shown = query.split('&').find_map(|pair| {
                    let (key, value) = pair.split_once('=')?;
                    (key == name).then_some(value)
                });
                let meaning = match said.need.strip_prefix("optional; ") {
                    Some(otherwise) => format!("{}; without it: {otherwise}", said.meaning),
                    None => said.meaning.clone(),
                };
                let meaning = without_links(meaning.trim());
                all.push(parameter("query", &name, schema, is_needed, &meaning, shown));
            }
        }
        // `Accept` chooses among the answer's media types.
        let headers = self.section.asks.iter().filter(|field| field.place == "header");
        for field in headers.filter(|field| field.name != "Accept") {
            let schema = match field.name.as_str() {
                "Idempotency-Key" => Json::reference("schemas/Id"),
                "If-None-Match" => json!({"type": "string", "enum": ["*"]}).into(),
                _ => json!({"type": "string"}).into(),
            };
            let meaning = without_links(&field.meaning);
            // Without `If-Match` the answer says so by a status of its own.
            let is_needed = field.need == "required" && field.name != "If-Match";
            all.push(parameter("header", &field.name, schema, is_needed, &meaning, None));
        }
        let reads = self.route.method == "GET";
        if self.reads_tables() {
            all.push(Json::reference("parameters/Guerdon-Position"));
        }
        if reads && self.route.takes.headers {
            all.push(Json::reference("parameters/If-None-Match"));
        }
        if !reads {
            all.push(Json::reference("parameters/traceparent"));
            all.push(Json::reference("parameters/Guerdon-Reason"));
        }
        if self.is_command() {
            all.push(Json::reference("parameters/Prefer"));
        }
        Ok(all)
    }

    fn body<'s>(
        &self,
        routes: &'s [Route<'s>],
        shapes: &mut Shapes<'s>,
    ) -> anyhow::Result<Option<Json>>
    where
        'k: 's,
    {
        let Some(of) = &self.route.takes.body else { return Ok(None) };
        let (schema, types): (_, &[&str]) = if self.route.method == "PATCH" {
            let put = routes.iter().find(|it| it.method == "PUT" && it.path == self.route.path);
            let put = put.context("what can be patched can be put")?;
            let whole = put.takes.body.as_ref().context("a put has a body")?;
            let whole = shapes.asked(whole, put.home)?;
            (shapes.patch(&whole)?, &["application/merge-patch+json", "application/json"])
        } else {
            (shapes.asked(of, self.route.home)?, &["application/json"])
        };
        let name = schema.get("$ref").and_then(Json::text).context("a body has a name")?;
        let name = name.rsplit('/').next().unwrap_or_default();
        let is_needed = shapes.schemas.get(name).is_some_and(|it| it.get("required").is_some());
        let mut examples = Members::new();
        for example in self.examples() {
            let Some((_, body)) = example.request.text.split_once("\n\n") else { continue };
            let Ok(body) = serde_json::from_str::<Json>(body) else { continue };
            add_example(&mut examples, body);
        }
        let mut content = Members::new();
        for media_type in types {
            let mut media = Json::object().with("schema", schema.clone());
            if !examples.is_empty() {
                media.set("examples", examples.clone());
            }
            content.insert((*media_type).to_owned(), media);
        }
        Ok(Some(Json::object().with("required", is_needed).with("content", content)))
    }

    fn answers<'s>(&self, shapes: &mut Shapes<'s>, responses: &mut Members) -> anyhow::Result<Json>
    where
        'k: 's,
    {
        let mut answers = Members::new();
        for (status, bodies) in self.call.answers {
            let answer = self.success(*status, bodies, shapes)?;
            answers.insert(status.to_string(), answer);
        }
        if self.route.method == "GET" && self.route.takes.headers {
            let answer = Json::object()
                .with("description", "What `If-None-Match` names is still what there is.")
                .with("headers", Json::object().with("ETag", Json::reference("headers/ETag")));
            answers.insert("304".into(), answer);
        }
        let mut by_status: IndexMap<u16, Vec<&Problem>> = IndexMap::new();
        let codes = self.codes();
        for code in &codes {
            self.problems
                .iter()
                .find(|problem| problem.code == *code)
                .with_context(|| format!("no problem {code}"))?;
        }
        for problem in self.problems.iter().filter(|problem| codes.contains(&problem.code)) {
            by_status.entry(problem.status).or_default().push(problem);
        }
        by_status.sort_unstable_keys();
        for (status, problems) in by_status {
            answers.insert(status.to_string(), refused(status, &problems, responses));
        }
        Ok(answers.into())
    }

    fn success<'s>(
        &self,
        status: u16,
        bodies: &[&str],
        shapes: &mut Shapes<'s>,
    ) -> anyhow::Result<Json>
    where
        'k: 's,
    {
        let mut schemas = vec![];
        for body in bodies {
            schemas.push(shapes.body(body)?);
        }
        let mut examples = Members::new();
        for example in self.examples() {
            let Some(text) = example.answer.as_ref().map(|answer| answer.text.as_str()) else {
                continue;
            };
            let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
            if !head.starts_with(&format!("HTTP/1.1 {status} ")) {
                continue;
            }
            match serde_json::from_str::<Json>(body) {
                Ok(body) => add_example(&mut examples, body),
                Err(_) if !body.is_empty() => add_example(&mut examples, body.into()),
                Err(_) => {}
            }
        }
        let meaning = match (self.route.method.as_str(), status) {
            ("GET", _) => "What was asked for.",
            (_, 202) if self.is_command() => "It is pending, as `Prefer: respond-async` asks.",
            (_, 201) => "Done.",
            (_, 202) => "It is begun.",
            (_, 204) => "Done; there is no body.",
            ("PATCH", _) => "Done, or it was so already.",
            _ if self.call.answers.len() > 1 => "Done before: the first answer again.",
            _ => "Done.",
        };
        let headers = self.headers(status, bodies);
        let answer = Json::object().with("description", meaning).with("headers", headers);
        let schema = match schemas.len() {
            0 => return Ok(answer),
            1 => schemas.remove(0),
            _ => Json::object().with("anyOf", schemas),
        };
        let mut content = Members::new();
        if self.route.path == "/metrics" {
            let media = Json::object().with("schema", schema).with("examples", examples);
            content.insert("application/openmetrics-text".into(), media);
            return Ok(answer.with("content", content));
        }
        let mut media = Json::object().with("schema", schema);
        if !examples.is_empty() {
            media.set("examples", examples);
        }
        content.insert("application/json".into(), media);
        // What `Accept` may ask for besides.
        let streams: &[&str] = match self.call.id {
            "readShippingStream" | "listEvents" => &["text/event-stream"],
            "getTrialBalance" => &["text/csv"],
            "listExpiringCredit" => &["application/x-ndjson", "text/csv"],
            _ => &[],
        };
        for media_type in streams {
            let text = Json::object().with("schema", Json::from(json!({"type": "string"})));
            content.insert((*media_type).to_owned(), text);
        }
        Ok(answer.with("content", content))
    }

    fn headers(&self, status: u16, bodies: &[&str]) -> Json {
        let mut headers =
            Json::object().with("X-Request-Id", Json::reference("headers/X-Request-Id"));
        let may_be_dry = WITH_DRY_RUN.contains(&self.call.id) && status == 200;
        if self.is_command() && status != 202 {
            let is_sure = !may_be_dry && !OF_MANY.contains(&self.call.name);
            let name = if is_sure { "Guerdon-Position" } else { "Guerdon-Position-if-any" };
            headers.set("Guerdon-Position", Json::reference(&format!("headers/{name}")));
        }
        if self.is_command() && status == 200 && !OF_MANY.contains(&self.call.name) {
            let replayed = Json::reference("headers/Idempotency-Replayed");
            headers.set("Idempotency-Replayed", replayed);
        }
        let reads = self.route.method == "GET";
        let has_version = bodies.iter().any(|body| WITH_VERSION.contains(body));
        if (reads && self.route.takes.headers) || (!reads && has_version) {
            headers.set("ETag", Json::reference("headers/ETag"));
        }
        if (self.call.id == "redeemByKey" && status == 201) || (self.is_command() && status == 202)
        {
            headers.set("Location", Json::reference("headers/Location"));
        }
        headers
    }

    fn is_command(&self) -> bool {
        // Keys, marks and switches are beside the log, and how far an erasure is.
        let beside = ["/v1/keys", "/v1/marks", "/v1/switches"];
        let is_beside = beside.iter().any(|it| self.route.path.starts_with(it));
        self.route.home.of_crate == "command-api" && self.route.method != "GET" && !is_beside
    }

    fn reads_tables(&self) -> bool {
        let reads = matches!(self.route.home.of_crate, "query-api" | "audit");
        reads && self.route.method == "GET"
    }

    /// The codes of all problems that it may be answered with.
    fn codes(&self) -> Vec<String> {
        let (route, name) = (self.route, self.call.name);
        // A process that is starting, or that hasn't this part of the ledger, answers so, too.
        let mut codes = vec![
            "invalid-query",
            "invalid-header",
            "unauthorized",
            "token-keys-unavailable",
            "forbidden",
            "no-such-route",
            "internal",
            "not-decided",
        ];
        let mut add = |applies: bool, more: &[&'static str]| {
            if applies {
                codes.extend(more);
            }
        };
        add(route.path != "/metrics", &["rate-limited"]);
        add(route.path.contains('{'), &["invalid-id"]);
        // Of a key that is for another account, nothing shows whether this one exists.
        add(route.path.contains("{account_id}"), &["not-found"]);
        add(route.method != "GET", &["body-encoded"]);
        let body = ["invalid-json", "invalid-field", "body-too-slow", "body-too-large", "not-json"];
        add(route.takes.body.is_some(), &body);
        let of_reads = ["projection-behind", "read-model-unreachable", "overloaded", "not-cached"];
        add(self.reads_tables(), &of_reads);
        add(self.is_command(), &["outcome-unknown", "decision-failed", "id-reused", "time-ahead"]);
        add(self.is_command(), &["too-much-at-once"]);
        add(WITH_DRY_RUN.contains(&self.call.id), &["dry-run-unsupported"]);
        add(
            name.ends_with("/credits") || name.starts_with("PUT /v1/accounts/{account_id}/withdr"),
            &["adjustment-forbidden"],
        );
        let like = self.section.refused_like.as_deref().map(|like| self.pages.section(like));
        let refusals = like.unwrap_or(self.section).refusals.iter();
        let refusals = refusals.filter(|_| !OF_MANY.contains(&name)).cloned();
        codes.into_iter().map(ToOwned::to_owned).chain(refusals).collect()
    }
}

fn parameter(
    place: &str,
    name: &str,
    schema: Json,
    is_needed: bool,
    meaning: &str,
    shown: Option<&str>,
) -> Json {
    let shown = shown.map(|value| match schema_type(&schema) {
        Some("integer") => value.parse::<u64>().map_or_else(|_| value.into(), Json::from),
        Some("boolean") => Json::from(value == "true"),
        _ => Json::from(value),
    });
    Json::object()
        .with("name", name)
        .with("in", place)
        .with("required", is_needed)
        .with_some("description", Some(meaning).filter(|text| !text.is_empty()))
        .with("schema", schema)
        .with_some("example", shown)
}

fn schema_type(schema: &Json) -> Option<&str> {
    schema.get("type").and_then(Json::text)
}

/// A query parameter's schema with the limits, and with what counts without it.
fn with_limits(schema: Json, said: &Field) -> Json {
    if schema_type(&schema) == Some("integer") {
        let schema = match range(&said.meaning) {
            Some((from, to)) => schema.with("minimum", from).with("maximum", to),
            None => schema.with("minimum", 1_u64),
        };
        let otherwise = said.need.strip_prefix("optional; ").and_then(|it| it.parse::<u64>().ok());
        return schema.with_some("default", otherwise);
    }
    schema
}

fn add_example(examples: &mut Members, value: Json) {
    let name = match examples.len() {
        0 => "example".to_owned(),
        others => format!("example-{}", others + 1),
    };
    examples.insert(name, Json::object().with("value", value));
}

/// The answer with these problems: one that calls share, if they are few.
fn refused(status: u16, problems: &[&Problem], responses: &mut Members) -> Json {
    let lines = problems.iter().map(|problem| format!("- `{}`: {}", problem.code, problem.title));
    let mut examples = Members::new();
    for problem in problems {
        let example = Json::reference(&format!("examples/{}", problem.code));
        examples.insert(problem.code.clone(), example);
    }
    let schema = Json::reference("schemas/Problem");
    let media = Json::object().with("schema", schema).with("examples", examples);
    let content = Json::object().with("application/problem+json", media);
    let codes = Json::texts(problems.iter().map(|problem| problem.code.as_str()));
    let mut headers = Json::object().with("X-Request-Id", Json::reference("headers/X-Request-Id"));
    if status == 401 {
        headers.set("WWW-Authenticate", Json::reference("headers/WWW-Authenticate"));
    }
    if [429, 503].contains(&status) {
        headers.set("Retry-After", Json::reference("headers/Retry-After"));
    }
    if status == 429 {
        headers.set("RateLimit", Json::reference("headers/RateLimit"));
        headers.set("RateLimit-Policy", Json::reference("headers/RateLimit-Policy"));
    }
    let response = Json::object()
        .with("description", lines.collect::<Vec<_>>().join("\n"))
        .with("headers", headers)
        .with("content", content)
        .with("x-problem-codes", codes);
    if problems.len() > SHARED_MAX {
        return response;
    }
    let name = problems.iter().map(|problem| pascal(&problem.code)).collect::<Vec<_>>().join("-");
    responses.insert(name.clone(), response);
    Json::reference(&format!("responses/{name}"))
}

/// The most problems of an answer that calls share: its name names them.
const SHARED_MAX: usize = 5;

/// `NotFound` of `not-found`.
fn pascal(code: &str) -> String {
    let words = code.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().collect::<String>() + letters.as_str()
        })
    });
    words.collect()
}
