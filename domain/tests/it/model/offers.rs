//! When offers take redemptions, whose, and how many: phases, limits by the calendar, segments.

use chrono::{Datelike, Days, Months, NaiveDate};
use domain::command::{CloseOffer, Order, PauseOffer, ReopenOffer, ResumeOffer, SetSegment};
use domain::{Command, ExchangeCreated, SegmentId, Terms};

use super::earning::{date, midnight, zone_of};
use super::effect::Effect;
use super::ledger::{Ledger, MOST, No, Offer, Time};
use super::rules::{Answer, done_elsewhere, micros, no, no_for, signed, too_large};

/// Each period with its limit, the longest first.
fn limits(terms: &Terms) -> [(&'static str, Option<u128>); 3] {
    let domain::PeriodLimits { day, week, month } = terms.period_limits;
    [("month", month), ("week", week), ("day", day)]
        .map(|(period, limit)| (period, limit.map(|limit| limit.get().into())))
}

/// The first day of a period that a day is in, and that of the next one.
fn days_of_period(period: &str, day: NaiveDate) -> [NaiveDate; 2] {
    match period {
        "day" => [day, day + Days::new(1)],
        "week" => {
            let first = day - Days::new(day.weekday().num_days_from_monday().into());
            [first, first + Days::new(7)]
        }
        _ => {
            let first = day.with_day(1).expect("a day");
            [first, first + Months::new(1)]
        }
    }
}

/// In which periods an exchange counts, by their first days, the shortest first.
pub(crate) fn counted_days(terms: &Terms, now: Time) -> Vec<(&'static str, String)> {
    let day = date(zone_of(&terms.time_zone), now);
    let limited = limits(terms).into_iter().rev().filter(|(_, limit)| limit.is_some());
    limited.map(|(period, _)| (period, days_of_period(period, day)[0].to_string())).collect()
}

/// When the counts of an offer begin anew.
pub(crate) fn renewals(terms: &Terms, now: Time) -> Vec<Time> {
    let zone = zone_of(&terms.time_zone);
    let limited = limits(terms).into_iter().filter(|(_, limit)| limit.is_some());
    let next = limited.map(|(period, _)| days_of_period(period, date(zone, now))[1]);
    next.map(|day| midnight(zone, day)).collect()
}

/// In which periods a recorded exchange counts.
pub(crate) fn days_of(fact: &ExchangeCreated) -> Vec<(&'static str, String)> {
    fact.counted.iter().map(|(period, first)| (period.as_str(), first.to_string())).collect()
}

impl Offer {
    /// Whether it takes redemptions.
    pub(crate) fn check_takes(&self, now: Time) -> Result<(), No> {
        if let Some(closed_at) = self.closed_at {
            return no_for("offer-not-open", [("closed_at", closed_at.into())]);
        }
        let closes_at = micros(self.terms.closes_at);
        if let Some(closes_at) = closes_at.filter(|closes_at| *closes_at <= now) {
            return no_for("offer-not-open", [("closes_at", closes_at.into())]);
        }
        if let Some(paused_at) = self.paused_at {
            return no_for("offer-not-open", [("paused_at", paused_at.into())]);
        }
        if let Some(opens_at) = micros(self.terms.opens_at).filter(|opens_at| now < *opens_at) {
            return no_for("offer-not-open", [("opens_at", opens_at.into())]);
        }
        Ok(())
    }
}

impl Ledger {
    pub(crate) fn check_limits(&self, account: &str, order: &Order, now: Time) -> Result<(), No> {
        let offer = self.offer(order.offer_id.as_str()).expect("it was priced");
        let asked = u128::from(order.quantity.get());
        let exchanges = self.exchanges.iter();
        let own = exchanges.filter(|it| it.account == account && it.offer == offer.id);
        let taken: u128 = own.clone().map(|it| it.quantity - it.cancelled).sum();
        if taken + asked > MOST {
            return too_large();
        }
        let facts = |limit, taken| {
            [("limit", signed(limit)), ("taken", signed(taken)), ("asked", signed(asked))]
        };
        let for_ever = offer.terms.limit_per_shopper.map(|limit| u128::from(limit.get()));
        if let Some(limit) = for_ever.filter(|limit| taken + asked > *limit) {
            return no_for("shopper-limit-reached", facts(limit, taken));
        }
        let zone = zone_of(&offer.terms.time_zone);
        for (period, limit) in limits(&offer.terms) {
            let Some(limit) = limit else { continue };
            let [first, next] = days_of_period(period, date(zone, now));
            let counted = (period, first.to_string());
            let own = own.clone().filter(|it| it.counted.contains(&counted));
            let taken: u128 = own.map(|it| it.quantity - it.cancelled).sum();
            if taken + asked > limit {
                let [limit, taken, asked] = facts(limit, taken);
                let renews_at = ("renews_at", midnight(zone, next).into());
                return no_for("shopper-limit-reached", [limit, taken, asked, renews_at]);
            }
        }
        Ok(())
    }

    /// What was said last of an account and a segment, if anything was.
    fn said_of(&self, account: &str, segment: SegmentId) -> Option<bool> {
        self.deeds.iter().rev().find_map(|deed| match &deed.command {
            Command::SetSegment(it) if it.account_id.as_str() == account => {
                (it.segment == segment).then_some(it.member)
            }
            _ => None,
        })
    }

    pub(crate) fn is_in(&self, account: &str, segment: SegmentId) -> bool {
        self.said_of(account, segment) == Some(true)
    }

    pub(crate) fn set_segment(&mut self, it: &SetSegment) -> Answer {
        let name = it.account_id.as_str();
        if self.account(name).is_none() {
            return no("account-unknown");
        }
        if self.said_of(name, it.segment) == Some(it.member) {
            return Ok(None);
        }
        let set = Effect::SegmentSet(name.to_owned(), it.segment.to_string(), it.member);
        done_elsewhere(set)
    }

    pub(crate) fn close(&mut self, it: &CloseOffer, now: Time) -> Answer {
        let id = it.offer_id.to_string();
        let offer = self.offer_mut(&it.offer_id)?;
        if offer.closed_at.is_some() {
            return Ok(None);
        }
        (offer.paused_at, offer.closed_at) = (None, Some(now));
        offer.version += 1;
        done_elsewhere(Effect::OfferClosed(id, offer.version))
    }

    pub(crate) fn reopen(&mut self, it: &ReopenOffer) -> Answer {
        let id = it.offer_id.to_string();
        let offer = self.offer_mut(&it.offer_id)?;
        offer.check_version(it.read_versions.as_deref())?;
        if offer.closed_at.is_none() {
            return no("offer-not-closed");
        }
        offer.closed_at = None;
        offer.version += 1;
        done_elsewhere(Effect::OfferReopened(id, offer.version))
    }

    pub(crate) fn pause(&mut self, it: &PauseOffer, now: Time) -> Answer {
        let id = it.offer_id.to_string();
        let offer = self.offer_mut(&it.offer_id)?;
        offer.check_open()?;
        if offer.paused_at.is_some() {
            return Ok(None);
        }
        offer.check_version(it.read_versions.as_deref())?;
        offer.paused_at = Some(now);
        offer.version += 1;
        done_elsewhere(Effect::OfferPaused(id, offer.version))
    }

    pub(crate) fn resume(&mut self, it: &ResumeOffer) -> Answer {
        let id = it.offer_id.to_string();
        let offer = self.offer_mut(&it.offer_id)?;
        offer.check_version(it.read_versions.as_deref())?;
        if offer.paused_at.take().is_none() {
            return no("offer-not-paused");
        }
        offer.version += 1;
        done_elsewhere(Effect::OfferResumed(id, offer.version))
    }
}
