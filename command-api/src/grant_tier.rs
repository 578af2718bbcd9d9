//! `PUT /v1/accounts/{account_id}/tiers/{ladder}/grants/{grant_id}`: an operator gives an account a
//! tier for a time; `PUT …/revocation` ends that early.

use axum::extract::State;
use axum::response::Response;
use domain::command::{GrantTier, RevokeTierGrant};
use domain::{
    AccountId, Command, GrantId, LadderId, Note, ReplacedGrant, TierGrantEnded, TierGranted,
};
use log_record::Place;
use wire::body::{
    GrantTierBody, ReplacedGrantBody, RevokeGrantBody, TierGrantEndedBody, TierGrantedBody,
};
use wire::{Caller, JsonBody, Problem, ThreePathIds};

use crate::CommandApi;
use crate::execute::respond_fact;

/// The ids in a grant's path.
type GrantPath = ThreePathIds<AccountId, LadderId, GrantId>;

pub(crate) async fn grant_tier(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, ladder, grant_id): GrantPath,
    JsonBody(body): JsonBody<GrantTierBody>,
) -> Result<Response, Problem> {
    let GrantTierBody { tier, until, reason, by, occurred_at } = body;
    let note = Note { by, reason: Some(reason) };
    let grant = GrantTier { account_id, ladder, grant_id, tier, until, note, occurred_at };
    let done = api.execute(Command::GrantTier(grant), caller).await?;
    respond_fact!(done, TierGranted => tier_granted)
}

pub(crate) async fn revoke_grant(
    State(api): State<CommandApi>,
    caller: Caller,
    ThreePathIds(account_id, ladder, grant_id): GrantPath,
    JsonBody(body): JsonBody<RevokeGrantBody>,
) -> Result<Response, Problem> {
    let RevokeGrantBody { by, reason, occurred_at } = body;
    let note = Note { by, reason };
    let revocation = RevokeTierGrant { account_id, ladder, grant_id, note, occurred_at };
    let done = api.execute(Command::RevokeTierGrant(revocation), caller).await?;
    respond_fact!(done, TierGrantEnded => tier_grant_ended)
}

pub(crate) fn tier_granted(
    account_id: AccountId,
    fact: TierGranted,
    position: Place,
) -> TierGrantedBody {
    let TierGranted { ladder, grant_id, tier, until, replaces, occurred_at, note: _private } = fact;
    let replaces = replaces.map(|replaced| {
        let ReplacedGrant { grant_id, tier } = replaced;
        ReplacedGrantBody { grant_id, tier }
    });
    TierGrantedBody { account_id, ladder, grant_id, tier, until, replaces, occurred_at, position }
}

pub(crate) fn tier_grant_ended(
    account_id: AccountId,
    fact: TierGrantEnded,
    position: Place,
) -> TierGrantEndedBody {
    let TierGrantEnded { ladder, grant_id, tier, ended, occurred_at, note: _private } = fact;
    TierGrantEndedBody { account_id, ladder, grant_id, tier, ended, occurred_at, position }
}
