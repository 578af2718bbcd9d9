//! Mergers over partitions, told one by one.

use domain::command::{AdjustCredit, Direction, GrantTier, HoldCredit, MergerStep, ReleaseHold};
use domain::{
    AMOUNT_MAX, AccountId, Cause, CauseKind, Command, Decision, IdHash, Level, Note, Points,
    Policy, SpentCredit, Undelivered, UnitId, UnitNumber, receive,
};
use log_record::{Partition, Position};

use super::asking::{self, id, points};
use super::stories::{Town, rich_in};
use super::world::PARTITIONS;

fn account<'a>(town: &'a Town, who: &AccountId) -> &'a domain::Account {
    let state = town.state(who.partition(PARTITIONS));
    state.account(who).expect("an account")
}

fn available(town: &Town, who: &AccountId) -> Points {
    account(town, who).wallet(UnitNumber::POINTS).available()
}

/// The merger is begun; gives the event.
fn begins(town: &mut Town, from: &AccountId, into: &AccountId) -> Position {
    town.does(&asking::merge(from, into, MergerStep::Asked));
    let merger = town.state(from.partition(PARTITIONS)).merger(from).expect("it is begun");
    assert!(!merger.is_done);
    merger.at
}

fn merges(town: &mut Town, from: &AccountId, into: &AccountId) {
    let begun = begins(town, from, into);
    assert_eq!(town.decide(&asking::admit(into)), Ok(Decision::Unchanged));
    town.does(&asking::merge(from, into, MergerStep::Agreed(begun)));
}

fn release(who: &AccountId) -> Command {
    Command::ReleaseHold(ReleaseHold {
        account_id: who.clone(),
        hold_id: id("h-1"),
        occurred_at: None,
        by_operator: true,
    })
}

fn refusal(town: &Town, command: &Command) -> &'static str {
    town.decide(command).expect_err("it is refused").code()
}

#[test]
fn credit_goes_to_the_new_account_wherever_it_lives() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    town.does(&asking::hold(&ann, 300, town.now_plus(60)));
    merges(&mut town, &ann, &bob);
    assert_eq!((available(&town, &ann), available(&town, &bob)), (Points::ZERO, points(1_000)));
    town.delivers();
    assert_eq!(available(&town, &bob), points(1_700));
    // A cause is looked up in one partition.
    assert!(matches!(
        town.decide(&asking::earn(&ann, UnitId::POINTS, 1_000, 1)),
        Ok(Decision::Repeat(_))
    ));
    assert_eq!(refusal(&town, &asking::earn(&ann, UnitId::POINTS, 1_000, 2)), "account-merged");
    assert_eq!(town.decide(&asking::merge(&ann, &bob, MergerStep::Asked)), Ok(Decision::Unchanged));
    town.does(&release(&ann));
    town.delivers();
    assert_eq!((available(&town, &ann), available(&town, &bob)), (Points::ZERO, points(2_000)));
}

#[test]
fn two_mergers_at_once_make_no_circle() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    let of_ann = begins(&mut town, &ann, &bob);
    assert_eq!(town.decide(&asking::admit(&bob)), Ok(Decision::Unchanged));
    let of_bob = begins(&mut town, &bob, &ann);
    // Bob's was begun after ann's was agreed to, and finds ann's.
    assert_eq!(refusal(&town, &asking::admit(&ann)), "merger-under-way");
    town.does(&asking::merge(&bob, &ann, MergerStep::Refused(of_bob)));
    town.does(&asking::merge(&ann, &bob, MergerStep::Agreed(of_ann)));
    town.delivers();
    assert_eq!(refusal(&town, &asking::admit(&ann)), "account-merged");
    assert_eq!(available(&town, &bob), points(2_000));
}

#[test]
fn what_was_agreed_to_before_a_merger_was_begun_again_counts_for_nothing() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    let first = begins(&mut town, &ann, &bob);
    town.does(&asking::merge(&ann, &bob, MergerStep::Refused(first)));
    let second = begins(&mut town, &ann, &bob);
    let late = asking::merge(&ann, &bob, MergerStep::Agreed(first));
    assert_eq!(refusal(&town, &late), "merger-under-way");
    town.does(&asking::merge(&ann, &bob, MergerStep::Agreed(second)));
}

#[test]
fn a_chain_over_partitions_leads_to_its_end() {
    let mut town = Town::new();
    let (ann, bob, cat) = (rich_in(&mut town, 0), rich_in(&mut town, 3), rich_in(&mut town, 1));
    // It is on its way when the accounts are merged.
    town.does(&asking::transfer(&cat, &bob, UnitId::POINTS, 10, 1));
    merges(&mut town, &ann, &bob);
    merges(&mut town, &bob, &cat);
    town.delivers();
    assert_eq!(available(&town, &ann), Points::ZERO);
    assert_eq!(available(&town, &bob), Points::ZERO);
    // What was sent to bob came back.
    assert_eq!(available(&town, &cat), points(3_000));
}

#[test]
fn what_comes_back_of_a_transfer_follows_its_sender() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    let stranger: AccountId = (0..)
        .map(|number| id::<AccountId>(&format!("stranger-{number}")))
        .find(|name| name.partition(PARTITIONS) == Partition(2))
        .expect("a name");
    town.does(&asking::transfer(&ann, &stranger, UnitId::POINTS, 10, 1));
    merges(&mut town, &ann, &bob);
    town.delivers();
    assert_eq!((available(&town, &ann), available(&town, &bob)), (Points::ZERO, points(2_000)));
}

#[test]
fn a_debt_goes_to_the_new_account_too() {
    let mut town = Town::new();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    debts(&mut town);
    town.delivers();
    town.does(&take(&ann, 1_300, 1));
    merges(&mut town, &ann, &bob);
    assert_eq!(account(&town, &ann).wallet(UnitNumber::POINTS).owed(), Points::ZERO);
    town.delivers();
    assert_eq!(available(&town, &bob), points(700));
    let cause = Cause { kind: CauseKind::Adjustment, id: id("a-1") };
    let known = town.state(Partition(0)).recorded().position_of(IdHash::cause(&ann, &cause));
    assert!(known.is_some());
}

#[test]
fn credit_of_a_unit_that_nobody_here_knows_yet_is_passed_on_too() {
    let mut town = Town::new();
    let (ann, bob, cat) = (rich_in(&mut town, 1), rich_in(&mut town, 3), rich_in(&mut town, 2));
    let miles: UnitId = id("miles");
    town.does(&asking::make_unit(miles));
    let to_bobs: Vec<_> = town.letters.extract_if(.., |it| it.to == Partition(3)).collect();
    town.delivers();
    town.does(&asking::earn(&ann, miles, 7, 2));
    merges(&mut town, &ann, &bob);
    merges(&mut town, &bob, &cat);
    town.delivers();
    let number = town.state(Partition(2)).unit_number(miles).expect("it is known");
    assert_eq!(account(&town, &cat).wallet(number).available(), points(7));
    let bobs = town.state(Partition(3)).unit_number(miles).expect("it is known");
    assert_eq!(account(&town, &bob).wallet(bobs).available(), Points::ZERO);
    town.letters.extend(to_bobs);
    town.delivers();
}

#[test]
fn a_unit_that_has_another_name_where_its_credit_comes_from_is_passed_on_under_that_name() {
    let mut town = Town::new();
    let (ann, bob, cat) = (rich_in(&mut town, 1), rich_in(&mut town, 3), rich_in(&mut town, 2));
    let miles: UnitId = id("miles");
    town.does(&asking::make_unit(miles));
    town.delivers();
    town.does(&asking::earn(&ann, miles, 7, 2));
    let Command::HoldCredit(held) = asking::hold(&ann, 7, town.now_plus(60)) else {
        panic!("a hold")
    };
    town.does(&Command::HoldCredit(HoldCredit { unit: miles, ..held }));
    merges(&mut town, &ann, &bob);
    merges(&mut town, &bob, &cat);
    town.delivers();
    town.does(&asking::name_unit(miles, 2));
    let to_bobs: Vec<_> = town.letters.extract_if(.., |it| it.to == Partition(3)).collect();
    town.delivers();
    town.does(&release(&ann));
    town.delivers();
    let number = town.state(Partition(2)).unit_number(miles).expect("it is known");
    assert_eq!(account(&town, &cat).wallet(number).available(), points(7));
    town.letters.extend(to_bobs);
    town.delivers();
}

#[test]
fn units_whose_reservation_is_over_go_home_when_a_merged_account_passes_credit_on() {
    let mut town = Town::new();
    town.does(&asking::open("mug", Some(80)));
    town.delivers();
    let ann = rich_in(&mut town, 3);
    let names = (0..).map(|number| id::<AccountId>(&format!("bob-{number}")));
    let mut there = names.filter(|name| name.partition(PARTITIONS) == Partition(3));
    let bob = there.next().expect("somebody");
    town.does(&asking::earn(&bob, UnitId::POINTS, 1_000, 1));
    town.does(&asking::hold(&ann, 300, town.now_plus(60)));
    town.does(&asking::merge(&ann, &bob, MergerStep::Asked));
    town.does(&asking::reserve(&bob, 2, "mug", 2, town.now_plus(10)));
    town.does_once_home(&asking::remove("mug", 1, 70));
    assert_eq!(town.pool("mug"), 8);
    town.waits(10);
    town.does(&release(&ann));
    assert_eq!(available(&town, &bob), points(2_000));
    town.delivers();
    assert_eq!(town.pool("mug"), 10);
}

/// The tier that an account has on the ladder.
fn tier(town: &Town, who: &AccountId) -> Option<String> {
    let tiers = town.state(who.partition(PARTITIONS)).tiers(who, town.now_plus(0));
    tiers.into_iter().find_map(|(_, present)| present.tier).map(|tier| tier.to_string())
}

/// An operator takes so much.
fn take(who: &AccountId, amount: u64, number: u64) -> Command {
    Command::AdjustCredit(AdjustCredit {
        direction: Direction::Take,
        account_id: who.clone(),
        unit: UnitId::POINTS,
        points: points(amount),
        adjustment_id: id(&format!("a-{number}")),
        expires_at: None,
        reference: id("r-1"),
        note: Note::default(),
        occurred_at: None,
    })
}

fn owed(town: &Town, who: &AccountId) -> u64 {
    account(town, who).wallet(UnitNumber::POINTS).owed().get()
}

fn debts(town: &mut Town) {
    let policy = Policy { spent_credit: SpentCredit::Debt, ..Policy::default() };
    town.does(&Command::SetPolicy(domain::command::SetPolicy { policy, read_versions: None }));
}

/// Silver for some seconds.
fn grants(town: &mut Town, who: &AccountId, seconds: i64) {
    town.does(&Command::GrantTier(GrantTier {
        account_id: who.clone(),
        ladder: id("status"),
        grant_id: id("g-1"),
        tier: id("silver"),
        until: town.now_plus(seconds),
        note: Note::default(),
        occurred_at: None,
    }));
}

#[test]
fn what_was_counted_on_a_ladder_is_added_in_another_partition_and_what_is_taken_back_later() {
    let mut town = Town::new();
    town.does(&asking::make_ladder(1_500));
    debts(&mut town);
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    merges(&mut town, &ann, &bob);
    assert_eq!(tier(&town, &bob), None);
    town.delivers();
    assert_eq!(tier(&town, &bob).as_deref(), Some("silver"));
    assert_eq!(tier(&town, &ann), None);
    town.does(&asking::withdraw(&asking::earn(&ann, UnitId::POINTS, 1_000, 1), 1));
    town.delivers();
    assert_eq!((tier(&town, &bob), available(&town, &bob)), (None, points(1_000)));
    town.does(&asking::earn(&bob, UnitId::POINTS, 500, 2));
    assert_eq!(tier(&town, &bob).as_deref(), Some("silver"));
}

#[test]
fn counts_wait_until_their_ladder_has_come_in_the_version_by_which_they_were_judged() {
    let mut town = Town::new();
    town.does(&asking::make_ladder(5_000));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 1), rich_in(&mut town, 3));
    town.does(&asking::amend_ladder(500));
    let to_bobs: Vec<_> = town.letters.extract_if(.., |it| it.to == Partition(3)).collect();
    town.delivers();
    merges(&mut town, &ann, &bob);
    town.delivers_what_can_be();
    // What was sent behind them waits, too.
    assert_eq!(available(&town, &bob), points(1_000));
    let early = town.letters.first().expect("it waits");
    let why = receive(town.state(early.to), early, None, town.now_plus(0));
    let from = Partition(1);
    assert_eq!(why, Err(Undelivered::Early { from, number: early.source.number.0 }));
    town.letters.extend(to_bobs);
    town.delivers();
    assert_eq!(tier(&town, &bob).as_deref(), Some("silver"));
    assert_eq!(available(&town, &bob), points(2_000));
}

#[test]
fn a_tier_that_ended_on_the_way_isnt_lengthened_by_a_lower_one() {
    const YEAR: i64 = 365 * 24 * 60 * 60;
    let mut town = Town::new();
    let Command::SetLadder(mut it) = asking::make_ladder(1_000) else { panic!("a ladder") };
    let level = |tier: &str, from| Level { tier: id(tier), from: points(from) };
    let levels = vec![level("silver", 1_000), level("gold", 1_500)];
    it.terms.levels = levels.try_into().expect("levels");
    town.does(&Command::SetLadder(it));
    town.delivers();
    let ann = rich_in(&mut town, 0);
    town.does(&asking::earn(&ann, UnitId::POINTS, 500, 2));
    town.waits(YEAR);
    let bob = rich_in(&mut town, 3);
    assert_eq!(tier(&town, &ann).as_deref(), Some("gold"));
    merges(&mut town, &ann, &bob);
    town.waits(YEAR);
    town.delivers();
    assert_eq!(tier(&town, &bob).as_deref(), Some("silver"));
}

#[test]
fn a_grant_that_ended_on_the_way_takes_no_others_place() {
    let mut town = Town::new();
    town.does(&asking::make_ladder(5_000));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    grants(&mut town, &bob, 1_000);
    town.waits(10);
    grants(&mut town, &ann, 60);
    merges(&mut town, &ann, &bob);
    town.waits(60);
    town.delivers();
    assert_eq!(tier(&town, &bob).as_deref(), Some("silver"));
}

#[test]
fn what_was_exchanged_counts_in_another_partition_until_it_is_cancelled() {
    let mut town = Town::new();
    town.does(&asking::open_limited("mug", 80, 2));
    town.delivers();
    let (ann, bob, cat) = (rich_in(&mut town, 0), rich_in(&mut town, 3), rich_in(&mut town, 1));
    let redemption = asking::redeem(&ann, 1, "mug", 2);
    town.does(&redemption);
    merges(&mut town, &ann, &bob);
    town.delivers();
    assert_eq!(refusal(&town, &asking::redeem(&bob, 1, "mug", 1)), "shopper-limit-reached");
    merges(&mut town, &bob, &cat);
    town.delivers();
    assert_eq!(refusal(&town, &asking::redeem(&cat, 1, "mug", 1)), "shopper-limit-reached");
    let key = redemption.exchange().expect("an exchange");
    town.does(&asking::cancel(&key, 1, Some(1)));
    town.delivers();
    assert_eq!(refusal(&town, &asking::redeem(&cat, 1, "mug", 2)), "shopper-limit-reached");
    town.does(&asking::redeem(&cat, 2, "mug", 1));
}

#[test]
fn a_reservation_that_is_over_counts_no_more_though_the_credit_came_back() {
    let mut town = Town::new();
    town.does(&asking::open_limited("mug", 80, 2));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    let rest = Points::MOST.get() - 1_000;
    town.does(&asking::earn(&bob, UnitId::POINTS, rest, 2));
    town.does(&asking::reserve(&ann, 1, "mug", 2, town.now_plus(10)));
    merges(&mut town, &ann, &bob);
    town.waits(10);
    town.delivers();
    // There was no room for it.
    assert_eq!(available(&town, &ann), points(1_000));
    town.does(&asking::redeem(&bob, 1, "mug", 2));
}

#[test]
fn segments_are_those_of_the_new_account_in_another_partition_too() {
    let mut town = Town::new();
    town.does(&asking::for_segment(Some("staff"), asking::open("mug", Some(80))));
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    town.does(&asking::set_segment(&ann, "staff"));
    assert_eq!(refusal(&town, &asking::redeem(&bob, 1, "mug", 1)), "segment-required");
    merges(&mut town, &ann, &bob);
    town.delivers();
    town.does(&asking::redeem(&bob, 1, "mug", 1));
}

#[test]
fn a_debt_that_the_new_account_has_no_room_for_stays_with_the_old_one_until_there_is_room() {
    let mut town = Town::new();
    debts(&mut town);
    town.delivers();
    let (ann, bob) = (rich_in(&mut town, 0), rich_in(&mut town, 3));
    town.does(&asking::hold(&ann, 5, town.now_plus(60)));
    town.does(&take(&ann, 1_295, 1));
    town.does(&take(&bob, AMOUNT_MAX, 1));
    town.does(&take(&bob, 990, 2));
    assert_eq!((owed(&town, &ann), owed(&town, &bob)), (300, AMOUNT_MAX - 10));
    merges(&mut town, &ann, &bob);
    town.delivers();
    assert_eq!((owed(&town, &ann), owed(&town, &bob)), (290, AMOUNT_MAX));
    town.does(&asking::earn(&bob, UnitId::POINTS, 1_000, 2));
    town.does(&release(&ann));
    town.delivers();
    assert_eq!((owed(&town, &ann), owed(&town, &bob)), (0, AMOUNT_MAX - 1_000 + 285));
}
