//! Who calls, as far as the ledger tells callers apart.

use std::fmt;

/// What a key's holder is to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A trusted app that acts for any shopper.
    Shopper,
    /// Who grants credit and makes offers.
    Merchant,
    /// Who runs the ledger.
    Operator,
    /// Who ships, and says how far a shipping request has come.
    Warehouse,
    /// Who reads everything and changes nothing.
    Auditor,
}

impl Role {
    /// All roles; for calls that any known key may make.
    pub const ALL: &[Self] =
        &[Self::Shopper, Self::Merchant, Self::Operator, Self::Warehouse, Self::Auditor];

    /// The names of all roles, for people.
    pub const ALL_NAMES: &str = "shopper, merchant, operator, warehouse, auditor";

    /// The role's name, as in `api-keys.json` and in an event's metadata.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shopper => "shopper",
            Self::Merchant => "merchant",
            Self::Operator => "operator",
            Self::Warehouse => "warehouse",
            Self::Auditor => "auditor",
        }
    }

    /// The role with that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_found_by_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(*role));
        }
        assert_eq!(Role::parse("Shopper"), None);
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
        assert_eq!(names.join(", "), Role::ALL_NAMES);
    }
}
