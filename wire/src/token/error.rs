//! Why a token isn't let in.

use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;

use crate::Problem;

/// Why a token isn't let in. Each text reads on after `The token`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("is malformed: it has to be a signed JWT, three parts of base64url with dots between")]
    Malformed,
    #[error("is not signed by RS256, ES256 or EdDSA")]
    Algorithm,
    #[error("has a `typ` in its header that is neither JWT nor at+jwt, so it is no access token")]
    Type,
    #[error("is signed with a key that the issuer doesn't publish")]
    UnknownKey,
    #[error("has a signature that isn't its key's")]
    Signature,
    #[error("has expired")]
    Expired,
    #[error("isn't valid yet")]
    NotYetValid,
    #[error("is from another issuer than this ledger's")]
    Issuer,
    #[error("is for another audience than this ledger")]
    Audience,
    #[error("has no claim {0}")]
    Missing(String),
    #[error("has a claim {name} that {complaint}")]
    Claim { name: String, complaint: String },
}

impl TokenError {
    /// For programs.
    const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Type => "malformed",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Missing(_) | Self::Claim { .. } => "claim",
        }
    }

    const fn remedy(&self) -> &'static str {
        match self {
            Self::Expired => "Get a new one from the issuer.",
            Self::NotYetValid => "Send it later, or set the issuer's clock right.",
            Self::UnknownKey => "Get a new one, which is signed with a published key.",
            _ => "Ask the ledger's operator which tokens the ledger takes.",
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        let bearer = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
        Problem::bad_token(format!("The token {self}. {}", self.remedy()))
            .fact("reason", self.reason())
            .header(WWW_AUTHENTICATE, bearer)
    }
}

impl From<jsonwebtoken::errors::Error> for TokenError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        use jsonwebtoken::errors::ErrorKind;
        match error.into_kind() {
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::ImmatureSignature => Self::NotYetValid,
            ErrorKind::InvalidIssuer => Self::Issuer,
            ErrorKind::InvalidAudience => Self::Audience,
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm => Self::Algorithm,
            ErrorKind::MissingRequiredClaim(name) => Self::Missing(name),
            ErrorKind::InvalidClaimFormat(name) => {
                Self::Claim { name, complaint: "has the wrong type".into() }
            }
            _ => Self::Malformed,
        }
    }
}
