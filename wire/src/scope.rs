//! Scopes: what narrows a key to less than its role may do.

use std::fmt;
use std::str::FromStr;

use crate::Role;

/// The scope of keys that change nothing.
pub(crate) const READ_ONLY: &str = "read-only";

/// The scope of keys for the routes of offers.
pub(crate) const OFFERS: &str = "offers";

/// Before the warehouses of a key, as in `warehouses:main,berlin`.
const WAREHOUSES: &str = "warehouses:";

/// The longest that an id of a warehouse may be, as the domain has it.
const WAREHOUSE_BYTES_MAX: usize = 64;

/// The most warehouses that one key may name: whoever runs more takes a key for each.
const WAREHOUSES_MAX: usize = 32;

/// The scopes of a key. Each takes something away; a key without any may do what its role may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Whether the key may only read.
    pub read_only: bool,
    /// Whether the key is for the routes of offers alone.
    pub offers: bool,
    /// The warehouses whose shipping requests the key is for; all of them where there is none.
    pub warehouses: Option<Box<[Box<str>]>>,
}

/// A text that is no scope, or none of the key's role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// There is no such scope.
    #[error("{0:?} is not a scope; the scopes are read-only, offers and warehouses:ID,ID")]
    Unknown(String),
    /// A scope of warehouses without a valid list.
    #[error("warehouses: needs 1 to {WAREHOUSES_MAX} ids of warehouses, separated by commas")]
    Warehouses,
    /// A scope that the role has no use for.
    #[error("a key with the role {role} can't have the scope {scope}; {allowed}")]
    Role {
        /// The key's role.
        role: Role,
        /// The scope.
        scope: &'static str,
        /// Which roles can.
        allowed: &'static str,
    },
}

impl Scopes {
    /// The scopes that these texts name.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        let mut ids: Vec<&str> = vec![];
        for text in texts {
            match text {
                READ_ONLY => scopes.read_only = true,
                OFFERS => scopes.offers = true,
                _ => match text.strip_prefix(WAREHOUSES) {
                    // A second list adds to the first.
                    Some(more) => ids.extend(more.split(',')),
                    None => return Err(ScopeError::Unknown(text.chars().take(64).collect())),
                },
            }
        }
        if !ids.is_empty() {
            scopes.warehouses = Some(warehouses(ids)?);
        }
        Ok(scopes)
    }

    /// Checks that a key of this role has a use for these scopes.
    pub fn check(&self, role: Role) -> Result<(), ScopeError> {
        if self.offers && !matches!(role, Role::Merchant | Role::Operator) {
            let allowed = "it is for merchants and operators";
            return Err(ScopeError::Role { role, scope: OFFERS, allowed });
        }
        if self.warehouses.is_some() && role != Role::Warehouse {
            let allowed = "it is for warehouses";
            return Err(ScopeError::Role { role, scope: "warehouses", allowed });
        }
        Ok(())
    }

    /// The scopes as texts, in the order in which they are always written.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let read_only = self.read_only.then(|| READ_ONLY.to_owned());
        let offers = self.offers.then(|| OFFERS.to_owned());
        let warehouses = self.warehouses_text();
        [read_only, offers, warehouses].into_iter().flatten().collect()
    }

    /// `warehouses:main,berlin`, where the key is for some warehouses only.
    pub(crate) fn warehouses_text(&self) -> Option<String> {
        self.warehouses.as_ref().map(|ids| format!("{WAREHOUSES}{}", ids.join(",")))
    }

    /// Whether the key is for this warehouse.
    pub(crate) fn allow_warehouse(&self, warehouse: &str) -> bool {
        self.warehouses.as_ref().is_none_or(|ids| ids.iter().any(|id| &**id == warehouse))
    }
}

/// Separated by spaces, as a store keeps them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().join(" "))
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::parse(text.split_ascii_whitespace())
    }
}

fn warehouses(mut ids: Vec<&str>) -> Result<Box<[Box<str>]>, ScopeError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    let is_dots = |id: &str| id.bytes().all(|byte| byte == b'.');
    let is_short = |id: &str| (1..=WAREHOUSE_BYTES_MAX).contains(&id.len());
    let is_id = |id: &str| is_short(id) && id.bytes().all(is_plain) && !is_dots(id);
    ids.sort_unstable();
    ids.dedup();
    let are_valid = ids.len() <= WAREHOUSES_MAX && ids.iter().all(|id| is_id(id));
    if !are_valid {
        return Err(ScopeError::Warehouses);
    }
    Ok(ids.into_iter().map(Into::into).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_written_as_they_are_read() {
        for text in ["", "read-only", "offers", "read-only warehouses:berlin,main"] {
            let scopes: Scopes = text.parse().expect("scopes");
            assert_eq!(scopes.to_string(), text);
        }
    }

    #[test]
    fn a_second_list_of_warehouses_adds_to_the_first() {
        let scopes = Scopes::parse(["warehouses:main", "warehouses:berlin"]).expect("scopes");
        assert_eq!(scopes.to_string(), "warehouses:berlin,main");
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in
            ["all", "Offers", "warehouses", "warehouses:", "warehouses:a,,b", "warehouses:%"]
        {
            text.parse::<Scopes>().expect_err(text);
        }
    }

    #[test]
    fn a_scope_is_refused_where_the_role_has_no_use_for_it() {
        for (scopes, roles) in [
            ("read-only", Role::ALL),
            ("offers", &[Role::Merchant, Role::Operator]),
            ("warehouses:main", &[Role::Warehouse]),
        ] {
            let scopes: Scopes = scopes.parse().expect("scopes");
            for role in Role::ALL {
                assert_eq!(scopes.check(*role).is_ok(), roles.contains(role), "{scopes} {role}");
            }
        }
    }

    #[test]
    fn a_key_of_some_warehouses_is_for_no_other() {
        let scopes: Scopes = "warehouses:main,berlin".parse().expect("scopes");
        assert!(scopes.allow_warehouse("main") && scopes.allow_warehouse("berlin"));
        assert!(!scopes.allow_warehouse("mai") && !scopes.allow_warehouse("main,berlin"));
        assert!(Scopes::default().allow_warehouse("main"));
    }
}
