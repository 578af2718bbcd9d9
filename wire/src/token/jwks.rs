//! The keys that tokens are signed with, as a JSON Web Key Set has them (RFC 7517).

use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most keys of a set. Large issuers publish about ten.
const KEYS_MAX: usize = 100;

/// The bytes of a modulus that RS256 is safe and fast with: 2,048 to 8,192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1_024;

/// The bytes of an uncompressed point on the curve P-256.
const P256_POINT_BYTES: usize = 65;

/// The bytes of a public key of Ed25519.
const ED25519_BYTES: usize = 32;

/// The public keys of an issuer with which a token may be signed.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenKeys(Vec<TokenKey>);

/// One of them. It is for one algorithm, so that no token can choose another.
#[derive(Clone, Debug)]
pub(super) struct TokenKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    jwk: Jwk,
}

/// Why a text gives no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenKeysError {
    /// It is no set.
    #[error("it is not a JSON Web Key Set: {0}")]
    NoSet(String),
    /// There are too many.
    #[error("it has {0} keys, and {KEYS_MAX} are the most")]
    TooMany(usize),
    /// None of them can be used.
    #[error("it has no key for RS256 (RSA, 2048 bits or more), ES256 (P-256) or EdDSA (Ed25519)")]
    NoneUsable,
}

impl TokenKeys {
    /// The keys of a set that tokens may be signed with. A set may have other keys, too.
    pub fn parse(json: &[u8]) -> Result<Self, TokenKeysError> {
        #[derive(Deserialize)]
        struct Set<'a> {
            #[serde(borrow)]
            keys: Vec<&'a RawValue>,
        }
        let set: Set<'_> = serde_json::from_slice(json)
            .map_err(|error| TokenKeysError::NoSet(error.to_string()))?;
        if set.keys.len() > KEYS_MAX {
            return Err(TokenKeysError::TooMany(set.keys.len()));
        }
        let keys = set.keys.iter().filter_map(|key| serde_json::from_str(key.get()).ok());
        let keys: Vec<TokenKey> = keys.filter_map(TokenKey::of).collect();
        if keys.is_empty() { Err(TokenKeysError::NoneUsable) } else { Ok(Self(keys)) }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key with this id. A token without an id is for the one key of its algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&TokenKey> {
        let mut of_it = self.0.iter().filter(|key| key.algorithm == algorithm);
        match id {
            Some(id) => of_it.find(|key| key.jwk.common.key_id.as_deref() == Some(id)),
            None => of_it.next().filter(|_| of_it.next().is_none()),
        }
    }
}

impl TokenKey {
    /// The key, unless it is for something else or too weak.
    fn of(jwk: Jwk) -> Option<Self> {
        let common = &jwk.common;
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(point) if point.curve == EllipticCurve::P256 => {
                (Algorithm::ES256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        let is_to_sign = common.public_key_use.iter().all(|used| *used == PublicKeyUse::Signature);
        let mut operations = common.key_operations.iter();
        let is_to_verify = operations.all(|all| all.contains(&KeyOperations::Verify));
        let is_for_it = common.key_algorithm.is_none_or(|named| named == name);
        if !(is_to_sign && is_to_verify && is_for_it) {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        let is_sound = match (key.kind(), algorithm) {
            (DecodingKeyKind::RsaModulusExponent { n, e }, _) => {
                let bytes = n.iter().skip_while(|byte| **byte == 0).count();
                MODULUS_BYTES.contains(&bytes) && !e.is_empty()
            }
            (DecodingKeyKind::SecretOrDer(bytes), Algorithm::EdDSA) => bytes.len() == ED25519_BYTES,
            (DecodingKeyKind::SecretOrDer(bytes), _) => bytes.len() == P256_POINT_BYTES,
        };
        is_sound.then_some(Self { algorithm, key, jwk })
    }
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn ed25519(id: &str) -> Value {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
    }

    fn parse(keys: &[Value]) -> Result<TokenKeys, TokenKeysError> {
        TokenKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_key_for_something_else_is_left_out() {
        let with = |name: &str, value: Value| {
            let mut key = ed25519("other");
            key[name] = value;
            key
        };
        for key in [
            with("use", json!("enc")),
            with("key_ops", json!(["sign"])),
            with("alg", json!("RS256")),
            with("alg", json!("HS256")),
            with("crv", json!("X25519")),
            with("x", json!("AAAA")),
            json!({"kty": "oct", "k": "c2VjcmV0", "kid": "other"}),
            json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "other"}),
            json!({"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA", "kid": "other"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA", "kid": "other"}),
            json!({"kty": "of tomorrow"}),
            json!(7),
        ] {
            let keys = parse(&[key.clone(), ed25519("own")]).expect("one is usable");
            assert_eq!(keys.count(), 1, "{key}");
            assert_eq!(parse(std::slice::from_ref(&key)), Err(TokenKeysError::NoneUsable), "{key}");
        }
        let all = with("use", json!("sig"));
        assert_eq!(parse(&[all, with("alg", json!("EdDSA"))]).map(|keys| keys.count()), Ok(2));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["", "{}", "[]", r#"{"keys":7}"#, "<html>", "\u{0}"] {
            let refused = TokenKeys::parse(text.as_bytes());
            assert!(matches!(refused, Err(TokenKeysError::NoSet(_))), "{text}: {refused:?}");
        }
        let many: Vec<Value> = (0..=KEYS_MAX).map(|key| ed25519(&key.to_string())).collect();
        assert_eq!(parse(&many), Err(TokenKeysError::TooMany(KEYS_MAX + 1)));
    }

    #[test]
    fn a_token_without_an_id_is_for_the_one_key_of_its_algorithm() {
        let one = parse(&[ed25519("a")]).expect("keys");
        assert!(one.find(None, Algorithm::EdDSA).is_some());
        assert!(one.find(Some("a"), Algorithm::EdDSA).is_some());
        assert!(one.find(Some("b"), Algorithm::EdDSA).is_none());
        assert!(one.find(Some("a"), Algorithm::RS256).is_none());
        let two = parse(&[ed25519("a"), ed25519("b")]).expect("keys");
        assert!(two.find(None, Algorithm::EdDSA).is_none());
    }
}
