//! What a route is about.

/// What a route is about, for keys that are narrowed to a part of what their role may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// The account in the path. A key of another account gets 404.
    Account,
    /// Offers, which keys with the scope `offers` are for.
    Offers,
    /// The programme's terms. Every key may read them, except one with the scope `offers`.
    Programme,
    /// Shipping requests, which keys with the scope `warehouses` are for. The handler checks the
    /// warehouse, by [`Caller::check_warehouse`](crate::Caller::check_warehouse).
    Shipping,
}

impl About {
    /// The word for it in the table of routes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Offers => "offers",
            Self::Programme => "programme",
            Self::Shipping => "shipping",
        }
    }
}
