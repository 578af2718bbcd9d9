//! The problems that calls are refused with, from their pages' source, and which call gives which.

use anyhow::{Context as _, bail};
use domain::RefusalKind;
use syn::{Expr, ExprStruct, Item, ItemConst, Lit, Member, Type};

use crate::json::Json;
use crate::source::Sources;

/// What a problem's code means.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: String,
    pub(crate) status: u16,
    pub(crate) title: String,
    meaning: String,
    remedy: String,
    can_succeed_later: bool,
}

/// All problems that the API has: the domain's refusals first.
pub(crate) fn problems(sources: &Sources) -> anyhow::Result<Vec<Problem>> {
    let mut problems: Vec<Problem> = domain::Refusal::ROWS.iter().map(of_refusal).collect();
    for file in sources.files() {
        for item in &file.items {
            let Item::Const(constant) = item else { continue };
            if is_page(constant) {
                let problem = read(&constant.expr);
                problems
                    .push(problem.with_context(|| format!("{}: {}", file.path, constant.ident))?);
            }
        }
    }
    Ok(problems)
}

impl Problem {
    /// A document of this kind.
    pub(crate) fn example(&self) -> Json {
        let Self { code, status, title, meaning, remedy, can_succeed_later } = self;
        let later = if *can_succeed_later { "can" } else { "can't" };
        let document = Json::object()
            .with("type", format!("/problems/{code}"))
            .with("title", title.as_str())
            .with("status", u64::from(*status))
            .with("detail", format!("{meaning} {remedy}"))
            .with("code", code.as_str());
        Json::object()
            .with("summary", title.as_str())
            .with("description", format!("The very same request {later} succeed later."))
            .with("value", document)
    }
}

fn of_refusal(row: &domain::RefusalRow) -> Problem {
    let status = match row.kind {
        RefusalKind::Conflict => 409,
        RefusalKind::PreconditionRequired => 428,
        RefusalKind::PreconditionFailed => 412,
    };
    Problem {
        code: row.code.into(),
        status,
        title: row.title.into(),
        meaning: row.meaning.into(),
        remedy: row.remedy.into(),
        can_succeed_later: row.can_succeed_later,
    }
}

fn is_page(constant: &ItemConst) -> bool {
    let Type::Path(path) = &*constant.ty else { return false };
    path.path.segments.last().is_some_and(|segment| segment.ident == "ProblemPage")
}

/// `ProblemPage { status: StatusCode::CONFLICT, slug: "…", … }`.
fn read(page: &Expr) -> anyhow::Result<Problem> {
    let Expr::Struct(ExprStruct { fields, .. }) = page else {
        bail!("a page is written in another way");
    };
    let value = |name: &str| {
        let is_it = |member: &Member| matches!(member, Member::Named(it) if it == name);
        let field = fields.iter().find(|field| is_it(&field.member));
        field.map(|field| &field.expr).with_context(|| format!("it has no {name}"))
    };
    Ok(Problem {
        code: text(value("slug")?)?,
        status: status_code(value("status")?)?,
        title: text(value("title")?)?,
        meaning: text(value("meaning")?)?,
        remedy: text(value("remedy")?)?,
        can_succeed_later: matches!(value("can_succeed_later")?, Expr::Lit(it)
            if matches!(&it.lit, Lit::Bool(value) if value.value)),
    })
}

fn text(expression: &Expr) -> anyhow::Result<String> {
    match expression {
        Expr::Lit(syn::ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        _ => bail!("a page's texts are written out"),
    }
}

fn status_code(expression: &Expr) -> anyhow::Result<u16> {
    let Expr::Path(path) = expression else { bail!("a status is a constant") };
    let name = path.path.segments.last().context("a constant has a name")?.ident.to_string();
    Ok(match name.as_str() {
        "BAD_REQUEST" => 400,
        "UNAUTHORIZED" => 401,
        "FORBIDDEN" => 403,
        "NOT_FOUND" => 404,
        "METHOD_NOT_ALLOWED" => 405,
        "REQUEST_TIMEOUT" => 408,
        "CONFLICT" => 409,
        "PRECONDITION_FAILED" => 412,
        "PAYLOAD_TOO_LARGE" => 413,
        "UNSUPPORTED_MEDIA_TYPE" => 415,
        "UNPROCESSABLE_ENTITY" => 422,
        "PRECONDITION_REQUIRED" => 428,
        "TOO_MANY_REQUESTS" => 429,
        "INTERNAL_SERVER_ERROR" => 500,
        "SERVICE_UNAVAILABLE" => 503,
        other => bail!("nobody has said which number {other} is"),
    })
}
