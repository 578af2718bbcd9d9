//! What a token's claims say about its bearer.

use std::str::FromStr;
use std::time::Duration;

use domain::AccountId;
use log_record::Principal;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::LEEWAY;
use super::error::TokenError;
use crate::{ApiKey, Role, Scopes};

/// The longest subject that is recorded, in bytes. `OpenID` Connect allows 255 letters.
const SUBJECT_BYTES_MAX: usize = 255;

/// The longest id of a key that is recorded as it is; of a longer one the hash is.
const KEY_ID_BYTES_MAX: usize = 64;

/// Which tokens are let in, and which of their claims say what.
#[derive(Clone, Debug)]
pub struct TokenRules {
    /// The issuer, `iss`.
    pub issuer: String,
    /// The audiences, of which a token has at least one in `aud`.
    pub audiences: Vec<String>,
    /// The claim with a shopper's account.
    pub account: ClaimName,
    /// The claim with the role. A token without a role is a shopper's.
    pub role: ClaimName,
    /// The claim with the scopes.
    pub scopes: ClaimName,
    /// What roles and scopes for this ledger begin with; others count as absent. Where it is empty,
    /// all are for this ledger.
    pub prefix: String,
    /// The roles that a token may have.
    pub roles: Vec<Role>,
}

/// Where a claim stands: by its name, or by a JSON pointer such as `/realm_access/roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimName(String);

impl FromStr for ClaimName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Err("a claim has a name") } else { Ok(Self(text.to_owned())) }
    }
}

impl ClaimName {
    fn of<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let found = match self.0.strip_prefix('/') {
            None => claims.get(&self.0),
            Some(path) => {
                let (first, rest) = match path.split_once('/') {
                    Some((first, rest)) => (first, format!("/{rest}")),
                    None => (path, String::new()),
                };
                let first = first.replace("~1", "/").replace("~0", "~");
                claims.get(&first).and_then(|value| value.pointer(&rest))
            }
        };
        found.filter(|value| !value.is_null())
    }

    fn complaint(&self, complaint: impl Into<String>) -> TokenError {
        TokenError::Claim { name: self.0.clone(), complaint: complaint.into() }
    }
}

impl TokenRules {
    /// The bearer of a token whose signature, times, issuer and audience are checked.
    pub(super) fn bearer(
        &self,
        claims: &Map<String, Value>,
        key_id: Option<&str>,
    ) -> Result<ApiKey, TokenError> {
        let role = self.role_of(claims)?;
        let scopes = self.scopes_of(claims, role)?;
        let account_id = match role {
            Role::Shopper => Some(self.account_of(claims)?),
            _ => None,
        };
        let subject = claims.get("sub").and_then(Value::as_str);
        let subject = subject.filter(|subject| subject.len() <= SUBJECT_BYTES_MAX);
        let principal = Principal {
            key: Some(name_of_key(key_id)),
            subject: subject.map(Into::into).or_else(|| account_id.clone()),
            ..Principal::of_role(role.as_str())
        };
        Ok(ApiKey::new(role, scopes, account_id, Some(ends_at(claims)?), principal))
    }

    /// A token has one role.
    fn role_of(&self, claims: &Map<String, Value>) -> Result<Role, TokenError> {
        let mut names = self.own(&self.role, claims, |text| vec![text])?;
        names.sort_unstable();
        names.dedup();
        let name = match names[..] {
            [] => return self.allowed(Role::Shopper),
            [name] => name,
            _ => return Err(self.role.complaint("has more than one role of this ledger")),
        };
        match Role::parse(name) {
            Some(role) => self.allowed(role),
            None => {
                let complaint = format!("has a role that is none of {}", Role::ALL_NAMES);
                Err(self.role.complaint(complaint))
            }
        }
    }

    fn allowed(&self, role: Role) -> Result<Role, TokenError> {
        if self.roles.contains(&role) {
            return Ok(role);
        }
        let allowed: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
        let complaint = format!(
            "makes it a token with the role {role}, and the ledger takes tokens of these roles \
             only: {}",
            allowed.join(", ")
        );
        Err(self.role.complaint(complaint))
    }

    fn scopes_of(&self, claims: &Map<String, Value>, role: Role) -> Result<Scopes, TokenError> {
        let texts =
            self.own(&self.scopes, claims, |text| text.split_ascii_whitespace().collect())?;
        let scopes = Scopes::parse(texts);
        let scopes = scopes.and_then(|scopes| scopes.check(role).map(|()| scopes));
        scopes.map_err(|error| self.scopes.complaint(format!("can't be so: {error}")))
    }

    fn account_of(&self, claims: &Map<String, Value>) -> Result<Box<str>, TokenError> {
        let Some(claim) = self.account.of(claims) else {
            return Err(TokenError::Missing(self.account.0.clone()));
        };
        let account_id = claim.as_str().filter(|text| text.parse::<AccountId>().is_ok());
        account_id.map(Into::into).ok_or_else(|| self.account.complaint("is no id of an account"))
    }

    /// What a claim says to this ledger: it is a text or a list of texts.
    fn own<'a>(
        &self,
        name: &ClaimName,
        claims: &'a Map<String, Value>,
        split: impl Fn(&'a str) -> Vec<&'a str>,
    ) -> Result<Vec<&'a str>, TokenError> {
        let texts = match name.of(claims) {
            None => vec![],
            Some(Value::String(text)) => split(text),
            Some(Value::Array(texts)) => {
                let texts: Option<Vec<&str>> = texts.iter().map(Value::as_str).collect();
                texts.ok_or_else(|| name.complaint("is no list of texts"))?
            }
            Some(_) => return Err(name.complaint("is neither a text nor a list of texts")),
        };
        Ok(texts.into_iter().filter_map(|text| text.strip_prefix(&*self.prefix)).collect())
    }
}

/// The name of a token's key in events: `jwt:` and its id.
fn name_of_key(id: Option<&str>) -> Box<str> {
    let Some(id) = id else { return "jwt".into() };
    let is_plain = id.len() <= KEY_ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain {
        return format!("jwt:{id}").into();
    }
    let hash: [u8; 32] = Sha256::digest(id.as_bytes()).into();
    format!("jwt:sha256:{}", log_record::hex(&hash)).into()
}

/// From when on the token isn't let in, in microseconds since 1970.
fn ends_at(claims: &Map<String, Value>) -> Result<i64, TokenError> {
    let expiry = claims.get("exp").and_then(Value::as_f64);
    let expiry = expiry.ok_or_else(|| TokenError::Missing("exp".into()))?;
    let Ok(expiry) = Duration::try_from_secs_f64(expiry) else {
        // Before 1970, or later than a clock can show.
        return if expiry < 0.0 { Err(TokenError::Expired) } else { Ok(i64::MAX) };
    };
    Ok(i64::try_from(expiry.saturating_add(LEEWAY).as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> TokenRules {
        let claim = |name: &str| name.parse().expect("a name");
        TokenRules {
            issuer: "https://login.example".into(),
            audiences: vec!["guerdon".into()],
            account: claim("sub"),
            role: claim("/realm_access/roles"),
            scopes: claim("scope"),
            prefix: "guerdon:".into(),
            roles: vec![Role::Shopper, Role::Operator, Role::Warehouse],
        }
    }

    fn bearer(rules: &TokenRules, more: &Value) -> Result<ApiKey, TokenError> {
        let mut claims = json!({"sub": "ann", "exp": 100}).as_object().expect("one").clone();
        claims.extend(more.as_object().expect("one").clone());
        rules.bearer(&claims, Some("k1"))
    }

    /// What is refused, in words.
    fn refused(rules: &TokenRules, more: &Value) -> String {
        bearer(rules, more).expect_err("refused").to_string()
    }

    #[test]
    fn a_token_without_a_role_is_a_shoppers_and_for_one_account() {
        let ann = bearer(&rules(), &json!({"scope": "openid profile"})).expect("a bearer");
        assert_eq!((ann.role, ann.account_id.as_deref()), (Role::Shopper, Some("ann")));
        assert_eq!(ann.scopes, Scopes::default());
        assert_eq!(ann.id(), Some("jwt:k1"));
        assert_eq!(ann.principal.subject.as_deref(), Some("ann"));
        let ends_at = i64::try_from((Duration::from_secs(100) + LEEWAY).as_micros());
        assert_eq!(ann.ends_at, ends_at.ok());
    }

    #[test]
    fn role_and_scopes_are_those_with_the_prefix() {
        let roles = json!(["offline_access", "operator", "guerdon:warehouse"]);
        let scope = "openid guerdon:read-only guerdon:warehouses:main";
        let claims = json!({"realm_access": {"roles": roles}, "scope": scope});
        let main = bearer(&rules(), &claims).expect("a bearer");
        assert_eq!((main.role, &main.account_id), (Role::Warehouse, &None));
        assert_eq!(main.scopes.to_string(), "read-only warehouses:main");
    }

    #[test]
    fn what_a_claim_cannot_mean_is_refused() {
        let roles = |roles: Value| json!({"realm_access": {"roles": roles}});
        for (claims, words) in [
            (roles(json!("guerdon:king")), "none of shopper, merchant"),
            (roles(json!(["guerdon:shopper", "guerdon:operator"])), "more than one role"),
            (roles(json!("guerdon:merchant")), "of these roles only: shopper, operator, warehouse"),
            (roles(json!(7)), "neither a text nor a list"),
            (roles(json!(["guerdon:operator", 7])), "no list of texts"),
            (json!({"scope": "guerdon:read-onyl"}), "is not a scope"),
            (json!({"scope": "guerdon:offers"}), "can't have the scope offers"),
            (json!({"scope": {}}), "neither a text nor a list"),
            (json!({"sub": "ann/../bob"}), "is no id of an account"),
            (json!({"sub": ["ann"]}), "is no id of an account"),
            (json!({"sub": ""}), "is no id of an account"),
            (json!({"sub": null}), "has no claim sub"),
            (json!({"exp": "tomorrow"}), "has no claim exp"),
            (json!({"exp": -1.5}), "has expired"),
        ] {
            let said = refused(&rules(), &claims);
            assert!(said.contains(words), "{claims}: {said}");
        }
        let twice = roles(json!(["guerdon:operator", "guerdon:operator"]));
        bearer(&rules(), &twice).expect("it is one role");
        bearer(&rules(), &json!({"exp": 1e300})).expect("it is late");
    }

    #[test]
    fn without_a_prefix_every_role_and_scope_counts() {
        let rules = TokenRules {
            role: "https://shop.example/role".parse().expect("a name"),
            prefix: String::new(),
            ..rules()
        };
        let claims = json!({"https://shop.example/role": "operator", "scope": ["read-only"]});
        let operator = bearer(&rules, &claims).expect("a bearer");
        assert_eq!((operator.role, operator.scopes.read_only), (Role::Operator, true));
        assert!(refused(&rules, &json!({"scope": "openid"})).contains("is not a scope"));
    }

    #[test]
    fn a_strange_id_of_a_key_is_recorded_as_its_hash() {
        assert_eq!(&*name_of_key(None), "jwt");
        assert_eq!(&*name_of_key(Some("a-1")), "jwt:a-1");
        for id in ["a b", "\u{fc}", &"x".repeat(65)] {
            let name = name_of_key(Some(id));
            assert!(name.starts_with("jwt:sha256:") && name.len() == 75, "{name}");
        }
    }
}
