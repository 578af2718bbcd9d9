//! Tiers that an account has.

use domain::{GrantEnd, TierChanged, TierGrantEnded, TierGranted, TierId};

use super::{note, until};

/// `what` is what the account did with the tier.
pub(super) fn changed(what: &str, fact: &TierChanged) -> String {
    let TierChanged { ladder, tier, counted, until: end, .. } = fact;
    format!(
        "The account {what} {} of ladder {ladder} with {counted} counted{}.",
        named(*tier),
        until("until", *end)
    )
}

pub(super) fn lapsed(fact: &TierChanged) -> String {
    let TierChanged { ladder, tier, before, counted, until: end, .. } = fact;
    format!(
        "The account lost {} of ladder {ladder} and has {} with {counted} counted{}.",
        named(*before),
        named(*tier),
        until("until", *end)
    )
}

pub(super) fn granted(fact: &TierGranted) -> String {
    let TierGranted { ladder, grant_id, tier, until: end, replaces, note: why, .. } = fact;
    let replaced = replaces.as_ref().map(|old| {
        format!(" It takes the place of grant {}, which gave {}.", old.grant_id, old.tier)
    });
    let replaced = replaced.unwrap_or_default();
    let note = note(why);
    format!(
        "The account was given {tier} of ladder {ladder} until {end}, by grant {grant_id}.{replaced}{note}"
    )
}

pub(super) fn grant_ended(fact: &TierGrantEnded) -> String {
    let TierGrantEnded { ladder, grant_id, tier, ended, note: why, .. } = fact;
    let how = match ended {
        GrantEnd::Until => "came to its end",
        GrantEnd::Revoked => "was revoked",
    };
    format!("Grant {grant_id} of {tier} of ladder {ladder} {how}.{}", note(why))
}

fn named(tier: Option<TierId>) -> String {
    tier.map_or_else(|| "no tier".to_owned(), |tier| format!("tier {tier}"))
}
