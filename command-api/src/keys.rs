//! `/v1/keys`: an operator lists, makes, revokes and rotates API keys.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use wire::body::{CreateKeyBody, KeyBody, KeysBody, MadeKeyBody, RevokeKeyBody, RotateKeyBody};
use wire::{Caller, JsonBody, OUR_MISTAKE, PathId, Problem, ProblemPage, Role, Scopes};

use crate::execute::failed;
use crate::{CommandApi, Key, KeyError, MadeKey, NewKey};

/// How long an old key is let in beside the new one, where nothing else is asked for.
const GRACE_SECONDS_DEFAULT: u32 = 86_400;

/// A year; a key that is to live longer needs no rotation.
const GRACE_SECONDS_MAX: u32 = 366 * 86_400;

pub(crate) const KEY_ENDED: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "key-ended",
    title: "Key has ended",
    meaning: "A key that has expired or was revoked can't be rotated: the new key would give its \
              rights back. Nothing was recorded.",
    remedy: "Create a new key with the role and scopes that it needs.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

pub(crate) async fn list_keys(State(api): State<CommandApi>) -> Result<Response, Problem> {
    let keys = api.keys.list().await.map_err(problem)?;
    let items = keys.into_iter().map(key_body).collect();
    Ok(Json(KeysBody { items, next: None }).into_response())
}

pub(crate) async fn create_key(
    State(api): State<CommandApi>,
    caller: Caller,
    JsonBody(body): JsonBody<CreateKeyBody>,
) -> Result<Response, Problem> {
    let CreateKeyBody { role, label, scopes, account_id, name, expires_at } = body;
    let role = Role::parse(&role).ok_or_else(|| {
        Problem::invalid_field("role", format!("must be one of {}", Role::ALL_NAMES))
    })?;
    let scopes = Scopes::parse(scopes.iter().map(String::as_str))
        .map_err(|error| Problem::invalid_field("scopes", format!("can't be so: {error}")))?;
    let new = NewKey { role, label, scopes, account_id, name, expires_at };
    let made = api.keys.create(new, by(&caller)).await.map_err(problem)?;
    Ok(respond_made(made))
}

pub(crate) async fn revoke_key(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(key_id): PathId<String>,
    JsonBody(RevokeKeyBody {}): JsonBody<RevokeKeyBody>,
) -> Result<Response, Problem> {
    let (key, is_news) = api.keys.revoke(&key_id, by(&caller)).await.map_err(problem)?;
    let status = if is_news { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(key_body(key))).into_response())
}

pub(crate) async fn rotate_key(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(key_id): PathId<String>,
    JsonBody(RotateKeyBody { grace_seconds }): JsonBody<RotateKeyBody>,
) -> Result<Response, Problem> {
    let grace = grace_seconds.unwrap_or(GRACE_SECONDS_DEFAULT);
    if grace > GRACE_SECONDS_MAX {
        let complaint = format!("must be a whole number from 0 to {GRACE_SECONDS_MAX}");
        return Err(Problem::invalid_field("grace_seconds", complaint));
    }
    let grace = Duration::from_secs(grace.into());
    let made = api.keys.rotate(&key_id, grace, by(&caller)).await.map_err(problem)?;
    Ok(respond_made(made))
}

/// 201 with the key's text, which nothing on the way may keep.
fn respond_made(MadeKey { text, key }: MadeKey) -> Response {
    let body = MadeKeyBody { key: text, about: key_body(key) };
    let mut response = (StatusCode::CREATED, Json(body)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What may be shown of a key: all but its text, which nobody keeps.
#[must_use]
pub fn key_body(key: Key) -> KeyBody {
    let status = key.status_now().as_str();
    let Key { id, role, label, scopes, account_id, name, .. } = key;
    let Key { created_at, expires_at, revoked_at, last_used_at, .. } = key;
    KeyBody {
        key_id: id,
        role: role.as_str(),
        label,
        scopes: scopes.texts(),
        account_id,
        name,
        created_at,
        expires_at,
        revoked_at,
        last_used_at,
        status,
    }
}

/// Who does it, for the program's log.
fn by(caller: &Caller) -> &str {
    caller.principal.key.as_deref().unwrap_or("the ledger")
}

fn problem(error: KeyError) -> Problem {
    match error {
        KeyError::Invalid { field, complaint } => Problem::invalid_field(field, complaint),
        KeyError::Unknown(_) => {
            Problem::not_found("The key doesn't exist. GET /v1/keys lists all keys.")
        }
        KeyError::Ended(id) => Problem::of(
            &KEY_ENDED,
            format!("The key {id} has expired or was revoked. Create a new key instead."),
        )
        .fact("key_id", id),
        KeyError::None | KeyError::Store(_) | KeyError::Random(_) | KeyError::Damaged { .. } => {
            failed(&error)
        }
    }
}
