//! A plain, slow model of ladders, written from docs/CREDIT.md alone: it keeps every count as a
//! line of a list, and reckons everything anew from the list whenever it is asked.

use std::collections::BTreeMap;

use domain::{
    Calendar, CauseKind, Day, Downgrade, GrantId, LadderId, LadderTerms, Points, Returns, TierId,
    Timestamp, UnitId, Window,
};

use super::plain_ladder::{Date, PlainLadder, date, plus_months, start};

/// Something that was counted, or taken off a count.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) unit: UnitId,
    pub(crate) day: Day,
    pub(crate) kind: CauseKind,
    pub(crate) points: i128,
    /// The line of the lot that is taken back or given back.
    pub(crate) lot: Option<usize>,
    /// When it was written down, among all that ever was.
    pub(crate) order: usize,
}

/// What became of a tier, with everything that its event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Reached(Said),
    Kept(Said),
    Lapsed(Said),
    GrantEnded(LadderId, GrantId),
}

impl News {
    pub(crate) fn ladder(&self) -> LadderId {
        match self {
            Self::Reached(said) | Self::Kept(said) | Self::Lapsed(said) => said.ladder,
            Self::GrantEnded(ladder, _) => *ladder,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) ladder: LadderId,
    pub(crate) version: usize,
    pub(crate) tier: Option<TierId>,
    pub(crate) before: Option<TierId>,
    pub(crate) counted: u64,
    pub(crate) until: Option<Timestamp>,
}

/// A tier that was earned.
#[derive(Clone, Debug)]
struct Earned {
    tier: TierId,
    until: Option<Timestamp>,
    /// The count that gave it: the first and the last day, and how much its level asked for.
    days: (Date, Date),
    asked: Points,
    /// How much of it the other account had forgotten when both were merged.
    forgotten: i128,
}

#[derive(Clone, Debug, Default)]
struct Standing {
    earned: Option<Earned>,
    since: Option<Timestamp>,
    grant: Option<(GrantId, TierId, Timestamp)>,
    granted_at: Timestamp,
    /// By so many versions the account was judged.
    judged: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct PlainAccount {
    pub(crate) lines: Vec<Line>,
    standings: BTreeMap<usize, Standing>,
    pub(crate) news: Vec<News>,
}

#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) ladders: Vec<PlainLadder>,
    pub(crate) accounts: BTreeMap<String, PlainAccount>,
    order: usize,
}

/// What an account is shown to have on a ladder: its tier, the one that it earned, and until when.
pub(crate) type Shown = (Option<TierId>, Option<TierId>, Option<Timestamp>, Option<Timestamp>);

/// The count that an event says, and the level that it gives.
struct Look {
    level: Option<usize>,
    count: i128,
    days: (Date, Date),
    until: Option<Timestamp>,
}

impl Plain {
    pub(crate) fn make(
        &mut self,
        id: LadderId,
        terms: &LadderTerms,
        calendar: Calendar,
        now: Timestamp,
    ) {
        let (order, versions) = (self.next_order(), vec![(now, terms.clone())]);
        self.ladders.push(PlainLadder { id, calendar, order, versions });
    }

    pub(crate) fn amend(&mut self, id: LadderId, terms: &LadderTerms, now: Timestamp) {
        self.next_order();
        let ladder = self.ladders.iter_mut().find(|ladder| ladder.id == id).expect("a ladder");
        ladder.versions.push((now, terms.clone()));
    }

    fn next_order(&mut self) -> usize {
        self.order += 1;
        self.order
    }

    /// Writes a line, and judges the account by it.
    pub(crate) fn write(&mut self, account: &str, mut line: Line, now: Timestamp) -> usize {
        self.advance(account, now);
        line.order = self.next_order();
        let (ladders, it) = self.both(account);
        let is_less = line.points < 0;
        it.lines.push(line);
        let number = it.lines.len() - 1;
        for (index, ladder) in ladders.iter().enumerate() {
            if ladder.counts(&it.lines[number], &it.lines) {
                it.standings.entry(index).or_default().judged = ladder.versions.len();
                it.judge(ladder, index, is_less, now);
            }
        }
        number
    }

    pub(crate) fn grant(
        &mut self,
        account: &str,
        ladder: LadderId,
        grant: (GrantId, TierId, Timestamp),
        now: Timestamp,
    ) {
        self.advance(account, now);
        let index = self.index(ladder);
        let (ladders, it) = self.both(account);
        let standing = it.standings.entry(index).or_default();
        if standing.judged == 0 {
            standing.judged = ladders[index].versions.len();
        }
        (standing.grant, standing.granted_at) = (Some(grant), now);
    }

    pub(crate) fn revoke(&mut self, account: &str, ladder: LadderId, now: Timestamp) {
        self.advance(account, now);
        let index = self.index(ladder);
        let standing = self.both(account).1.standings.get_mut(&index).expect("a grant");
        standing.grant = None;
    }

    /// An account is merged into another. Says behind how many lines its own stand then.
    pub(crate) fn merge(&mut self, from: &str, into: &str, now: Timestamp) -> usize {
        self.advance(from, now);
        self.advance(into, now);
        let former = self.accounts.entry(from.to_owned()).or_default();
        let (lines, standings) = (std::mem::take(&mut former.lines), former.standings.clone());
        for standing in former.standings.values_mut() {
            *standing = Standing { judged: standing.judged, ..Standing::default() };
        }
        let (ladders, it) = self.both(into);
        let own_lines = it.lines.clone();
        let behind = own_lines.len();
        it.lines.extend(lines.iter().map(|line| {
            let lot = line.lot.map(|lot| lot + behind);
            Line { lot, ..line.clone() }
        }));
        for (index, theirs) in standings {
            let ladder = &ladders[index];
            let (has_sums, is_less) = ladder.leave(&lines);
            if has_sums || theirs.earned.is_some() || theirs.grant.is_some() {
                let own = it.standings.entry(index).or_default();
                own.add(ladder, theirs, &own_lines, &lines);
                it.judge(ladder, index, is_less, now);
            }
        }
        behind
    }

    fn index(&self, ladder: LadderId) -> usize {
        self.ladders.iter().position(|it| it.id == ladder).expect("a ladder")
    }

    fn both(&mut self, account: &str) -> (&[PlainLadder], &mut PlainAccount) {
        (&self.ladders, self.accounts.entry(account.to_owned()).or_default())
    }

    /// Everything that is due by now happens, ladder by ladder at each time.
    pub(crate) fn advance(&mut self, account: &str, now: Timestamp) {
        let (ladders, it) = self.both(account);
        loop {
            let due = |(index, ladder): (usize, &PlainLadder)| it.next_due(index, ladder);
            let next = ladders.iter().enumerate().filter_map(due).min();
            let Some(time) = next.filter(|time| *time <= now) else { return };
            for (index, ladder) in ladders.iter().enumerate() {
                while it.next_due(index, ladder) == Some(time) {
                    it.fall_due(index, ladder, time);
                }
            }
        }
    }

    /// When something falls due next in an account.
    pub(crate) fn next_end(&self, account: &str) -> Option<Timestamp> {
        let it = self.accounts.get(account)?;
        it.standings.values().filter_map(|standing| standing.earned.as_ref()?.until).min()
    }

    /// What an account is shown to have, after what is due.
    pub(crate) fn shown(&self, account: &str, ladder: usize) -> Shown {
        let (ladder, index) = (&self.ladders[ladder], ladder);
        let standing = self.accounts.get(account).and_then(|it| it.standings.get(&index));
        let standing = standing.cloned().unwrap_or_default();
        let version = ladder.versions.len();
        let levels = &ladder.terms().levels;
        let earned = standing.earned.as_ref().map(|it| (ladder.rank(version, it.tier), it.until));
        let earned = earned.filter(|(rank, _)| levels.get(*rank).expect("it").from > Points::ZERO);
        let earned = earned.or_else(|| ladder.base(version).map(|base| (base, None)));
        let granted =
            standing.grant.as_ref().map(|(_, tier, until)| (ladder.rank(version, *tier), *until));
        let (best, until) = match (earned, granted) {
            (None, None) => (None, None),
            (Some((rank, until)), None) => (Some(rank), until),
            (None, Some((rank, until))) => (Some(rank), Some(until)),
            (Some((own, _)), Some((rank, until))) if rank > own => (Some(rank), Some(until)),
            (Some((own, until)), Some((rank, _))) if rank < own => (Some(own), until),
            (Some((own, None)), Some(_)) => (Some(own), None),
            (Some((own, Some(one))), Some((_, other))) => (Some(own), Some(one.max(other))),
        };
        let tier = |rank: usize| levels.get(rank).expect("a level").tier;
        let own = earned.map(|(rank, _)| tier(rank));
        (best.map(tier), own, until, standing.since)
    }
}

impl Standing {
    /// Where another account stood is added: the higher tier, the later `until`, the later grant.
    fn add(&mut self, ladder: &PlainLadder, mut other: Self, own_lines: &[Line], lines: &[Line]) {
        if let Some(earned) = &mut self.earned {
            earned.forgotten += ladder.forgotten(earned.days, lines);
        }
        if let Some(earned) = &mut other.earned {
            earned.forgotten += ladder.forgotten(earned.days, own_lines);
        }
        let rank = |earned: &Earned| ladder.rank(ladder.versions.len(), earned.tier);
        let (earned, since) = match (self.earned.take(), other.earned) {
            (None, None) => (None, self.since),
            (Some(own), None) => (Some(own), self.since),
            (None, Some(other_one)) => (Some(other_one), other.since),
            (Some(own), Some(other_one)) => {
                let forever = own.until.is_none() || other_one.until.is_none();
                let until = if forever { None } else { own.until.max(other_one.until) };
                let (earned, since) = match rank(&own).cmp(&rank(&other_one)) {
                    std::cmp::Ordering::Greater => (own, self.since),
                    std::cmp::Ordering::Less => (other_one, other.since),
                    std::cmp::Ordering::Equal if own.until == until => {
                        (own, self.since.min(other.since))
                    }
                    std::cmp::Ordering::Equal => (other_one, self.since.min(other.since)),
                };
                (Some(Earned { until, ..earned }), since)
            }
        };
        (self.earned, self.since) = (earned, since);
        let until = |grant: &Option<(GrantId, TierId, Timestamp)>| grant.as_ref().map(|it| it.2);
        let is_later =
            (other.granted_at, until(&other.grant)) > (self.granted_at, until(&self.grant));
        if other.grant.is_some() && (self.grant.is_none() || is_later) {
            (self.grant, self.granted_at) = (other.grant, other.granted_at);
        }
        self.judged = ladder.versions.len();
    }
}

impl PlainAccount {
    fn next_due(&self, index: usize, ladder: &PlainLadder) -> Option<Timestamp> {
        let standing = self.standings.get(&index)?;
        let end = standing.earned.as_ref().and_then(|it| it.until);
        let amended = ladder.versions.get(standing.judged).map(|(from, _)| *from);
        let granted = standing.grant.as_ref().map(|(_, _, until)| *until);
        [end, amended, granted].into_iter().flatten().min()
    }

    /// The first of what is due at a time: a tier's end, an amendment, a grant's end.
    fn fall_due(&mut self, index: usize, ladder: &PlainLadder, time: Timestamp) {
        let standing = self.standings[&index].clone();
        if standing.earned.as_ref().and_then(|it| it.until) == Some(time) {
            // A version that came at that very time is too late.
            let before = ladder.versions.iter().skip(1).filter(|(from, _)| *from < time).count();
            self.end(index, ladder, 1 + before, time);
        } else if ladder.versions.get(standing.judged).is_some_and(|(from, _)| *from == time) {
            let version = standing.judged + 1;
            self.standings.get_mut(&index).expect("it").judged = version;
            let look = self.look(ladder, version, time);
            if look.level > self.level(index, ladder, version) {
                self.change(index, ladder, version, &look, (look.level, look.until), time);
            }
        } else if let Some((id, ..)) = standing.grant {
            self.standings.get_mut(&index).expect("it").grant = None;
            self.news.push(News::GrantEnded(ladder.id, id));
        }
    }

    fn end(&mut self, index: usize, ladder: &PlainLadder, version: usize, time: Timestamp) {
        let terms = &ladder.versions[version - 1].1;
        let look = self.look(ladder, version, time);
        let level = self.level(index, ladder, version);
        // A higher level waits for something that counts.
        let mut to = (look.level.min(level), look.until);
        if terms.downgrade == Downgrade::OneLevel && look.level < level {
            let lower = level.and_then(|level| level.checked_sub(1));
            let present = ladder.days(date(ladder.calendar.day(time)));
            let sunk = match terms.window {
                Window::Years { months, .. } => {
                    let end = plus_months(present.0, 12);
                    Some(start(ladder.calendar, plus_months(end, u8::from(months).into())))
                }
                _ => ladder.until(version, present),
            };
            to = match lower.cmp(&look.level) {
                std::cmp::Ordering::Less => to,
                std::cmp::Ordering::Equal => (lower, look.until.max(sunk)),
                std::cmp::Ordering::Greater => (lower, sunk),
            };
        }
        self.change(index, ladder, version, &look, to, time);
    }

    /// What follows at once from a line that counts.
    fn judge(&mut self, ladder: &PlainLadder, index: usize, is_less: bool, now: Timestamp) {
        let version = ladder.versions.len();
        let terms = ladder.terms();
        let look = self.look(ladder, version, now);
        let level = self.level(index, ladder, version);
        let to = (look.level, look.until);
        if look.level > level {
            self.change(index, ladder, version, &look, to, now);
            return;
        }
        let Some(earned) = self.standings[&index].earned.clone() else { return };
        let asked = i128::from(earned.asked.get());
        let has_come_back =
            is_less && terms.returns == Returns::Recount && self.left_of(ladder, &earned) < asked;
        if look.level == level {
            let is_later = look.days.0 > earned.days.0 && look.until > earned.until;
            let is_earlier = has_come_back && look.until < earned.until;
            if matches!(terms.window, Window::Years { .. }) && (is_later || is_earlier) {
                self.change(index, ladder, version, &look, to, now);
            }
            return;
        }
        let is_gone = has_come_back
            && self.looks(ladder, version, now).iter().all(|(_, count)| *count < asked);
        if is_gone {
            self.change(index, ladder, version, &look, to, now);
        }
    }

    /// What the count that gave a tier is now.
    fn left_of(&self, ladder: &PlainLadder, earned: &Earned) -> i128 {
        let (first, last) = earned.days;
        let lines = self.lines.iter().filter(|line| {
            let day = date(line.day);
            first <= day && day <= last && ladder.counts(line, &self.lines)
        });
        lines.map(|line| line.points).sum::<i128>() - earned.forgotten
    }

    /// The level that the account has earned, by a version.
    fn level(&self, index: usize, ladder: &PlainLadder, version: usize) -> Option<usize> {
        let earned = self.standings.get(&index).and_then(|it| it.earned.as_ref());
        earned.map(|it| ladder.rank(version, it.tier)).max(ladder.base(version))
    }

    /// All counts that matter at a time, each with its days.
    fn looks(
        &self,
        ladder: &PlainLadder,
        version: usize,
        time: Timestamp,
    ) -> Vec<((Date, Date), i128)> {
        let today = date(ladder.calendar.day(time));
        let mut all = vec![ladder.days(today)];
        if matches!(ladder.terms().window, Window::Years { .. }) {
            for back in 1..10 {
                let days = ladder.days(plus_months(ladder.first_of(today), -12 * back));
                if ladder.until(version, days) > Some(time) {
                    all.push(days);
                }
            }
        }
        let count = |(first, last): (Date, Date)| {
            let lines = self.lines.iter().filter(|line| {
                let day = date(line.day);
                first <= day && day <= last && ladder.counts(line, &self.lines)
            });
            lines.map(|line| line.points).sum()
        };
        all.into_iter().map(|days| (days, count(days))).collect()
    }

    fn look(&self, ladder: &PlainLadder, version: usize, time: Timestamp) -> Look {
        let levels = &ladder.versions[version - 1].1.levels;
        let looks = self.looks(ladder, version, time).into_iter().map(|(days, count)| {
            let reached = levels.iter().filter(|level| count >= i128::from(level.from.get()));
            let level = reached.count().checked_sub(1).or_else(|| ladder.base(version));
            let from = level.map(|level| levels.get(level).expect("it").from);
            let is_given = from.is_some_and(|from| from > Points::ZERO);
            let until = ladder.until(version, days).filter(|_| is_given);
            Look { level, count, days, until }
        });
        looks.max_by_key(|look| (look.level, look.days.0)).expect("at least the present one")
    }

    fn change(
        &mut self,
        index: usize,
        ladder: &PlainLadder,
        version: usize,
        look: &Look,
        (to, until): (Option<usize>, Option<Timestamp>),
        time: Timestamp,
    ) {
        let levels = &ladder.versions[version - 1].1.levels;
        let before = self.level(index, ladder, version);
        let level = to.map(|to| *levels.get(to).expect("a level"));
        let given = level.filter(|level| level.from > Points::ZERO);
        let until = until.filter(|_| given.is_some());
        let tier = |rank: Option<usize>| rank.map(|rank| levels.get(rank).expect("a level").tier);
        let counted = look.count.clamp(0, i128::from(Points::MOST.get()));
        let said = Said {
            ladder: ladder.id,
            version,
            tier: tier(to),
            before: tier(before),
            counted: u64::try_from(counted).expect("an amount"),
            until,
        };
        let standing = self.standings.get_mut(&index).expect("it");
        let former = standing.earned.take();
        standing.earned = given.map(|level| {
            let gives = look.count >= i128::from(level.from.get());
            let (days, forgotten) = match former {
                Some(former) if !gives => (former.days, former.forgotten),
                _ => (look.days, 0),
            };
            Earned { tier: level.tier, until, days, asked: level.from, forgotten }
        });
        if to != before {
            standing.since = Some(time);
        }
        self.news.push(match to.cmp(&before) {
            std::cmp::Ordering::Greater => News::Reached(said),
            std::cmp::Ordering::Equal => News::Kept(said),
            std::cmp::Ordering::Less => News::Lapsed(said),
        });
    }
}
