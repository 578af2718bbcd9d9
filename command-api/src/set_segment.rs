//! `PUT /v1/accounts/{account_id}/segments/{segment}`: puts an account into a segment, or takes it
//! out; with `If-Match`, only as it was read.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::command::SetSegment;
use domain::{AccountId, Command, SegmentId, Subject};
use wire::body::{SegmentBody, SetSegmentBody};
use wire::{Caller, JsonBody, PathIds, Precondition, Problem};

use crate::CommandApi;
use crate::execute::unexpected;

pub(crate) async fn set_segment(
    State(api): State<CommandApi>,
    caller: Caller,
    PathIds(account_id, segment): PathIds<AccountId, SegmentId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SetSegmentBody>,
) -> Result<Response, Problem> {
    let SetSegmentBody { member, occurred_at } = body;
    let read_versions: Option<Box<[u64]>> = match Precondition::read(&headers)? {
        Precondition::Absent | Precondition::AnyVersion => None,
        // Nothing was said of it yet.
        Precondition::IsNew => Some([0].into()),
        Precondition::Versions(versions) => Some(versions),
    };
    let id = account_id.clone();
    let set = SetSegment { account_id, segment, member, read_versions, occurred_at };
    let done = api.execute(Command::SetSegment(set), caller).await?;
    let Some(Subject::Segment { member }) = done.subject else { return Err(unexpected()) };
    let version = done.place.position.0;
    let body = SegmentBody { account_id: id, segment, member, position: done.place };
    done.respond_version(StatusCode::OK, version, &body)
}
