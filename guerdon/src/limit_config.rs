//! The options about how often callers may call. Each field's text is the operator's manual.

use std::collections::HashMap;

use anyhow::ensure;
use clap::Args;
use domain::OfferId;
use wire::{ByClass, CallClass, LimitRules, Quota, QuotaError};

use crate::duration::duration;

/// What lifts a limit.
const OFF: &str = "off";

/// How often callers may call.
#[derive(Args, Clone, Debug)]
pub(crate) struct LimitConfig {
    /// How often each shopper with a key or token of its own may call, by what calls do:
    /// `redemptions=5/10s,commands=50/10s,reads=200/10s`. `5/10s` is five at once, and then one
    /// each two seconds. What isn't named isn't limited; `off` limits nothing.
    #[arg(
        long,
        env = "GUERDON_LIMIT_SHOPPER",
        value_name = "CLASS=CALLS/TIME",
        value_delimiter = ',',
        default_value = "redemptions=5/10s",
        value_parser = shoppers_limit
    )]
    pub(crate) limit_shopper: Vec<ClassLimit>,

    /// How often each other key may call, as in --limit-shopper: redemptions (of a trusted app),
    /// commands, batches (`POST /v1/credits` and `/v1/purchases`), reads.
    #[arg(
        long,
        env = "GUERDON_LIMIT_KEY",
        value_name = "CLASS=CALLS/TIME",
        value_delimiter = ',',
        default_value = OFF,
        value_parser = class_limit
    )]
    pub(crate) limit_key: Vec<ClassLimit>,

    /// How often all callers together may call, as in --limit-key. Operators and auditors don't
    /// count, and are always let in.
    #[arg(
        long,
        env = "GUERDON_LIMIT_ALL",
        value_name = "CLASS=CALLS/TIME",
        value_delimiter = ',',
        default_value = OFF,
        value_parser = class_limit
    )]
    pub(crate) limit_all: Vec<ClassLimit>,

    /// How often a shopper may try to redeem an offer, by the offer's id, whoever asks for the
    /// shopper: `mug=1/10s,cup=2/10s`. It counts beside the other limits. [default: none]
    #[arg(
        long,
        env = "GUERDON_LIMIT_OFFER",
        value_name = "OFFER=CALLS/TIME",
        value_delimiter = ',',
        value_parser = offer_limit
    )]
    pub(crate) limit_offer: Vec<OfferLimit>,

    /// Count the redemptions that a trusted app asks for as the shopper's, too: then
    /// --limit-shopper limits them by account.
    #[arg(long, env = "GUERDON_LIMIT_SHOPPERS_OF_APPS")]
    pub(crate) limit_shoppers_of_apps: bool,

    /// How often an address may show a key or token that the ledger doesn't let in; `off` for no
    /// limit. Where proxies stand in front, name them with --trusted-proxies: the addresses are
    /// those of their clients then.
    #[arg(
        long,
        env = "GUERDON_LIMIT_WRONG_KEYS",
        value_name = "CALLS/TIME",
        default_value = "300/10s",
        value_parser = some_quota
    )]
    pub(crate) limit_wrong_keys: SomeQuota,
}

/// A limit of a class of calls; or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClassLimit(Option<(CallClass, Quota)>);

/// A limit of an offer.
#[derive(Clone, Debug)]
pub(crate) struct OfferLimit(Box<str>, Quota);

/// A quota; or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SomeQuota(Option<Quota>);

impl LimitConfig {
    /// The limits that the options give.
    pub(crate) fn rules(&self) -> anyhow::Result<LimitRules> {
        let mut of_offer = HashMap::new();
        for OfferLimit(offer, quota) in &self.limit_offer {
            let earlier = of_offer.insert(offer.clone(), *quota);
            ensure!(earlier.is_none(), "--limit-offer names {offer} twice; give it one limit");
        }
        Ok(LimitRules {
            of_shopper: by_class("--limit-shopper", &self.limit_shopper)?,
            of_key: by_class("--limit-key", &self.limit_key)?,
            of_all: by_class("--limit-all", &self.limit_all)?,
            of_offer,
            wrong_keys: self.limit_wrong_keys.0,
            count_apps: self.limit_shoppers_of_apps,
        })
    }
}

fn by_class(option: &str, limits: &[ClassLimit]) -> anyhow::Result<ByClass> {
    let mut quotas = ByClass::default();
    for limit in limits {
        let Some((class, quota)) = limit.0 else {
            ensure!(limits.len() == 1, "{option} has off beside limits; give one or the other");
            continue;
        };
        let name = class.as_str();
        let earlier = quotas.set(class, quota);
        ensure!(earlier.is_none(), "{option} names {name} twice; give each class one limit");
    }
    Ok(quotas)
}

fn shoppers_limit(text: &str) -> Result<ClassLimit, String> {
    let limit = class_limit(text)?;
    match limit.0 {
        Some((CallClass::Batches, _)) => Err("a shopper makes no batches".into()),
        _ => Ok(limit),
    }
}

fn class_limit(text: &str) -> Result<ClassLimit, String> {
    if text == OFF {
        return Ok(ClassLimit(None));
    }
    let Some((class, limit)) = text.split_once('=') else {
        return Err("it is neither off nor CLASS=CALLS/TIME, such as reads=100/10s".into());
    };
    let Some(class) = CallClass::parse(class) else {
        let all = CallClass::ALL.map(CallClass::as_str).join(", ");
        return Err(format!("{class:?} is no class of calls; the classes are {all}"));
    };
    Ok(ClassLimit(Some((class, quota(limit)?))))
}

fn offer_limit(text: &str) -> Result<OfferLimit, String> {
    let Some((offer, limit)) = text.split_once('=') else {
        return Err("it is not OFFER=CALLS/TIME, such as mug=1/10s".into());
    };
    let offer: OfferId = offer.parse().map_err(|error| format!("the offer's id {error}"))?;
    Ok(OfferLimit(offer.as_str().into(), quota(limit)?))
}

fn some_quota(text: &str) -> Result<SomeQuota, String> {
    if text == OFF { Ok(SomeQuota(None)) } else { quota(text).map(|it| SomeQuota(Some(it))) }
}

fn quota(text: &str) -> Result<Quota, String> {
    let Some((calls, time)) = text.split_once('/') else {
        return Err(format!("{text:?} is not CALLS/TIME, such as 5/10s"));
    };
    let calls = calls.parse().map_err(|_| QuotaError::Calls.to_string())?;
    Quota::new(calls, duration(time)?).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        limits: LimitConfig,
    }

    fn rules(args: &[&str]) -> Result<LimitRules, String> {
        let args = ["limits"].iter().chain(args);
        let args = Args::try_parse_from(args).map_err(|error| error.to_string())?;
        args.limits.rules().map_err(|error| error.to_string())
    }

    fn quota(text: &str) -> Quota {
        super::quota(text).expect(text)
    }

    #[test]
    fn by_default_shoppers_redeem_so_often_and_wrong_keys_are_limited() {
        let rules = rules(&[]).expect("rules");
        let mut of_shopper = ByClass::default();
        of_shopper.set(CallClass::Redemptions, quota("5/10s"));
        assert_eq!(rules.of_shopper, of_shopper);
        assert_eq!((rules.of_key, rules.of_all), (ByClass::default(), ByClass::default()));
        assert_eq!(rules.wrong_keys, Some(quota("300/10s")));
        assert!(rules.of_offer.is_empty() && !rules.count_apps);
    }

    #[test]
    fn limits_are_those_that_the_options_name() {
        let rules = rules(&[
            "--limit-shopper",
            "off",
            "--limit-key=commands=7/1min,reads=8/1s",
            "--limit-offer=mug=1/10s,cup:2=2/10s",
            "--limit-wrong-keys=off",
            "--limit-shoppers-of-apps",
        ]);
        let rules = rules.expect("rules");
        let mut of_key = ByClass::default();
        of_key.set(CallClass::Commands, quota("7/60s"));
        of_key.set(CallClass::Reads, quota("8/1s"));
        assert_eq!((rules.of_shopper, rules.of_key), (ByClass::default(), of_key));
        assert_eq!(rules.of_offer["cup:2"], quota("2/10s"));
        assert!(rules.wrong_keys.is_none() && rules.count_apps);
    }

    #[test]
    fn a_limit_that_cannot_be_meant_is_refused_by_the_name_of_its_option() {
        for (arg, words) in [
            ("--limit-shopper=redemptions=0/10s", "from 1 to 1000000"),
            ("--limit-shopper=redemptions=5/0s", "from 1s to 1h"),
            ("--limit-shopper=redemptions=5/2h", "from 1s to 1h"),
            ("--limit-shopper=redemptions=5", "not CALLS/TIME"),
            ("--limit-shopper=redemptions=-5/10s", "from 1 to 1000000"),
            ("--limit-shopper=redemptions=5/10", "not a span of time"),
            ("--limit-shopper=batches=5/10s", "no batches"),
            ("--limit-shopper=reads=1/1s,reads=2/1s", "reads twice"),
            ("--limit-key=writes=5/10s", "redemptions, commands, batches, reads"),
            ("--limit-key=off,reads=5/10s", "off beside limits"),
            ("--limit-all=1000/1s", "neither off nor"),
            ("--limit-all=reads=1000001/1s", "from 1 to 1000000"),
            ("--limit-offer=mug", "OFFER=CALLS/TIME"),
            ("--limit-offer=a/b=1/10s", "the offer's id"),
            ("--limit-offer=mug=0/10s", "from 1 to 1000000"),
            ("--limit-offer=mug=1/10s,mug=2/10s", "mug twice"),
            ("--limit-wrong-keys=0/10s", "from 1 to 1000000"),
            ("--limit-wrong-keys=many", "not CALLS/TIME"),
        ] {
            let said = rules(&[arg]).expect_err(arg);
            let (option, _) = arg.split_once('=').expect("an option");
            assert!(said.contains(option) && said.contains(words), "{arg}: {said}");
        }
    }
}
