//! Who asks for a command, and why, as the log keeps it.

/// Who asks for a command: a key with its role, the person or program behind it, and why it asks.
///
/// The key's id and the role go into the public text of the events. The subject, the name and the
/// reason may be personal data (a subject may be an e-mail address), so they go into the private
/// text alone, which can be erased: that of the event that bears the command's id.
#[derive(Clone, PartialEq, Eq)]
pub struct Principal {
    /// The role's name: `shopper`.
    pub role: &'static str,
    /// The id of the key, `k-7f3a9c21`; a part of the ledger's own process has none.
    pub key: Option<Box<str>>,
    /// Whom the key or token speaks for, by an id.
    pub subject: Option<Box<str>>,
    /// The person's or program's name.
    pub name: Option<Box<str>>,
    /// Why it asks, as the header `Guerdon-Reason` of this one request says.
    pub reason: Option<Box<str>>,
}

impl Principal {
    /// Somebody of whom only the role is known.
    #[must_use]
    pub const fn of_role(role: &'static str) -> Self {
        Self { role, key: None, subject: None, name: None, reason: None }
    }
}

/// Without what is private.
impl std::fmt::Debug for Principal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Principal");
        shown.field("role", &self.role).field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_private() {
        let ann = Principal {
            key: Some("k-1".into()),
            subject: Some("ann@example.org".into()),
            name: Some("Ann".into()),
            reason: Some("the cup broke".into()),
            ..Principal::of_role("shopper")
        };
        let shown = format!("{ann:?}");
        assert!(shown.contains("shopper") && shown.contains("k-1"), "{shown}");
        assert!(
            !shown.contains("ann@") && !shown.contains("Ann") && !shown.contains("cup"),
            "{shown}"
        );
    }
}
