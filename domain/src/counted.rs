//! What counts towards limits and caps by an event, and in all of an account: what follows an
//! account that was merged.

use crate::{
    Account, AccountId, CapCount, Counts, CountsTakenOver, Event, LimitCount, LimitDays, OfferId,
    Points, State, Units,
};

impl Counts {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What an account counts towards limits and caps, and its segments.
    pub(crate) fn of(state: &State, account: &Account) -> Self {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let limits = account.limits().filter_map(|(offer, period, count)| {
            let offer_id = state.offer_id(offer)?.clone();
            Some(LimitCount { offer_id, period, units: signed(count) })
        });
        let mut caps = vec![];
        for (number, wallet) in account.wallets() {
            let Some(unit) = state.unit_id(number) else { continue };
            caps.extend(wallet.all_earned().map(|(rule, period, points)| {
                let rule_id = rule.clone();
                CapCount { unit, rule_id, period, points: signed(points.get()) }
            }));
        }
        let segments = account.segments().filter_map(|number| state.segment_id(number));
        Self { ladders: vec![], limits: limits.collect(), caps, segments: segments.collect() }
    }

    /// Adds what counts more or less by the events of an account; what it counts on ladders stands
    /// apart.
    pub(crate) fn add_events(&mut self, id: &AccountId, events: &[Event]) {
        for event in events.iter().filter(|event| event.account_id() == Some(id)) {
            for more in limits_of(event) {
                self.add_limit(more);
            }
            for more in caps_of(event) {
                self.add_cap(more);
            }
            if let Event::CountsTakenOver(_, CountsTakenOver { counts, .. }) = event {
                self.segments.extend_from_slice(&counts.segments);
            }
        }
        self.limits.retain(|it| it.units != 0);
        self.caps.retain(|it| it.points != 0);
    }

    /// The same in portions that an event holds: an account may have had thousands of offers. A
    /// receipt has a portion in up to three events, and is one append.
    pub(crate) fn in_portions(self) -> Vec<Self> {
        const PORTION: usize = 100;
        let Self { ladders, limits, caps, segments } = self;
        let count = limits.len().max(caps.len()).div_ceil(PORTION).max(1);
        let (mut limits, mut caps) = (limits.into_iter(), caps.into_iter());
        let mut rest = (ladders, segments);
        let portions = (0..count).map(|_| {
            let (ladders, segments) = std::mem::take(&mut rest);
            let limits = limits.by_ref().take(PORTION).collect();
            Self { ladders, limits, caps: caps.by_ref().take(PORTION).collect(), segments }
        });
        portions.filter(|portion| !portion.is_empty()).collect()
    }

    fn add_limit(&mut self, more: LimitCount) {
        let is_same =
            |it: &&mut LimitCount| (&it.offer_id, it.period) == (&more.offer_id, more.period);
        match self.limits.iter_mut().find(is_same) {
            Some(same) => same.units = same.units.saturating_add(more.units),
            None => self.limits.push(more),
        }
    }

    fn add_cap(&mut self, more: CapCount) {
        let period = |it: &CapCount| (it.period.kind, it.period.start);
        let is_same = |it: &&mut CapCount| {
            (it.unit, &it.rule_id, period(it)) == (more.unit, &more.rule_id, period(&more))
        };
        match self.caps.iter_mut().find(is_same) {
            Some(same) => same.points = same.points.saturating_add(more.points),
            None => self.caps.push(more),
        }
    }
}

/// What counts more or less towards limits by an event.
pub(crate) fn limits_of(event: &Event) -> Vec<LimitCount> {
    match event {
        Event::ExchangeCreated(_, fact) => {
            counted(&fact.offer_id, fact.allocation.quantity(), fact.counted, 1)
        }
        Event::ExchangeCancelled(_, fact) => {
            counted(&fact.offer_id, fact.allocation.quantity(), fact.of.counted, -1)
        }
        Event::CreditHeld(_, fact) => match fact.keeps.reservation() {
            Some(kept) => counted(&kept.offer_id, kept.allocation.quantity(), kept.counted, 1),
            None => vec![],
        },
        Event::HoldReleased(..) | Event::HoldCaptured(..) => match event.ends_reservation() {
            Some(kept) => counted(&kept.offer_id, kept.allocation.quantity(), kept.counted, -1),
            None => vec![],
        },
        Event::CountsTakenOver(_, fact) => fact.counts.limits.clone(),
        _ => vec![],
    }
}

fn counted(offer_id: &OfferId, quantity: Units, days: LimitDays, sign: i64) -> Vec<LimitCount> {
    let units = sign * i64::try_from(quantity.get()).unwrap_or(i64::MAX);
    let periods = std::iter::once(None).chain(days.iter().map(Some));
    periods.map(|period| LimitCount { offer_id: offer_id.clone(), period, units }).collect()
}

/// What counts more or less under caps by an event.
fn caps_of(event: &Event) -> Vec<CapCount> {
    let signed = |points: Points| i64::try_from(points.get()).unwrap_or(i64::MAX);
    match event {
        // A claim's credit was counted when it was refused.
        Event::CreditEarned(_, fact) if fact.claim.is_none() => {
            let of_rule = fact.rule.as_ref().zip(fact.cap_period);
            let count = of_rule.map(|(rule, period)| CapCount {
                unit: fact.unit,
                rule_id: rule.rule_id.clone(),
                period,
                points: signed(fact.points),
            });
            count.into_iter().collect()
        }
        Event::CreditWithdrawn(_, fact) => {
            let count = fact.cap_room.as_ref().map(|room| CapCount {
                unit: fact.unit,
                rule_id: room.rule_id.clone(),
                period: room.period,
                points: -signed(fact.points),
            });
            count.into_iter().collect()
        }
        Event::WithdrawalReversed(_, crate::WithdrawalReversed { credit, .. })
        | Event::CreditGivenBack(_, crate::ReturnCreditGivenBack { credit, .. })
        | Event::ReturnReversed(_, crate::ReturnReversed { credit: Some(credit), .. }) => {
            let count = credit.cap_room.as_ref().map(|room| CapCount {
                unit: credit.unit,
                rule_id: room.rule_id.clone(),
                period: room.period,
                points: signed(credit.points),
            });
            count.into_iter().collect()
        }
        Event::PurchaseReturned(_, fact) => {
            let back = fact.taken.iter().filter_map(|taken| {
                let back = taken.room_back.as_ref()?;
                Some(CapCount {
                    unit: taken.unit,
                    rule_id: back.room.rule_id.clone(),
                    period: back.room.period,
                    points: -signed(back.points),
                })
            });
            back.collect()
        }
        Event::CountsTakenOver(_, fact) => fact.counts.caps.clone(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use crate::command::ExpectedVersion;
    use crate::scenario::*;
    use crate::{Cap, EarningTerms, Period, PeriodLimits, Terms};

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn limits_by_day_count_what_both_have_had_and_what_comes_back_of_it() {
        let a_day = |limit| PeriodLimits { day: Some(units(limit)), ..PeriodLimits::default() };
        let limited =
            with_terms(open("mug", 1, None), |terms| Terms { period_limits: a_day(2), ..terms });
        given([earned("ann", 500, "B-1"), earned("bob", 500, "B-2")])
            .does(limited)
            .does(redeem("ann", "x-1", "mug"))
            .does(redeem("ann", "x-2", "mug"))
            .does(merge("ann", "bob"))
            .refuses(redeem("bob", "x-1", "mug"), "shopper-limit-reached")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(redeem("bob", "x-1", "mug"))
            .refuses(redeem("bob", "x-2", "mug"), "shopper-limit-reached")
            .at(DAY)
            .does(redeem("bob", "x-2", "mug"))
            // Of the day before: today's count is as it was.
            .does(cancel("ann", "x-2", "c-1", None))
            .does(redeem("bob", "x-3", "mug"))
            .refuses(redeem("bob", "x-4", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn a_reservation_under_the_old_id_counts_until_it_ends() {
        given([opened_with("mug", 100, Some(9), Some(1)), earned("ann", 500, "B-1")])
            .does(earn("bob", 500, "B-2"))
            .does(reserve("ann", "h-1", "mug", 1, 90))
            .does(merge("ann", "bob"))
            .refuses(redeem("bob", "x-1", "mug"), "shopper-limit-reached")
            .does(release("ann", "h-1"))
            .does(redeem("bob", "x-1", "mug"));
        given([opened_with("mug", 100, Some(9), Some(1)), earned("ann", 500, "B-1")])
            .does(earn("bob", 500, "B-2"))
            .does(reserve("ann", "h-1", "mug", 1, 90))
            .does(merge("ann", "bob"))
            .does(capture_of("ann", "h-1", "x-1", "mug", 1))
            .refuses(redeem("bob", "x-1", "mug"), "shopper-limit-reached")
            .does(cancel("ann", "x-1", "c-1", None))
            .does(redeem("bob", "x-1", "mug"));
    }

    #[test]
    fn a_reservation_that_is_over_counts_no_more_also_where_nobody_has_recorded_it() {
        given([opened_with("mug", 100, Some(9), Some(1)), earned("ann", 500, "B-1")])
            .does(earn("bob", 500, "B-2"))
            .does(reserve("ann", "h-1", "mug", 1, 90))
            .does(merge("ann", "bob"))
            .at(90)
            .when(redeem("bob", "x-1", "mug"))
            .then_records([
                "HoldReleased",
                "CreditDeducted",
                "ExchangeCreated",
                "CountsPassedOn",
                "CountsTakenOver",
                "CreditSent",
                "CreditReceived",
            ])
            .leaves("bob", [900, 0, 0, 0])
            .refuses(redeem("bob", "x-2", "mug"), "shopper-limit-reached");
    }

    #[test]
    fn a_cap_counts_what_both_have_earned_and_what_was_taken_back_of_it() {
        let cap = Some(Cap { points: points(30), period: Period::Month });
        let capped = EarningTerms { cap, ..rate(10) };
        given([])
            .does(rule("default", capped, ExpectedVersion::Absent))
            .does(policy(crate::SpentCredit::Debt, 30))
            .does(earn("bob", 100, "M-1"))
            .does(purchase("ann", "B-1", None, &[("tv", 1, 200)]))
            .does(merge("ann", "bob"))
            .leaves("bob", [120, 0, 0, 0])
            .does(purchase("bob", "B-2", None, &[("tv", 1, 300)]))
            .leaves("bob", [130, 0, 0, 0])
            .does(bring_back("ann", "B-1", "r-1", None))
            .leaves("bob", [110, 0, 0, 0])
            .does(purchase("bob", "B-3", None, &[("tv", 1, 300)]))
            .leaves("bob", [130, 0, 0, 0]);
    }

    #[test]
    fn segments_of_both_are_those_of_the_new_account() {
        let for_staff =
            with_terms(open("mug", 1, None), |terms| Terms { segment: Some(id("staff")), ..terms });
        given([earned("ann", 500, "B-1"), earned("bob", 500, "B-2"), earned("cat", 5, "B-3")])
            .does(for_staff)
            .does(set_segment("ann", "staff", true))
            .does(set_segment("ann", "guest", false))
            .does(set_segment("bob", "vip", true))
            .refuses(redeem("bob", "x-1", "mug"), "segment-required")
            .when(merge("ann", "bob"))
            .then_records([
                "AccountMerged",
                "AccountTakenOver",
                "CountsPassedOn",
                "CountsTakenOver",
                "SegmentSet",
                "CreditSent",
                "CreditReceived",
            ])
            .does(redeem("bob", "x-1", "mug"))
            .does(merge("bob", "cat"))
            .does(redeem("cat", "x-1", "mug"));
    }

    #[test]
    fn hundreds_of_offers_are_passed_on_in_portions() {
        let mut many = given([earned("ann", 500, "B-1"), earned("bob", 1, "B-2")]);
        for number in 0..101 {
            let offer = format!("mug-{number}");
            many = many.does(open_with(&offer, 1, None, Some(1)));
            many = many.does(redeem("ann", &format!("x-{number}"), &offer));
        }
        many.when(merge("ann", "bob"))
            .then_records([
                "AccountMerged",
                "AccountTakenOver",
                "CountsPassedOn",
                "CountsTakenOver",
                "CountsPassedOn",
                "CountsTakenOver",
                "CreditSent",
                "CreditReceived",
            ])
            .refuses(redeem("bob", "y-1", "mug-0"), "shopper-limit-reached")
            .refuses(redeem("bob", "y-1", "mug-100"), "shopper-limit-reached");
    }
}
