//! Credit that is set aside.

use domain::{
    CreditHeld, HoldCaptured, HoldExtended, HoldReleased, HoldSwapped, ReleaseReason, Reservation,
};

use super::{amount, lots};

pub(super) fn held(fact: &CreditHeld) -> String {
    let CreditHeld { hold_id, unit, points, lots: parts, deadline, keeps, .. } = fact;
    let sum = amount(*points, *unit);
    let reserved = match keeps.reservation() {
        Some(Reservation { offer_id, allocation, .. }) => {
            format!(" for {} of offer {offer_id}, which it reserves,", allocation.quantity())
        }
        None => String::new(),
    };
    format!("{sum} were set aside by hold {hold_id}{reserved} until {deadline}: {}.", lots(parts))
}

pub(super) fn extended(fact: &HoldExtended) -> String {
    let HoldExtended { hold_id, extension_id, deadline, occurred_at: _ } = fact;
    format!("Hold {hold_id} lasts until {deadline}, by extension {extension_id}.")
}

pub(super) fn captured(fact: &HoldCaptured) -> String {
    let HoldCaptured { hold_id, unit, points, lots: parts, released, pays_exchange, .. } = fact;
    let sum = amount(*points, *unit);
    let what = if *pays_exchange { " for an exchange" } else { "" };
    let rest = match released.as_slice() {
        [] => String::new(),
        released => format!(" The rest came back: {}.", lots(released)),
    };
    format!("{sum} of hold {hold_id} were spent{what}: {}.{rest}", lots(parts))
}

pub(super) fn swapped(fact: &HoldSwapped) -> String {
    let HoldSwapped { hold_id, unit: _, lots: _, returned, taken, further: _ } = fact;
    format!(
        "Hold {hold_id} keeps other credit: {} came back, and {} took its place.",
        lots(returned),
        lots(taken)
    )
}

pub(super) fn released(fact: &HoldReleased) -> String {
    let HoldReleased { hold_id, unit, points, lots: parts, reason, keeps, .. } = fact;
    let why = match reason {
        ReleaseReason::Asked => "it was released",
        ReleaseReason::Deadline => "its deadline passed",
    };
    let sum = amount(*points, *unit);
    let free = match keeps.reservation() {
        Some(Reservation { offer_id, allocation, .. }) => {
            format!(" So {} of offer {offer_id} are free.", allocation.quantity())
        }
        None => String::new(),
    };
    format!("{sum} of hold {hold_id} came back, because {why}: {}.{free}", lots(parts))
}
