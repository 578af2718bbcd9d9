//! Commands about an offer's terms and its phase, and about the segments of accounts.

use super::values::*;
use crate::Terms;
use crate::command::{AmendOffer, Command, OpenOffer, PauseOffer, ResumeOffer, SetSegment};

/// The same offer with other terms.
pub(crate) fn with_terms(mut command: Command, other: impl FnOnce(Terms) -> Terms) -> Command {
    match &mut command {
        Command::OpenOffer(OpenOffer { terms, .. })
        | Command::AmendOffer(AmendOffer { terms, .. }) => *terms = other(terms.clone()),
        other => panic!("no terms are in {other:?}"),
    }
    command
}

pub(crate) fn pause(offer: &str) -> Command {
    Command::PauseOffer(PauseOffer { offer_id: id(offer), read_versions: None })
}

pub(crate) fn pause_as_read(offer: &str, read: u64) -> Command {
    Command::PauseOffer(PauseOffer { offer_id: id(offer), read_versions: Some([read].into()) })
}

pub(crate) fn resume(offer: &str, resumption: &str, read: u64) -> Command {
    Command::ResumeOffer(ResumeOffer {
        offer_id: id(offer),
        resumption_id: id(resumption),
        read_versions: Some([read].into()),
    })
}

pub(crate) fn set_segment(account: &str, segment: &str, member: bool) -> Command {
    Command::SetSegment(SetSegment {
        account_id: id(account),
        segment: id(segment),
        member,
        read_versions: None,
        occurred_at: None,
    })
}

pub(crate) fn set_segment_read(account: &str, segment: &str, member: bool, read: u64) -> Command {
    let Command::SetSegment(it) = set_segment(account, segment, member) else { unreachable!() };
    Command::SetSegment(SetSegment { read_versions: Some([read].into()), ..it })
}
