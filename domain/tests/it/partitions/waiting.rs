//! Waiting lists over partitions: what may never be, reckoned from the messages alone, and stories.

use std::collections::{HashMap, HashSet};

use domain::command::Admission;
use domain::{
    AccountId, Command, Desk, Event, Grant, Message, OfferId, OfferPhase, Reply, ShelfGranted,
    Units, WaitId,
};
use log_record::Partition;

use super::asking::{self, id};
use super::node::Node;
use super::stories::{Town, inquiry_of, rich_in};
use super::world::{PARTITIONS, World};

/// Who waits, by an offer's home's log; and who was served, by each log.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    of: HashMap<OfferId, Vec<(AccountId, WaitId)>>,
    sent: HashSet<(AccountId, WaitId)>,
    served: HashSet<(AccountId, WaitId)>,
    /// What went wrong first.
    pub(super) wrong: Option<String>,
}

impl Lines {
    pub(super) fn count(&mut self, event: &Event) {
        match event {
            Event::MessageReceived(fact) => match &fact.message {
                Message::WaitJoined(of) => {
                    let line = self.of.entry(of.offer_id.clone()).or_default();
                    line.push((of.account_id.clone(), of.wait_id.clone()));
                }
                Message::WaitLeft(of) => {
                    let line = self.of.entry(of.offer_id.clone()).or_default();
                    line.retain(|it| *it != (of.account_id.clone(), of.wait_id.clone()));
                }
                _ => {}
            },
            Event::MessageSent(fact) => {
                if let Message::UnitKept(of) = &fact.message {
                    let line = self.of.entry(of.offer_id.clone()).or_default();
                    let who = (of.account_id.clone(), of.wait_id.clone());
                    let is_first = line.first() == Some(&who);
                    if is_first {
                        line.remove(0);
                    }
                    if !is_first || !self.sent.insert(who) {
                        self.wrong.get_or_insert_with(|| format!("{of:?} wasn't the next"));
                    }
                }
            }
            Event::WaitServed(account, fact) => {
                let is_new =
                    fact.again || self.served.insert((account.clone(), fact.wait_id.clone()));
                if !is_new {
                    self.wrong.get_or_insert_with(|| format!("{fact:?} was served twice"));
                }
            }
            _ => {}
        }
    }
}

impl Node {
    /// I23: what the home gives away leaves as many as wait.
    pub(super) fn check_nobody_is_passed(&self, event: &Event) -> Result<(), String> {
        let Event::MessageSent(fact) = event else { return Ok(()) };
        let Message::ShelfGranted(ShelfGranted { offer_id, grant }) = &fact.message else {
            return Ok(());
        };
        let own = match grant {
            Grant::For(key, _) => Some(&key.account_id),
            Grant::Portion(_) => None,
            Grant::NoEnd | Grant::Code(..) => return Ok(()),
        };
        let line = self.state.waiting_line(offer_id).filter(|(account, _)| Some(*account) != own);
        let pool = self.state.offer_home(offer_id).map(|home| home.pool).unwrap_or_default();
        if pool.get() < line.count() as u64 {
            return Err(format!("I23: {fact:?} takes what others wait for"));
        }
        Ok(())
    }
}

impl World {
    /// Nobody is told that nothing is left for whom a unit is kept.
    pub(super) fn check_none_is_kept(
        &self,
        here: Partition,
        account: &AccountId,
        (offer, asked): (&OfferId, Units),
    ) -> Result<(), String> {
        let state = &self.nodes[usize::from(here.0)].state;
        let now = self.now.max(state.recorded_at());
        let mut kept = state.waits().filter(|(of, who, _, deadline)| {
            (*of, *who) == (offer, account) && deadline.is_some_and(|deadline| deadline > now)
        });
        match kept.next() {
            Some(wait) if asked == Units::ONE => {
                Err(format!("I23: {wait:?} has a unit, and was told that nothing is left"))
            }
            _ => Ok(()),
        }
    }

    /// Once all has arrived: each home knows who waits, in an order in which each partition heard
    /// of its own shoppers.
    pub(super) fn check_lines(&self) -> Result<(), String> {
        for offer in self.offers() {
            let line: Vec<_> = self.home_of(&offer).state.waiting_line(&offer).collect();
            for Node { state, .. } in &self.nodes {
                let here = state.partition();
                let heard = line.iter().copied();
                let heard = heard.filter(|(account, _)| account.partition(PARTITIONS) == here);
                let waits =
                    state.waits().filter(|(of, _, _, kept)| **of == offer && kept.is_none());
                let waits: Vec<_> = waits.map(|(_, account, wait, _)| (account, wait)).collect();
                if !heard.clone().eq(waits.iter().copied()) {
                    let heard: Vec<_> = heard.collect();
                    return Err(format!("I23: for {offer} wait {waits:?}, and home has {heard:?}"));
                }
            }
        }
        Ok(())
    }

    /// Nobody waits for a unit that is there.
    pub(super) fn check_all_served(&self) -> Result<(), String> {
        for offer in self.offers() {
            let state = &self.home_of(&offer).state;
            let is_open = state.offer(&offer).map(|it| it.phase) == Some(OfferPhase::Open);
            let waits = state.waiting_line(&offer).next();
            if let Some((home, wait)) = state.offer_home(&offer).zip(waits)
                && is_open
                && home.can_keep()
            {
                return Err(format!("I23: {wait:?} waits for {offer}, and its home has {home:?}"));
            }
        }
        Ok(())
    }
}

/// Ann, who lives in partition 1, has the only mug.
fn sold_out() -> (Town, AccountId) {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(1)));
    town.delivers();
    let ann = rich_in(&mut town, 1);
    let hers = asking::redeem(&ann, 1, "mug", 1);
    let asked = inquiry_of(&town, &hers, 0);
    town.asks(&mut Desk::default(), &asked);
    let letter = town.letters.remove(0);
    assert!(town.takes_in(&letter, Some(&hers)).is_some(), "the exchange is made");
    town.delivers();
    (town, ann)
}

fn join(account: &AccountId, wait: u64) -> Command {
    asking::join(account, wait, "mug", Some(Admission::Open))
}

/// Bob and then Cid wait, who live apart.
fn waited_for() -> (Town, AccountId, AccountId) {
    let (mut town, _) = sold_out();
    let (bob, cid) = (rich_in(&mut town, 3), rich_in(&mut town, 0));
    for who in [&bob, &cid] {
        town.does(&join(who, 1));
        town.delivers();
    }
    (town, bob, cid)
}

fn is_kept(town: &Town, who: &AccountId) -> bool {
    let state = town.state(who.partition(PARTITIONS));
    let mut waits = state.waits();
    waits.any(|(_, account, _, deadline)| account == who && deadline.is_some())
}

fn refusal(town: &Town, command: &Command) -> &'static str {
    town.decide(command).expect_err("it is refused").code()
}

/// What the home says to somebody who asks for one.
fn is_sold_out_for(town: &mut Town, who: &AccountId) -> bool {
    let command = asking::redeem(who, 9, "mug", 1);
    let home = id::<OfferId>("mug").home(PARTITIONS);
    let received = town.state(who.partition(PARTITIONS)).received_from(home).number.0;
    let asked = inquiry_of(town, &command, received);
    matches!(town.asks(&mut Desk::default(), &asked)[..], [(_, Reply::SoldOut { .. })])
}

#[test]
fn a_unit_that_comes_back_goes_to_who_waits_longest_wherever_that_is() {
    let (mut town, bob, cid) = waited_for();
    town.does(&asking::add("mug", 1, 1));
    town.delivers();
    // Nobody comes between, not even before it is sent.
    let dan = rich_in(&mut town, 2);
    assert!(is_sold_out_for(&mut town, &dan) && is_sold_out_for(&mut town, &cid));
    town.sweeps();
    assert_eq!((is_kept(&town, &bob), is_kept(&town, &cid), town.pool("mug")), (true, false, 0));
    // Nobody has to ask for it.
    town.does(&asking::redeem(&bob, 1, "mug", 1));
    town.delivers();
    town.does(&asking::add("mug", 2, 1));
    town.sweeps();
    town.does(&asking::reserve(&cid, 1, "mug", 1, town.now_plus(60)));
    assert!(!is_kept(&town, &cid));
}

#[test]
fn a_unit_that_nobody_came_for_goes_home_and_is_the_next_ones() {
    let (mut town, bob, cid) = waited_for();
    town.does(&asking::add("mug", 1, 1));
    town.sweeps();
    town.waits(24 * 60 * 60 + 1);
    town.sweeps();
    assert_eq!((is_kept(&town, &bob), is_kept(&town, &cid)), (false, true));
    town.does(&join(&bob, 2));
    town.does(&asking::leave(&join(&cid, 1)));
    town.delivers();
    town.sweeps();
    assert_eq!((is_kept(&town, &bob), is_kept(&town, &cid)), (true, false));
}

#[test]
fn a_unit_for_somebody_who_has_left_meanwhile_goes_home() {
    let (mut town, bob, cid) = waited_for();
    let leave = asking::leave(&join(&bob, 1));
    town.does(&asking::add("mug", 1, 1));
    let home = id::<OfferId>("mug").home(PARTITIONS);
    let events = town.due_at(home).expect("somebody is served");
    assert!(matches!(events[..], [Event::MessageSent(_)]), "{events:?}");
    // The unit and that he leaves are on their way at the same time.
    town.records(home, events);
    town.does(&leave);
    town.delivers();
    assert_eq!(town.pool("mug"), 1);
    town.sweeps();
    assert!(is_kept(&town, &cid));
    assert_eq!(refusal(&town, &asking::leave(&join(&bob, 2))), "wait-unknown");
}

#[test]
fn the_home_says_whether_somebody_has_to_wait() {
    let (mut town, bob, cid) = waited_for();
    let admit = asking::admit_wait("mug");
    assert!(town.decide(&admit).is_ok());
    town.does(&asking::add("mug", 1, 3));
    assert_eq!(refusal(&town, &admit), "not-sold-out");
    let dan = rich_in(&mut town, 2);
    let no = |admission| asking::join(&dan, 1, "mug", Some(admission));
    assert_eq!(refusal(&town, &no(Admission::NotSoldOut)), "not-sold-out");
    assert_eq!(refusal(&town, &no(Admission::Full)), "waiting-list-full");
    // What it said is old, and who joins is served at once.
    town.does(&join(&dan, 1));
    town.delivers();
    town.sweeps();
    assert!([&bob, &cid, &dan].into_iter().all(|who| is_kept(&town, who)));
    // Where shelves have some, nobody has to wait.
    town.does(&asking::open("cup", Some(80)));
    town.delivers();
    assert_eq!(refusal(&town, &asking::admit_wait("cup")), "not-sold-out");
    let on_shelf = asking::join(&dan, 2, "cup", Some(Admission::Open));
    assert_eq!(refusal(&town, &on_shelf), "not-sold-out");
}

#[test]
fn more_stock_than_is_waited_for_fills_the_shelves_once_all_are_served() {
    let (mut town, bob, cid) = waited_for();
    town.does(&asking::add("mug", 1, 40));
    town.delivers();
    assert_eq!(town.shelf(2, "mug").remaining(), Some(Units::ZERO));
    town.sweeps();
    assert!(is_kept(&town, &bob) && is_kept(&town, &cid));
    let dan = rich_in(&mut town, 2);
    assert!(!is_sold_out_for(&mut town, &dan));
    town.delivers();
    assert!(town.shelf(2, "mug").remaining() > Some(Units::ZERO));
    // What was kept stays on a shelf that is in use.
    town.does(&asking::leave(&join(&bob, 1)));
    assert!(town.letters.is_empty());
    assert!(town.shelf(3, "mug").remaining() > town.shelf(2, "mug").remaining());
}
