//! The commands that the simulation asks for.

use domain::command::{
    AddStock, Admission, AdmitMerger, AdmitWait, AmendOffer, CancelExchange, Capture, CaptureHold,
    CloseOffer, CloseUnit, EarnCredit, ExpectedVersion, HoldCredit, JoinWaitingList,
    LeaveWaitingList, MergeAccount, MergerStep, OpenOffer, Order, PauseOffer, Redeem, ReleaseHold,
    RemoveStock, ReopenOffer, ReserveOffer, ResumeOffer, SetLadder, SetPolicy, SetSegment, SetUnit,
    TransferCredit, UploadCodes, WithdrawCredit,
};
use domain::{
    AccountId, Cause, CauseKind, CodeHash, Command, Downgrade, ExchangeKey, LadderTerms, Level,
    Note, Page, PeriodLimits, Points, Policy, Prices, Returns, Terms, TierPrices, TimeZone,
    Timestamp, UnitId, UnitTerms, Units, Window, YearFrom,
};

pub(super) fn id<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a valid id")
}

fn terms(price: u64, limit: Option<u64>) -> Terms {
    Terms {
        product_id: id("product"),
        prices: Prices::of_points(points(price)),
        tier: None,
        segment: None,
        tier_prices: TierPrices::default(),
        opens_at: None,
        closes_at: None,
        limit_per_shopper: limit.map(units),
        // By days of a simulation that takes seconds: it counts where the account lives.
        period_limits: PeriodLimits { day: limit.map(units), ..PeriodLimits::default() },
        time_zone: TimeZone::default(),
        warehouse: id("main"),
        ships: true,
        codes: false,
    }
}

pub(super) fn units(number: u64) -> Units {
    Units::new(number).expect("an amount")
}

pub(super) fn points(number: u64) -> Points {
    Points::sum_of(number).expect("an amount")
}

pub(super) fn earn(account: &AccountId, unit: UnitId, amount: u64, cause: u64) -> Command {
    Command::EarnCredit(EarnCredit {
        account_id: account.clone(),
        unit,
        points: points(amount),
        cause: Cause { kind: CauseKind::Promotion, id: id(&format!("b-{cause}")) },
        available_at: None,
        expires_at: None,
        occurred_at: None,
    })
}

pub(super) fn redeem(account: &AccountId, exchange: u64, offer: &str, quantity: u64) -> Command {
    let order = Order {
        exchange_id: id(&format!("x-{exchange}")),
        offer_id: id(offer),
        quantity: units(quantity),
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    };
    Command::Redeem(Redeem { account_id: account.clone(), order, occurred_at: None })
}

pub(super) fn hold(account: &AccountId, amount: u64, deadline: Timestamp) -> Command {
    Command::HoldCredit(HoldCredit {
        account_id: account.clone(),
        hold_id: id("h-1"),
        unit: UnitId::POINTS,
        points: points(amount),
        deadline,
        occurred_at: None,
    })
}

/// The held credit pays the exchange.
pub(super) fn capture(redeem: &Command) -> Command {
    let Command::Redeem(it) = redeem else { panic!("an order") };
    Command::CaptureHold(CaptureHold {
        account_id: it.account_id.clone(),
        hold_id: id("h-1"),
        capture: Capture::Exchange(it.order.clone()),
        occurred_at: None,
    })
}

pub(super) fn reserve(
    account: &AccountId,
    hold: u64,
    offer: &str,
    quantity: u64,
    deadline: Timestamp,
) -> Command {
    Command::ReserveOffer(ReserveOffer {
        account_id: account.clone(),
        hold_id: id(&format!("h-{hold}")),
        offer_id: id(offer),
        quantity: units(quantity),
        deadline,
        expected_points: None,
        expected_prices: None,
        occurred_at: None,
    })
}

/// An exchange gets what was reserved.
pub(super) fn capture_reserved(reservation: &Command, exchange: u64) -> Command {
    let Command::ReserveOffer(it) = reservation else { panic!("a reservation") };
    let order = Order {
        exchange_id: id(&format!("x-{exchange}")),
        offer_id: it.offer_id.clone(),
        quantity: it.quantity,
        deliver_to: Some(id("1 Elm Street")),
        expected_points: None,
        expected_prices: None,
    };
    Command::CaptureHold(CaptureHold {
        account_id: it.account_id.clone(),
        hold_id: it.hold_id.clone(),
        capture: Capture::Exchange(order),
        occurred_at: None,
    })
}

pub(super) fn release_reserved(reservation: &Command) -> Command {
    let Command::ReserveOffer(it) = reservation else { panic!("a reservation") };
    let (account_id, hold_id) = (it.account_id.clone(), it.hold_id.clone());
    Command::ReleaseHold(ReleaseHold { account_id, hold_id, by_operator: false, occurred_at: None })
}

pub(super) fn admit_wait(offer: &str) -> Command {
    Command::AdmitWait(AdmitWait { offer_id: id(offer) })
}

pub(super) fn join(
    account: &AccountId,
    wait: u64,
    offer: &str,
    admission: Option<Admission>,
) -> Command {
    Command::JoinWaitingList(JoinWaitingList {
        account_id: account.clone(),
        wait_id: id(&format!("w-{wait}")),
        offer_id: id(offer),
        occurred_at: None,
        admission,
    })
}

pub(super) fn leave(join: &Command) -> Command {
    let Command::JoinWaitingList(it) = join else { panic!("a wait") };
    let (account_id, wait_id) = (it.account_id.clone(), it.wait_id.clone());
    Command::LeaveWaitingList(LeaveWaitingList { account_id, wait_id, occurred_at: None })
}

pub(super) fn cancel(key: &ExchangeKey, cancellation: u64, quantity: Option<u64>) -> Command {
    Command::CancelExchange(CancelExchange {
        account_id: key.account_id.clone(),
        exchange_id: key.exchange_id.clone(),
        cancellation_id: id(&format!("c-{cancellation}")),
        quantity: quantity.map(units),
        by_operator: false,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

pub(super) fn merge(from: &AccountId, into: &AccountId, step: MergerStep) -> Command {
    let (account_id, into) = (from.clone(), into.clone());
    Command::MergeAccount(MergeAccount { account_id, into, step })
}

pub(super) fn admit(into: &AccountId) -> Command {
    Command::AdmitMerger(AdmitMerger { account_id: into.clone() })
}

pub(super) fn transfer(
    from: &AccountId,
    to: &AccountId,
    unit: UnitId,
    amount: u64,
    transfer: u64,
) -> Command {
    Command::TransferCredit(TransferCredit {
        account_id: from.clone(),
        transfer_id: id(&format!("t-{transfer}")),
        to: to.clone(),
        unit,
        points: points(amount),
        occurred_at: None,
    })
}

/// Silver from so much on, which counts by years.
pub(super) fn make_ladder(silver_from: u64) -> Command {
    set_ladder(silver_from, ExpectedVersion::Absent)
}

pub(super) fn amend_ladder(silver_from: u64) -> Command {
    set_ladder(silver_from, ExpectedVersion::Any)
}

fn set_ladder(silver_from: u64, expected: ExpectedVersion) -> Command {
    let years = |it: u8| it.try_into().expect("years");
    let level = Level { tier: id("silver"), from: points(silver_from) };
    let terms = LadderTerms {
        unit: UnitId::POINTS,
        levels: vec![level].try_into().expect("levels"),
        window: Window::Years {
            from: YearFrom::JANUARY,
            years: years(1),
            months: 0_u8.try_into().expect("months"),
        },
        downgrade: Downgrade::ByCount,
        returns: Returns::Recount,
        adjustments: false,
    };
    Command::SetLadder(SetLadder { ladder: id("status"), terms, expected })
}

/// Takes back what was earned.
pub(super) fn withdraw(earned: &Command, withdrawal: u64) -> Command {
    let Command::EarnCredit(it) = earned else { panic!("credit") };
    Command::WithdrawCredit(WithdrawCredit {
        account_id: it.account_id.clone(),
        withdrawal_id: id(&format!("w-{withdrawal}")),
        cause: it.cause.clone(),
        unit: it.unit,
        points: None,
        note: Note::default(),
        occurred_at: None,
        original: None,
    })
}

/// An offer of which a shopper may have so many.
pub(super) fn open_limited(offer: &str, stock: u64, limit: u64) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms: terms(1, Some(limit)),
        page: Page::default(),
        stock: Some(units(stock)),
    })
}

pub(super) fn open(offer: &str, stock: Option<u64>) -> Command {
    Command::OpenOffer(OpenOffer {
        offer_id: id(offer),
        terms: terms(1, None),
        page: Page::default(),
        stock: stock.map(units),
    })
}

/// An offer of codes.
pub(super) fn open_codes(offer: &str) -> Command {
    let terms = Terms { ships: false, codes: true, ..terms(1, None) };
    let page = Page::default();
    Command::OpenOffer(OpenOffer { offer_id: id(offer), terms, page, stock: None })
}

/// So many codes that nobody has had.
pub(super) fn upload(offer: &str, upload: u64, count: u8) -> Command {
    let code = |number: u8| {
        let mut hash = [number; 16];
        hash[..8].copy_from_slice(&upload.to_be_bytes());
        (CodeHash(hash), id(&format!("CODE-{upload}-{number}")))
    };
    Command::UploadCodes(UploadCodes {
        offer_id: id(offer),
        upload_id: id(&format!("u-{upload}")),
        codes: (0..count).map(code).collect(),
    })
}

pub(super) fn amend(offer: &str, price: u64, stock: Option<Option<u64>>) -> Command {
    Command::AmendOffer(AmendOffer {
        offer_id: id(offer),
        terms: terms(price, None),
        page: Page::default(),
        stock: stock.map(|stock| stock.map(units)),
        read_versions: None,
    })
}

pub(super) fn add(offer: &str, addition: u64, count: u64) -> Command {
    Command::AddStock(AddStock {
        offer_id: id(offer),
        addition_id: id(&format!("s-{addition}")),
        units: units(count),
    })
}

pub(super) fn remove(offer: &str, removal: u64, count: u64) -> Command {
    Command::RemoveStock(RemoveStock {
        offer_id: id(offer),
        removal_id: id(&format!("d-{removal}")),
        units: units(count),
        read_versions: None,
    })
}

pub(super) fn close(offer: &str) -> Command {
    Command::CloseOffer(CloseOffer { offer_id: id(offer) })
}

pub(super) fn reopen(offer: &str, reopening: u64) -> Command {
    Command::ReopenOffer(ReopenOffer {
        offer_id: id(offer),
        reopening_id: id(&format!("o-{reopening}")),
        read_versions: None,
    })
}

pub(super) fn for_segment(segment: Option<&str>, mut opening: Command) -> Command {
    if let Command::OpenOffer(it) = &mut opening {
        it.terms.segment = segment.map(id);
    }
    opening
}

pub(super) fn set_segment(account: &AccountId, segment: &str) -> Command {
    Command::SetSegment(SetSegment {
        account_id: account.clone(),
        segment: id(segment),
        member: true,
        read_versions: None,
        occurred_at: None,
    })
}

/// So many a day for each shopper, and for everybody.
pub(super) fn amend_limit(offer: &str, a_day: u64) -> Command {
    let mut amendment = amend(offer, 1, None);
    if let Command::AmendOffer(it) = &mut amendment {
        it.terms.period_limits.day = Some(units(a_day));
    }
    amendment
}

pub(super) fn pause(offer: &str) -> Command {
    Command::PauseOffer(PauseOffer { offer_id: id(offer), read_versions: None })
}

pub(super) fn resume(offer: &str, resumption: u64) -> Command {
    Command::ResumeOffer(ResumeOffer {
        offer_id: id(offer),
        resumption_id: id(&format!("r-{resumption}")),
        read_versions: None,
    })
}

pub(super) fn policy(days: u64) -> Command {
    let refund_grace_days = u16::try_from(days).expect("small");
    let policy = Policy { refund_grace_days, ..Policy::default() };
    Command::SetPolicy(SetPolicy { policy, read_versions: None })
}

pub(super) fn make_unit(unit: UnitId) -> Command {
    set_unit(unit, UnitTerms::of_points(), ExpectedVersion::Absent)
}

pub(super) fn close_unit(unit: UnitId) -> Command {
    Command::CloseUnit(CloseUnit { unit })
}

pub(super) fn name_unit(unit: UnitId, name: u64) -> Command {
    let terms = UnitTerms { name: Some(id(&format!("Miles {name}"))), ..UnitTerms::of_points() };
    set_unit(unit, terms, ExpectedVersion::Any)
}

fn set_unit(unit: UnitId, terms: UnitTerms, expected: ExpectedVersion) -> Command {
    Command::SetUnit(SetUnit { unit, terms, expected })
}
