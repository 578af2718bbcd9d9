//! From when to when credit can be spent, as bodies name it.

use domain::Timestamp;
use wire::Problem;

/// Checks that `expires_at` comes after `available_at`, where the body has both.
pub(crate) fn check_lifetime(
    available_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
) -> Result<(), Problem> {
    match (available_at, expires_at) {
        (Some(available), Some(expires)) if expires <= available => {
            let complaint = format!("must be after available_at, which is {available}");
            Err(Problem::invalid_field("expires_at", complaint))
        }
        _ => Ok(()),
    }
}
