//! What both HTTP APIs promise alike; `docs/API.md` is the same for those who call them.
//!
//! It knows no command, no event and no read table; of `domain` it uses value types alone. In
//! reading order:
//! - [`body`]: the bodies of requests and answers, one struct each
//! - [`Problem`], [`ProblemPage`] and the problems that either API can answer with
//! - [`Routes`], [`only`], [`Role`], [`Scopes`], [`KeyRing`], [`Tokens`]: who may call
//! - [`Limits`], [`LimitRules`], [`Quota`], [`CallClass`]: how often
//! - [`JsonBody`], [`MergePatch`], [`Object`], [`PathId`], [`QueryString`]: requests, read strictly
//! - [`Precondition`], [`read_positions`], [`IdempotencyKey`], [`read_reason`], [`RequestIds`]:
//!   headers
//! - [`Page`], [`json_with_etag`]: answers
//! - [`Overload`]: what is refused while too much is asked
//! - [`Switches`]: what operators have turned on and off
//! - [`finish`]: the answers to what no handler takes

mod about;
mod api_key;
mod authorize;
pub mod body;
mod caller;
mod dispatch;
mod etag;
mod fallback;
mod field_error;
mod guerdon_position;
mod guerdon_reason;
mod idempotency_key;
mod json_body;
mod json_response;
mod limits;
mod merge_patch;
mod moment;
mod object;
mod overload;
mod packing;
mod page;
mod path_id;
mod prefer;
mod problem;
mod problem_page;
mod problem_vocabulary;
mod query_string;
mod read_problems;
mod request_id;
mod role;
mod routes;
mod scope;
mod short_text;
mod switches;
#[cfg(test)]
mod test_request;
mod token;
mod unheeded;
mod unique;

pub use about::About;
pub use api_key::{ApiKey, HasKeys, KeyHash, KeyRing};
pub use authorize::{ForOperators, NoAuthentication, Only, only};
pub use caller::{Caller, Marked, SeenCaller, SeenRoute, is_known_still, role_of, trace_of};
pub use dispatch::{Answering, Dispatch, TakenRoute, decoded_id};
pub use etag::{JsonAnswer, Precondition, json_with_etag, json_with_version};
pub use fallback::finish;
pub use field_error::excerpt;
pub use guerdon_position::{GUERDON_POSITION, read_positions, write_positions};
pub use guerdon_reason::read_reason;
pub use idempotency_key::IdempotencyKey;
pub use json_body::{BODY_BYTES_MAX, BodyTooSlow, JsonBody};
pub use json_response::{json_response, written_json_response};
pub use limits::{ByClass, CallClass, LimitRules, Limits, Quota, QuotaError, Refusals};
pub use merge_patch::MergePatch;
pub use moment::{Moment, NoMoment};
pub use object::Object;
pub use overload::{Overload, Shed, Stage};
pub use page::{
    PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page, open_cursor, page_limit, read_cursor, write_cursor,
};
pub use path_id::{PathId, PathIds, ThreePathIds};
pub use problem::{AnsweredProblem, Problem};
pub use problem_page::{BEING_CHECKED, OUR_MISTAKE, ProblemPage, TRY_AGAIN, problem_pages};
pub use problem_vocabulary::{FORBIDDEN, INTERNAL, NO_SUCH_ROUTE, SHARED_PROBLEM_PAGES};
pub use query_string::QueryString;
pub use request_id::{RequestIds, X_REQUEST_ID};
pub use role::Role;
pub use routes::{Guard, Methods, Route, Routes, get, post, put};
pub use scope::{ScopeError, Scopes};
pub use switches::{Switches, TurnedSwitch};
pub use token::{ClaimName, TokenKeys, TokenKeysError, TokenKeysStatus, TokenRules, Tokens};
