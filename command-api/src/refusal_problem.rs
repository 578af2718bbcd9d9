//! The domain's refusals, and the writer's own, as problem documents: the only place where they
//! are mapped.

use axum::http::StatusCode;
use domain::{Fact, Refusal};
use wire::{Problem, ProblemPage};

use crate::NotDecided;
use crate::keys::KEY_ENDED;

/// How long a client should wait before it asks again: batches take milliseconds, and whole
/// seconds are all that `Retry-After` can say.
const RETRY_AFTER_SECONDS: u32 = 1;

/// How long where an operator has to come first.
const RETRY_AFTER_CLOCK_SECONDS: u32 = 60;

/// The pages that explain every problem of the command API.
pub fn problem_pages() -> impl Iterator<Item = ProblemPage> {
    REFUSAL_PAGES.into_iter().chain([
        ID_REUSED,
        NOT_DECIDED,
        OUTCOME_UNKNOWN,
        DECISION_FAILED,
        KEY_ENDED,
    ])
}

/// The problem that a refusal is answered with.
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let code = refusal.code();
    let Some(page) = REFUSAL_PAGES.iter().find(|page| page.slug == code) else {
        tracing::error!(code, "a refusal has no page");
        return Problem::internal();
    };
    let mut detail = refusal.to_string();
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    detail.push('.');
    let problem = Problem::of(page, detail);
    refusal.facts().into_iter().fold(problem, |problem, (name, fact)| match fact {
        Fact::Number(number) => problem.fact(name, number),
        Fact::Time(time) => problem.fact(name, time.to_string()),
    })
}

/// Where the offer or the rule stands in the path, an unknown one is 404 and not a conflict.
pub(crate) fn not_found_where_unknown(problem: Problem) -> Problem {
    if problem.code() == OFFER_UNKNOWN.slug {
        return Problem::not_found("There is no such offer. Open it first, or check its id.");
    }
    if problem.code() == "rule-unknown" {
        return Problem::not_found(
            "There is no such earning rule. Make it without If-Match, or check its id.",
        );
    }
    problem
}

pub(crate) fn id_reused(field: &str) -> Problem {
    let was = match field {
        "call" => "by another call".to_owned(),
        field => format!("for a request that differs in {field}"),
    };
    let detail = format!(
        "This id was used {was}. Use a new id for a new request, or send the first one again \
         unchanged."
    );
    Problem::of(&ID_REUSED, detail).fact("field", field)
}

pub(crate) fn not_decided(why: NotDecided) -> Problem {
    let detail = match why {
        NotDecided::QueueFull => "Too many requests are waiting to be decided.",
        NotDecided::DeadlinePassed => "The request waited for its turn until its time was over.",
        NotDecided::Deposed => "Another server has taken over the ledger.",
        NotDecided::ClockUnconfirmed => "The server's clock can't be trusted.",
        NotDecided::Stopped => "The server is stopping.",
    };
    if why == NotDecided::ClockUnconfirmed {
        let detail = "The server's clock can't be trusted, so nothing is decided until an operator \
                      runs `guerdon confirm-clock`. Nothing happened. Send it again after that.";
        return Problem::of(&NOT_DECIDED, detail).retry_after(RETRY_AFTER_CLOCK_SECONDS);
    }
    Problem::of(&NOT_DECIDED, format!("{detail} Nothing happened. Send it again in a second."))
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(crate) fn outcome_unknown() -> Problem {
    Problem::of(
        &OUTCOME_UNKNOWN,
        "The request was decided, and whether it was recorded isn't known yet. Send it again with \
         the same id in a second: it is done once at most, and the answer says whether it was.",
    )
    .retry_after(RETRY_AFTER_SECONDS)
}

/// A repeat met something that was recorded and can't be read for now.
pub(crate) fn original_unread() -> Problem {
    Problem::of(
        &OUTCOME_UNKNOWN,
        "What was recorded under this id can't be read at the moment; the program's own log says \
         why. Send the request again with the same id in a second: it is done once at most.",
    )
    .retry_after(RETRY_AFTER_SECONDS)
}

pub(crate) fn decision_failed() -> Problem {
    Problem::of(
        &DECISION_FAILED,
        "Deciding this request failed, and nothing happened. It won't be tried again until the \
         server is started anew; tell the operator, whose log says more.",
    )
}

const fn page(
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    meaning: &'static str,
    remedy: &'static str,
    can_succeed_later: bool,
) -> ProblemPage {
    ProblemPage { status, slug, title, meaning, remedy, can_succeed_later }
}

const OFFER_UNKNOWN: ProblemPage = page(
    StatusCode::CONFLICT,
    "offer-unknown",
    "There is no such offer",
    "The body names an offer that nobody has opened. Nothing was done.",
    "Check the offer's id, or have an operator open it.",
    true,
);

/// In the refusals' order of precedence.
const REFUSAL_PAGES: [ProblemPage; 31] = [
    page(
        StatusCode::CONFLICT,
        "hold-unknown",
        "There is no such hold",
        "The account never had a hold with this id. Nothing was done.",
        "Check both ids; hold credit first.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "hold-ended",
        "The hold has ended",
        "It was captured or released, or its deadline has passed. Nothing was done.",
        "Hold credit anew under another id.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "exchange-exists",
        "The exchange id is taken",
        "Another exchange of the account bears the capture's exchange_id. Nothing was done.",
        "Take a new exchange id.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "exchange-unknown",
        "There is no such exchange",
        "The account has no exchange with this id. Nothing was done.",
        "Check both ids.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "purchase-unknown",
        "There is no such purchase",
        "No purchase was recorded under this id of the account. Nothing was done.",
        "Check both ids.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "credit-unknown",
        "The cause has earned nothing",
        "The account has no credit that was earned for this cause. Nothing was done.",
        "Check the account's id and the cause.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "exchange-dispatched",
        "The goods have left the warehouse",
        "From its dispatch or delivery on, an exchange can't be cancelled, nor its parcel rejected. \
         Nothing was done.",
        "Have the shopper send the goods back, and adjust the credit.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "shipment-settled",
        "An operator has settled the shipping request",
        "What an operator has seen to by hand a warehouse can't reject and a shopper can't cancel. \
         Nothing was done.",
        "Have an operator cancel the exchange, where its credit is to come back.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "line-unknown",
        "The purchase has no such line",
        "The line of the return that the fact line counts names a product that wasn't bought. \
         Nothing was done.",
        "Name products of the purchase.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "quantity-too-large",
        "Less is left to come back",
        "The fact left says how many pieces have not come back, and asked how many were to. \
         Nothing was done.",
        "Ask for no more than are left.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "points-too-large",
        "Less is left to take",
        "The fact left says how many points there are to be captured or withdrawn. Nothing was \
         done.",
        "Ask for no more than are left.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "rule-unknown",
        "There is no such earning rule",
        "The purchase names no points, and either a rule that isn't there, or none, and there is no rule \
         default. Nothing was done.",
        "Make the rule by PUT /v1/earning-rules/{rule_id}, or name the points.",
        true,
    ),
    page(
        StatusCode::PRECONDITION_REQUIRED,
        "rule-exists",
        "The rule exists with other terms",
        "A rule with this id is there, and differs from the body. The fact version is its \
         version. Nothing was done.",
        "To change it, send If-Match with the ETag that it was read with; or use another id.",
        false,
    ),
    page(
        StatusCode::PRECONDITION_FAILED,
        "rule-changed",
        "The rule has changed since it was read",
        "If-Match names a version that is not the present one, which the fact version gives. \
         Nothing was done.",
        "Read the rule again, decide anew, and send its present ETag in If-Match.",
        false,
    ),
    OFFER_UNKNOWN,
    page(
        StatusCode::PRECONDITION_REQUIRED,
        "offer-exists",
        "The offer exists with other terms",
        "An offer with this id is there, and differs from the body. The fact version is its \
         version. Nothing was done.",
        "To amend it, send If-Match with the ETag that it was read with; or use another id.",
        false,
    ),
    page(
        StatusCode::PRECONDITION_FAILED,
        "offer-changed",
        "The offer has changed since it was read",
        "If-Match names a version that is not the present one, which the fact version gives. \
         Nothing was done.",
        "Read the offer again, decide anew, and send its present ETag in If-Match.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "offer-closed",
        "The offer was closed",
        "A closed offer can't be changed. The fact closed_at says since when. Nothing was done.",
        "Open another offer.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "stock-not-amendable",
        "Stock isn't changed by an amendment",
        "The body's stock differs from what the offer has had in all. Nothing was done.",
        "Leave stock out, and add units by PUT /v1/offers/{offer_id}/stock-additions/{id}.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "stock-unlimited",
        "The offer's stock is unlimited",
        "Units can't be added to an offer that has no end of them. Nothing was done.",
        "There is nothing to do.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "sold-out",
        "Sold out",
        "Less is left of the offer than was asked for. The fact remaining says how much. Nothing \
         was done, and no credit was taken.",
        "Ask for less, or ask again with the same id when stock was added.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "offer-not-open",
        "The offer takes no redemptions now",
        "It hasn't opened yet, is over, or was closed; one of the facts opens_at, closes_at and \
         closed_at says which. Nothing was done.",
        "Before it opens, ask again then with the same id.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "amount-too-large",
        "An amount would be too large",
        "A sum or product would exceed 9007199254740991. Nothing was done.",
        "Ask for less.",
        false,
    ),
    page(
        StatusCode::CONFLICT,
        "price-changed",
        "It costs something else",
        "The cost, the fact needed, is not the expected_points of the body. Nothing was done.",
        "Show the shopper the present cost, and ask again with it.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "account-unknown",
        "There is no such account",
        "The account has never had any credit. Nothing was done.",
        "Check the account's id. An account comes into being with its first credit.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "recipient-unknown",
        "The recipient has no account",
        "The recipient has never had any credit. Nothing was done.",
        "Check the recipient's id. An account comes into being with its first credit.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "deadline-out-of-range",
        "The deadline is too early or too late",
        "A hold lasts 30 days at most; the fact latest is the last deadline possible now. \
         Nothing was done.",
        "Take a deadline after now and up to latest.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "account-full",
        "The account is full",
        "An account has at most 10,000 parts of lots before more may come in, and 1,000 holds at a \
         time; the fact max says which. Nothing was done.",
        "Spend or release something first, or earn in larger lots.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "shopper-limit-reached",
        "The shopper has had enough of it",
        "One shopper may have so many of the offer, the fact limit, and has had taken. Nothing was \
         done.",
        "Offer the shopper something else.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "insufficient-credit",
        "There isn't enough credit",
        "The facts needed and available say how much. Nothing was done.",
        "Ask again with the same id once there is more credit.",
        true,
    ),
    page(
        StatusCode::CONFLICT,
        "credit-already-spent",
        "The credit was spent",
        "Less can be taken back, the fact left, than is to be, and the policy spent_credit is \
         refuse. Nothing was done.",
        "Take back less, or choose the policy debt.",
        true,
    ),
];

const ID_REUSED: ProblemPage = page(
    StatusCode::UNPROCESSABLE_ENTITY,
    "id-reused",
    "The id was used for another request",
    "An id stands for one request for ever, and this one was recorded with another body. The fact \
     field names the first difference. Nothing was done.",
    "Use a new id for a new request, or send the first one again unchanged.",
    false,
);

const NOT_DECIDED: ProblemPage = page(
    StatusCode::SERVICE_UNAVAILABLE,
    "not-decided",
    "The request was not decided",
    "The server had no room or no time for it, or its clock can't be trusted. Nothing happened.",
    "Send it again with the same id after Retry-After.",
    true,
);

const OUTCOME_UNKNOWN: ProblemPage = page(
    StatusCode::SERVICE_UNAVAILABLE,
    "outcome-unknown",
    "The outcome isn't known yet",
    "The request was decided, but storage has not confirmed it in time. It is recorded once or not \
     at all.",
    "Send it again with the same id after Retry-After; the answer says what became of it.",
    true,
);

const DECISION_FAILED: ProblemPage = page(
    StatusCode::INTERNAL_SERVER_ERROR,
    "decision-failed",
    "Deciding the request failed",
    "The server met a fault of its own while it decided this very request. Nothing happened, and \
     it will not try again until it is started anew.",
    "Tell the operator, whose log says more.",
    false,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_page_in_its_place() {
        let slugs: Vec<_> = REFUSAL_PAGES.iter().map(|page| page.slug).collect();
        assert_eq!(slugs, Refusal::CODES);
    }

    #[test]
    fn a_refusal_is_told_with_its_facts() {
        let refusal = Refusal::SoldOut {
            remaining: domain::Units::ZERO,
            asked: domain::Units::new(2).expect("an amount"),
        };
        let document = serde_json::to_value(refused(&refusal)).expect("JSON");
        assert_eq!(document["code"], "sold-out");
        assert_eq!(document["detail"], "0 left, 2 asked for.");
        assert_eq!((&document["remaining"], &document["asked"]), (&0.into(), &2.into()));
    }
}
