//! The publisher's own problems.

use axum::http::StatusCode;
use wire::{OUR_MISTAKE, ProblemPage, TRY_AGAIN};

/// The pages of the publisher's own problems.
pub const PROBLEM_PAGES: &[ProblemPage] =
    &[MESSAGE_UNUSABLE, WAREHOUSE_NOT_STOPPED, TOO_MANY_REPLAYS, PUBLISHER_AWAY];

pub(super) const WAREHOUSE_NOT_STOPPED: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "warehouse-not-stopped",
    title: "Warehouse isn't stopped",
    meaning: "Only a stopped warehouse can be continued from a position. A warehouse is stopped when \
              the messages sent to it differ from the log.",
    remedy: "Nothing needs to be done. To send something again, ask for a resend or a replay.",
    shopper: OUR_MISTAKE,
    can_succeed_later: false,
};

pub(super) const MESSAGE_UNUSABLE: ProblemPage = ProblemPage {
    status: StatusCode::CONFLICT,
    slug: "message-unusable",
    title: "Message still can't be used",
    meaning: "A parked message was tried again and refused again. It stays parked; the detail gives \
              the reason.",
    remedy: "Correct the cause and try again, or discard the message.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(super) const TOO_MANY_REPLAYS: ProblemPage = ProblemPage {
    status: StatusCode::TOO_MANY_REQUESTS,
    slug: "too-many-replays",
    title: "Too many replays run",
    meaning: "As many replays run as may at once. The fact `limit` is the number. Nothing was sent.",
    remedy: "Ask again when one of them is done: GET /v1/shipping-stream/replays/{replay_id} shows \
             it.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

pub(super) const PUBLISHER_AWAY: ProblemPage = ProblemPage {
    status: StatusCode::SERVICE_UNAVAILABLE,
    slug: "publisher-away",
    title: "Publisher can't answer now",
    meaning: "Kafka, the read model, the command API or the publisher's own tables can't be reached. \
              The detail names which.",
    remedy: "Try again after Retry-After.",
    shopper: TRY_AGAIN,
    can_succeed_later: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_md_lists_every_problem_of_the_publisher() {
        let listed: Vec<&str> = include_str!("../../../docs/API.md")
            .lines()
            .skip_while(|line| *line != "### Problems of the publisher")
            .skip_while(|line| !line.starts_with("|---"))
            .skip(1)
            .take_while(|line| line.starts_with('|'))
            .collect();
        let rows = PROBLEM_PAGES.iter().map(|page| {
            let later = if page.can_succeed_later { "yes" } else { "no" };
            format!("| `{}` | {} | {later} | {} |", page.slug, page.status.as_u16(), page.title)
        });
        assert_eq!(listed, rows.collect::<Vec<String>>());
    }
}
