//! The invariants of docs/INVARIANTS.md, hunted over random histories: random commands are decided,
//! and after each what was decided is recorded.

use std::collections::{HashMap, HashSet};

use domain::command::{AddStock, AmendOffer, CloseOffer, EarnCredit, OpenOffer, Order, Redeem};
use domain::{
    Account, AccountId, Cause, CauseKind, Clock, Command, Decision, Event, IdHash, LogOpened,
    OfferId, Points, State, Terms, Timestamp, Units, decide,
};
use log_record::Position;
use proptest::prelude::*;

/// A history: the state that deciding left, and every event with its time.
struct History {
    state: State,
    events: Vec<(Position, Timestamp, Event)>,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn invariant_i1_available_credit_is_what_is_left_of_the_lots(commands in commands()) {
        let History { state, .. } = recorded(&commands);
        for (id, account) in state.accounts() {
            let left: u64 = account.lots().map(|lot| lot.points.get()).sum();
            prop_assert_eq!(account.available().get(), left, "{}", id);
            prop_assert!(account.lots().all(|lot| lot.points > Points::ZERO));
        }
    }

    #[test]
    fn invariant_i2_an_id_is_recorded_once(commands in commands()) {
        let History { state, events } = recorded(&commands);
        let mut borne: HashSet<IdHash> = HashSet::new();
        for (position, _, event) in &events {
            let Some(id) = id_of(event) else { continue };
            prop_assert!(borne.insert(id), "{:?}", event);
            prop_assert_eq!(state.recorded().position_of(id), Some(*position));
        }
    }

    #[test]
    fn invariant_i3_every_exchange_follows_its_own_deduction(commands in commands()) {
        let History { events, .. } = recorded(&commands);
        for pair in events.windows(2) {
            match [&pair[0].2, &pair[1].2] {
                [Event::CreditDeducted(payer, paid), Event::ExchangeCreated(account, got)] => {
                    prop_assert_eq!(payer, account);
                    prop_assert_eq!(&paid.exchange_id, &got.exchange_id);
                    prop_assert_eq!(paid.points, got.points);
                    let drawn: u64 = paid.lots.iter().map(|lot| lot.points.get()).sum();
                    prop_assert_eq!(drawn, paid.points.get());
                }
                [Event::CreditDeducted(..), other] | [other, Event::ExchangeCreated(..)] => {
                    prop_assert!(false, "{:?} stands beside one half of a redemption", other);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn invariant_i4_units_sold_and_units_left_are_the_stock(commands in commands()) {
        let History { state, events } = recorded(&commands);
        let mut sold: HashMap<&OfferId, u64> = HashMap::new();
        let mut stocked: HashMap<&OfferId, u64> = HashMap::new();
        for (_, _, event) in &events {
            match event {
                Event::OfferOpened(fact) => {
                    stocked.insert(&fact.offer_id, fact.stock.map_or(0, Units::get));
                }
                Event::StockAdded(fact) => {
                    *stocked.entry(&fact.offer_id).or_default() += fact.units.get();
                }
                Event::ExchangeCreated(_, fact) => {
                    *sold.entry(&fact.offer_id).or_default() += fact.quantity.get();
                }
                _ => {}
            }
        }
        for (id, offer) in state.offers() {
            let Some(remaining) = offer.inventory.remaining() else { continue };
            let sold = sold.get(id).copied().unwrap_or_default();
            prop_assert_eq!(sold + remaining.get(), stocked[id], "{}", id);
        }
    }

    #[test]
    fn invariant_i5_a_gap_or_a_repetition_of_positions_is_refused(
        commands in commands(),
        skipped in 1_u64..5,
    ) {
        let History { mut state, .. } = recorded(&commands);
        let event = Event::OfferOpened(domain::OfferOpened {
            offer_id: id("fresh"), terms: terms(1, None), stock: None,
        });
        let now = state.recorded_at();
        for wrong in [state.position(), state.position().next().plus(skipped)] {
            prop_assert!(state.evolve(wrong, now, &event).is_err());
        }
        prop_assert!(state.evolve(state.position().next(), now, &event).is_ok());
    }

    #[test]
    fn invariant_i6_an_event_from_the_past_is_refused(
        commands in commands(),
        back in 1_i64..1_000,
    ) {
        let History { mut state, .. } = recorded(&commands);
        let earlier = Timestamp::from_micros(state.recorded_at().micros() - back).expect("a time");
        let event = Event::OfferOpened(domain::OfferOpened {
            offer_id: id("fresh"), terms: terms(1, None), stock: None,
        });
        prop_assert!(state.evolve(state.position().next(), earlier, &event).is_err());
    }

    #[test]
    fn invariant_i7_points_are_conserved(commands in commands()) {
        let History { state, events } = recorded(&commands);
        let (mut earned, mut redeemed) = (0, 0);
        for (_, _, event) in &events {
            match event {
                Event::CreditEarned(_, fact) => earned += fact.points.get(),
                Event::CreditDeducted(_, fact) => redeemed += fact.points.get(),
                _ => {}
            }
        }
        let available: u64 = state.accounts().map(|(_, account)| account.available().get()).sum();
        prop_assert_eq!(earned, available + redeemed);
    }

    #[test]
    fn replaying_the_events_gives_the_state_that_deciding_left(commands in commands()) {
        let History { state, events } = recorded(&commands);
        let mut replayed = State::default();
        for (position, recorded_at, event) in &events {
            prop_assert_eq!(replayed.evolve(*position, *recorded_at, event), Ok(()));
        }
        let accounts = |state: &State| -> HashMap<AccountId, Account> {
            state.accounts().map(|(id, account)| (id.clone(), account.clone())).collect()
        };
        prop_assert_eq!(accounts(&replayed), accounts(&state));
        let offers = |state: &State| -> HashMap<OfferId, domain::Offer> {
            state.offers().map(|(id, offer)| (id.clone(), offer.clone())).collect()
        };
        prop_assert_eq!(offers(&replayed), offers(&state));
    }

    #[test]
    fn asking_everything_again_records_nothing_that_was_recorded(commands in commands()) {
        let History { state, events } = recorded(&commands);
        for (_, _, event) in &events {
            let Some(id) = id_of(event) else { continue };
            prop_assert!(state.recorded().position_of(id).is_some());
        }
        for command in &commands {
            let Some(id) = command.id_hash() else { continue };
            if let Some(at) = state.recorded().position_of(id) {
                let again = decide(&state, command, state.recorded_at());
                prop_assert_eq!(again, Ok(Decision::Repeat(at)));
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "proptest's own variable, which a config hides")]
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}

fn recorded(commands: &[Command]) -> History {
    let mut history = History { state: State::default(), events: vec![] };
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock: Clock::Wall };
    let start = Timestamp::from_micros(1_000_000).expect("a time");
    history.record(start, Event::LogOpened(opened));
    for (index, command) in commands.iter().enumerate() {
        let seconds = i64::try_from(index).expect("small");
        let now = Timestamp::from_micros((seconds + 1) * 1_000_000).expect("a time");
        if let Ok(Decision::Record { events, .. }) = decide(&history.state, command, now) {
            for event in events {
                history.record(now, event);
            }
        }
    }
    history
}

impl History {
    fn record(&mut self, now: Timestamp, event: Event) {
        let position = self.state.position().next();
        self.state.evolve(position, now, &event).expect("what was decided can follow");
        self.events.push((position, now, event));
    }
}

fn id_of(event: &Event) -> Option<IdHash> {
    match event {
        Event::CreditEarned(account, fact) => Some(IdHash::cause(account, &fact.cause)),
        Event::ExchangeCreated(account, fact) => Some(IdHash::exchange(account, &fact.exchange_id)),
        Event::StockAdded(fact) => Some(IdHash::stock_addition(&fact.offer_id, &fact.addition_id)),
        _ => None,
    }
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    prop::collection::vec(command(), 1..80)
}

/// Few names, so that commands meet; amounts small, huge and in between.
fn command() -> impl Strategy<Value = Command> {
    let amount = || prop_oneof![4 => 1_u64..1_000, 1 => Just(domain::AMOUNT_MAX)];
    prop_oneof![
        6 => (0_u8..4, amount(), 0_u8..12)
            .prop_map(|(who, points, cause)| earn(who, points, cause)),
        8 => (0_u8..4, 0_u8..12, 0_u8..3, 1_u64..3)
            .prop_map(|(who, x, offer, n)| redeem(who, x, offer, n)),
        2 => (0_u8..3, amount(), prop::option::of(1_u64..6), prop::option::of(1_u64..4))
            .prop_map(|(offer, price, stock, limit)| open(offer, price, stock, limit)),
        1 => (0_u8..3, 1_u64..1_000, prop::option::of(1_u64..4))
            .prop_map(|(offer, price, version)| amend(offer, price, version)),
        1 => (0_u8..3, 0_u8..4, 1_u64..4)
            .prop_map(|(offer, addition, units)| add(offer, addition, units)),
        1 => (0..30).prop_map(|offer| Command::CloseOffer(CloseOffer {
            offer_id: id(&format!("offer-{offer}")),
        })),
    ]
}

fn earn(who: u8, points: u64, cause: u8) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: id(&format!("shopper-{who}")),
        points: Points::new(points).expect("an amount"),
        cause: Cause { kind: CauseKind::Purchase, id: id(&format!("B-{cause}")) },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

fn redeem(who: u8, exchange: u8, offer: u8, quantity: u64) -> Command {
    Command::Redeem(Redeem {
        account_id: id(&format!("shopper-{who}")),
        order: Order {
            exchange_id: id(&format!("x-{exchange}")),
            offer_id: id(&format!("offer-{offer}")),
            quantity: Units::new(quantity).expect("an amount"),
            deliver_to: id("1 Elm Street"),
            expected_points: None,
        },
        occurred_at: None,
    })
}

fn open(offer: u8, price: u64, stock: Option<u64>, limit: Option<u64>) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, limit),
        stock: stock.map(|stock| Units::new(stock).expect("an amount")),
    })
}

fn amend(offer: u8, price: u64, read_version: Option<u64>) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(&format!("offer-{offer}")),
        terms: terms(price, None),
        stock: None,
        read_version,
    })
}

fn add(offer: u8, addition: u8, units: u64) -> Command {
    Command::AddStock(AddStock {
        offer_id: id(&format!("offer-{offer}")),
        addition_id: id(&format!("s-{addition}")),
        units: Units::new(units).expect("an amount"),
    })
}

fn terms(price: u64, limit: Option<u64>) -> Terms {
    Terms {
        product_id: id("product"),
        price: Points::new(price).expect("an amount"),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: limit.map(|limit| Units::new(limit).expect("an amount")),
        warehouse: id("main"),
    }
}

fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}
