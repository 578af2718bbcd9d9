//! The options about tokens (JWT). Each field's text is the operator's manual.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use reqwest::Url;
use wire::{ClaimName, Role, TokenRules};

use crate::command_line::path;
use crate::duration::some_time;

/// Which tokens are let in beside API keys, and what their claims mean.
#[derive(Args, Clone, Debug)]
pub(crate) struct TokenConfig {
    /// Let in tokens (JWT) of this issuer, beside API keys: the exact text of their claim `iss`,
    /// such as `https://login.shop.example/`.
    #[arg(long, env = "GUERDON_JWT_ISSUER", value_parser = text)]
    pub(crate) jwt_issuer: Option<String>,

    /// The audience of the tokens, as their claim `aud` has it. Separate several by commas.
    #[arg(long, env = "GUERDON_JWT_AUDIENCE", value_delimiter = ',', value_parser = text)]
    pub(crate) jwt_audience: Vec<String>,

    /// Where the issuer publishes its keys, as a JSON Web Key Set: an https URL or a file.
    #[arg(long, env = "GUERDON_JWT_KEYS", value_parser = key_source)]
    pub(crate) jwt_keys: Option<KeySource>,

    /// How often the issuer's keys are read. They are also read when a token has an unknown key.
    #[arg(long, env = "GUERDON_JWT_KEYS_REFRESH", default_value = "5min", value_parser = some_time)]
    pub(crate) jwt_keys_refresh: Duration,

    /// How long the issuer's keys are believed if they can't be read again.
    #[arg(long, env = "GUERDON_JWT_KEYS_GRACE", default_value = "24h", value_parser = some_time)]
    pub(crate) jwt_keys_grace: Duration,

    /// The claim with a shopper's account: a name, or a JSON pointer such as /shop/account.
    #[arg(long, env = "GUERDON_JWT_ACCOUNT_CLAIM", default_value = "sub", value_parser = claim)]
    pub(crate) jwt_account_claim: ClaimName,

    /// The claim with the role: a name, or a JSON pointer such as `/realm_access/roles`. A token
    /// without a role is a shopper's.
    #[arg(
        long,
        env = "GUERDON_JWT_ROLE_CLAIM",
        default_value = "guerdon_role",
        value_parser = claim
    )]
    pub(crate) jwt_role_claim: ClaimName,

    /// The claim with the scopes, which limit what the role may do: a list, or a text with spaces
    /// between.
    #[arg(
        long,
        env = "GUERDON_JWT_SCOPES_CLAIM",
        default_value = "guerdon_scopes",
        value_parser = claim
    )]
    pub(crate) jwt_scopes_claim: ClaimName,

    /// What roles and scopes for this ledger begin with, such as guerdon:, in claims that have
    /// others, too. [default: nothing, so that every role and scope has to be the ledger's]
    #[arg(long, env = "GUERDON_JWT_PREFIX", value_parser = text)]
    pub(crate) jwt_prefix: Option<String>,

    /// The roles that a token may have, separated by commas.
    #[arg(
        long,
        env = "GUERDON_JWT_ROLES",
        value_delimiter = ',',
        default_value = "shopper",
        value_parser = role
    )]
    pub(crate) jwt_roles: Vec<Role>,
}

/// Where the keys of tokens are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A server.
    Url(Url),
    /// A file, which may be replaced.
    File(PathBuf),
}

impl TokenConfig {
    /// Checks that all is given that tokens need, or nothing.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        // Not by clap: to it, what the configuration file says is a default.
        let given = [
            ("--jwt-issuer", self.jwt_issuer.is_some()),
            ("--jwt-audience", !self.jwt_audience.is_empty()),
            ("--jwt-keys", self.jwt_keys.is_some()),
        ];
        let missing = given.iter().filter(|(_, is_given)| !is_given).map(|(option, _)| *option);
        let missing: Vec<&str> = missing.collect();
        if (1..given.len()).contains(&missing.len()) {
            bail!(
                "tokens need --jwt-issuer, --jwt-audience and --jwt-keys, and there is no {}",
                missing.join(" and no ")
            );
        }
        Ok(())
    }

    /// The rules, and where the keys are, if tokens are let in.
    pub(crate) fn rules(&self) -> Option<(TokenRules, KeySource)> {
        let rules = TokenRules {
            issuer: self.jwt_issuer.clone()?,
            audiences: self.jwt_audience.clone(),
            account: self.jwt_account_claim.clone(),
            role: self.jwt_role_claim.clone(),
            scopes: self.jwt_scopes_claim.clone(),
            prefix: self.jwt_prefix.clone().unwrap_or_default(),
            roles: self.jwt_roles.clone(),
        };
        Some((rules, self.jwt_keys.clone()?))
    }
}

fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("it is empty".into()) } else { Ok(text.into()) }
}

fn claim(name: &str) -> Result<ClaimName, &'static str> {
    name.parse()
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("{name:?} is none of {}", Role::ALL_NAMES))
}

fn key_source(text: &str) -> Result<KeySource, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if !text.contains("://") {
        return Ok(KeySource::File(path(text)?));
    }
    let url: Url = text.parse().map_err(|error| format!("it is no URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a key set is public; give its URL without a user and a password".into());
    }
    let is_here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            address.is_ok_and(|address| address.is_loopback())
        }
        None => false,
    };
    match url.scheme() {
        "https" => Ok(KeySource::Url(url)),
        "http" if is_here => Ok(KeySource::Url(url)),
        "http" => Err("whoever is on the way could put in keys of their own; use https".into()),
        _ => Err("it is neither an https URL nor a file's path".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_a_file_or_over_tls() {
        let url = |text: &str| KeySource::Url(text.parse().expect("a URL"));
        for text in [
            "https://login.example/jwks.json",
            "http://127.0.0.1:9/jwks",
            "http://localhost/jwks",
            "http://[::1]:9/jwks",
        ] {
            assert_eq!(key_source(text), Ok(url(text)));
        }
        assert_eq!(key_source("/etc/jwks.json"), Ok(KeySource::File("/etc/jwks.json".into())));
        for text in [
            "",
            "keys\n.json",
            "http://login.example/",
            "http://10.0.0.1/",
            "ftp://x/y",
            "https://",
        ] {
            key_source(text).expect_err(text);
        }
        let refused = key_source("https://ann:hunter2@login.example/").expect_err("a password");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn issuer_audience_and_keys_are_given_together_wherever_they_stand() {
        #[derive(clap::Parser)]
        struct Alone {
            #[command(flatten)]
            tokens: TokenConfig,
        }
        let check = |args: &[&str]| {
            let args = ["alone"].iter().chain(args);
            let parsed = <Alone as clap::Parser>::try_parse_from(args).expect("parsed");
            parsed.tokens.check().map_err(|error| error.to_string())
        };
        let (issuer, audience) = (["--jwt-issuer", "i"], ["--jwt-audience", "a"]);
        let keys = ["--jwt-keys", "jwks.json"];
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[issuer, audience, keys].concat()), Ok(()));
        for (given, missing) in [
            ([issuer, audience].concat(), "--jwt-keys"),
            ([issuer, keys].concat(), "--jwt-audience"),
            (keys.to_vec(), "--jwt-issuer and no --jwt-audience"),
        ] {
            let refused = check(&given).expect_err(missing);
            assert!(refused.ends_with(&format!("there is no {missing}")), "{refused}");
        }
    }
}
