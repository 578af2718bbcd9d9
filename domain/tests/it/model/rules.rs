//! What each command does to the plain ledger, by docs/CREDIT.md.

use domain::command::{
    AddStock, AmendOffer, Capture, ExpectedVersion, OpenOffer, RemoveStock, Report, SetEarningRule,
    ShowTerms,
};
use domain::{
    AccountId, Command, EarningTerms, OfferId, Points, Shipped, Terms, Timestamp, UnitId,
};

use super::effect::Effect;
use super::ledger::{Deed, Effects, Ledger, MOST, No, Offer, Outcome, Rule, Time};
use super::shipping::{contents, news_of};

/// What is done, or why not; `Ok(None)` where it is so already.
pub(crate) type Answer = Result<Option<Effects>, No>;

pub(crate) fn no<T>(code: &'static str) -> Result<T, No> {
    no_for(code, [])
}

pub(crate) fn no_for<T, const N: usize>(
    code: &'static str,
    facts: [(&'static str, i128); N],
) -> Result<T, No> {
    Err(No { code, facts: Some(facts.to_vec()), units: vec![] })
}

/// Not with these units.
pub(crate) fn no_of<T, const N: usize>(
    code: &'static str,
    units: [(&'static str, UnitId); N],
) -> Result<T, No> {
    Err(No { code, facts: Some(vec![]), units: units.to_vec() })
}

/// There isn't so much.
pub(crate) fn insufficient<T>(unit: UnitId, needed: u128, available: u128) -> Result<T, No> {
    let facts = [("needed", signed(needed)), ("available", signed(available))];
    no_of_unit("insufficient-credit", unit, facts)
}

/// Not with these numbers of a unit.
pub(crate) fn no_of_unit<T, const N: usize>(
    code: &'static str,
    unit: UnitId,
    facts: [(&'static str, i128); N],
) -> Result<T, No> {
    Err(No { code, facts: Some(facts.to_vec()), units: vec![("unit", unit)] })
}

pub(crate) fn too_large<T>() -> Result<T, No> {
    no_for("amount-too-large", [("max", signed(MOST))])
}

pub(crate) fn too_large_of<T>(unit: UnitId) -> Result<T, No> {
    no_of_unit("amount-too-large", unit, [("max", signed(MOST))])
}

/// A number of points or pieces, as a fact.
pub(crate) fn signed(number: u128) -> i128 {
    number.try_into().expect("no sum is that large")
}

pub(crate) fn number(points: Points) -> u128 {
    points.get().into()
}

/// The points that a command names, or all that are left.
pub(crate) fn named_or_all(unit: UnitId, asked: Option<Points>, left: u128) -> Result<u128, No> {
    match asked.map(number) {
        Some(asked) if asked > left => {
            let facts = [("left", signed(left)), ("asked", signed(asked))];
            no_of_unit("points-too-large", unit, facts)
        }
        None if left == 0 => Err(No { code: "points-too-large", facts: None, units: vec![] }),
        asked => Ok(asked.unwrap_or(left)),
    }
}

pub(crate) fn micros(time: Option<Timestamp>) -> Option<Time> {
    time.map(Timestamp::micros)
}

/// What was done by an account's own events.
pub(crate) fn done(account: &str, own: impl Into<Vec<Effect>>) -> Answer {
    let accounts = vec![account.to_owned()];
    Ok(Some(Effects { accounts, own: own.into(), after: vec![] }))
}

/// What was done, in no account.
pub(crate) fn done_elsewhere(effect: Effect) -> Answer {
    Ok(Some(Effects { accounts: vec![], own: vec![effect], after: vec![] }))
}

/// The id under which a command is done once.
pub(crate) fn id_of(command: &Command) -> Option<Vec<String>> {
    let id = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
    let parcel = |account: &AccountId, shipped: &Shipped, news: &str| {
        let [kind, of] = contents(shipped);
        id(&[news, account.as_str(), &kind, &of])
    };
    match command {
        Command::OpenAccount(it) => id(&["account", it.account_id.as_str()]),
        Command::EraseAccount(it) => {
            id(&["erasure", it.account_id.as_str(), it.erasure_id.as_str()])
        }
        Command::EarnCredit(it) => {
            id(&["cause", it.account_id.as_str(), it.cause.kind.as_str(), it.cause.id.as_str()])
        }
        Command::ClaimCredit(it) => {
            id(&["claim", it.account_id.as_str(), it.purchase_id.as_str(), it.unit.as_str()])
        }
        Command::RecordPurchase(it) => {
            id(&["cause", it.account_id.as_str(), "purchase", it.purchase_id.as_str()])
        }
        Command::AdjustCredit(it) => {
            id(&["cause", it.account_id.as_str(), "adjustment", it.adjustment_id.as_str()])
        }
        Command::ReturnPurchase(it) => {
            id(&["return", it.account_id.as_str(), it.purchase_id.as_str(), it.return_id.as_str()])
        }
        Command::WithdrawCredit(it) => {
            id(&["withdrawal", it.account_id.as_str(), it.withdrawal_id.as_str()])
        }
        Command::ReverseReturn(it) => id(&[
            "return reversal",
            it.account_id.as_str(),
            it.purchase_id.as_str(),
            it.return_id.as_str(),
        ]),
        Command::ReverseWithdrawal(it) => {
            id(&["withdrawal reversal", it.account_id.as_str(), it.withdrawal_id.as_str()])
        }
        Command::HoldCredit(it) => id(&["hold", it.account_id.as_str(), it.hold_id.as_str()]),
        Command::ReserveOffer(_) | Command::JoinWaitingList(_) | Command::LeaveWaitingList(_) => {
            unreachable!("they have a model of their own")
        }
        Command::CaptureHold(it) => id(&["capture", it.account_id.as_str(), it.hold_id.as_str()]),
        Command::ExtendHold(it) => id(&[
            "extension",
            it.account_id.as_str(),
            it.hold_id.as_str(),
            it.extension_id.as_str(),
        ]),
        Command::RefundCapture(it) => {
            id(&["refund", it.account_id.as_str(), it.hold_id.as_str(), it.refund_id.as_str()])
        }
        Command::ReleaseHold(it) => id(&["release", it.account_id.as_str(), it.hold_id.as_str()]),
        Command::Redeem(it) => {
            id(&["exchange", it.account_id.as_str(), it.order.exchange_id.as_str()])
        }
        Command::CancelExchange(it) => id(&[
            "cancellation",
            it.account_id.as_str(),
            it.exchange_id.as_str(),
            it.cancellation_id.as_str(),
        ]),
        Command::DispatchShipment(it) => {
            let news = format!("dispatched {}", it.dispatch_id);
            parcel(&it.account_id, &it.shipped, &news)
        }
        Command::ReportShipment(it) => match &it.dispatch_id {
            Some(id) => parcel(&it.account_id, &it.shipped, &format!("delivered {id}")),
            None if it.report == Report::AskedAgain => None,
            None => parcel(&it.account_id, &it.shipped, news_of(it.report)),
        },
        Command::RejectShipment(it) => parcel(&it.account_id, &it.shipped, "rejected"),
        Command::TransferCredit(it) => {
            id(&["transfer", it.account_id.as_str(), it.transfer_id.as_str()])
        }
        Command::ConvertCredit(it) => {
            id(&["conversion", it.account_id.as_str(), it.conversion_id.as_str()])
        }
        Command::AddStock(it) => id(&["stock", it.offer_id.as_str(), it.addition_id.as_str()]),
        Command::RemoveStock(it) => {
            id(&["stock removal", it.offer_id.as_str(), it.removal_id.as_str()])
        }
        Command::ReopenOffer(it) => {
            id(&["reopening", it.offer_id.as_str(), it.reopening_id.as_str()])
        }
        Command::ResumeOffer(it) => {
            id(&["resumption", it.offer_id.as_str(), it.resumption_id.as_str()])
        }
        Command::OpenOffer(_)
        | Command::AmendOffer(_)
        | Command::CloseOffer(_)
        | Command::PauseOffer(_)
        | Command::SetSegment(_)
        | Command::SetEarningRule(_)
        | Command::SetPolicy(_)
        | Command::SetUnit(_)
        | Command::CloseUnit(_)
        | Command::SetLadder(_)
        | Command::GrantTier(_)
        | Command::RevokeTierGrant(_)
        | Command::SetConversionRate(_)
        | Command::CloseConversionRate(_)
        | Command::ShowTerms(_)
        | Command::ConfirmClock(_)
        | Command::MergeAccount(_)
        | Command::AdmitMerger(_)
        | Command::AdmitWait(_)
        | Command::UploadCodes(_)
        | Command::SealBalances(_)
        | Command::TurnSwitch(_) => None,
    }
}

/// Terms whose order of categories and multipliers says nothing.
fn sorted(terms: &EarningTerms) -> EarningTerms {
    let mut terms = terms.clone();
    terms.categories.sort_by_key(|it| it.category.to_string());
    terms.multipliers.sort_by_key(|it| (it.from, it.until, it.percent));
    terms
}

impl Offer {
    pub(crate) fn check_version(&self, read: Option<&[u64]>) -> Result<(), No> {
        match read {
            Some(read) if !read.contains(&self.version) => {
                no_for("offer-changed", [("version", self.version.into())])
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), No> {
        match self.closed_at {
            Some(closed_at) => no_for("offer-closed", [("closed_at", closed_at.into())]),
            None => Ok(()),
        }
    }
}

impl Ledger {
    /// What becomes of a command.
    pub(crate) fn execute(&mut self, command: &Command, now: Time) -> Outcome {
        self.advance(now);
        let id = id_of(command);
        if let Some(id) = &id
            && let Some(deed) = self.deed_of(id)
        {
            return Outcome::Repeat(deed);
        }
        match self.answer(command, now) {
            Err(no) => Outcome::Refused(no),
            Ok(None) => Outcome::Unchanged,
            Ok(Some(mut effects)) => {
                self.settle_after(&mut effects, now);
                self.deeds.push(Deed { id, command: command.clone() });
                Outcome::Done(effects)
            }
        }
    }

    /// The deed that was done under an id. An exchange that a hold paid bears its id, too.
    fn deed_of(&self, id: &[String]) -> Option<usize> {
        self.deeds.iter().position(|deed| {
            let exchange = match &deed.command {
                Command::CaptureHold(it) => match &it.capture {
                    Capture::Exchange(order) => {
                        Some([it.account_id.as_str(), order.exchange_id.as_str()])
                    }
                    Capture::Points(_) => None,
                },
                _ => None,
            };
            let bears_exchange = exchange.is_some_and(|[account, exchange]| {
                id == ["exchange".to_owned(), account.to_owned(), exchange.to_owned()]
            });
            deed.id.as_deref() == Some(id) || bears_exchange
        })
    }

    fn answer(&mut self, command: &Command, now: Time) -> Answer {
        match command {
            Command::OpenAccount(it) => {
                self.make_account(it.account_id.as_str());
                done_elsewhere(Effect::Opened(it.account_id.to_string()))
            }
            Command::EraseAccount(it) => {
                let name = it.account_id.to_string();
                match (self.account(&name), it.unshipped) {
                    (None, _) => no("account-unknown"),
                    (Some(_), 0) => done_elsewhere(Effect::Erased(name)),
                    (Some(_), requests) => {
                        no_for("goods-unshipped", [("requests", requests.into())])
                    }
                }
            }
            Command::EarnCredit(it) => self.earn(it, now),
            Command::RecordPurchase(it) => self.record_purchase(it, now),
            Command::ClaimCredit(it) => self.claim(it, now),
            Command::ReturnPurchase(it) => self.return_purchase(it, now),
            Command::WithdrawCredit(it) => self.withdraw(it),
            Command::ReverseReturn(it) => self.reverse_return(it, now),
            Command::ReverseWithdrawal(it) => self.reverse_withdrawal(it, now),
            Command::AdjustCredit(it) => self.adjust(it, now),
            Command::HoldCredit(it) => self.hold(it, now),
            Command::ReserveOffer(_)
            | Command::JoinWaitingList(_)
            | Command::LeaveWaitingList(_) => unreachable!("they have a model of their own"),
            Command::CaptureHold(it) => self.capture(it, now),
            Command::ReleaseHold(it) => self.release(it, now),
            Command::ExtendHold(it) => self.extend(it),
            Command::RefundCapture(it) => self.refund_capture(it, now),
            Command::Redeem(it) => self.redeem(it, now),
            Command::CancelExchange(it) => self.cancel(it, now),
            Command::DispatchShipment(it) => self.dispatch(it),
            Command::ReportShipment(it) => self.report(it),
            Command::RejectShipment(it) => self.reject(it, now),
            Command::TransferCredit(it) => self.transfer(it),
            Command::ConvertCredit(it) => self.convert(it, now),
            Command::SetConversionRate(it) => self.set_rate(it),
            Command::CloseConversionRate(it) => self.close_rate(it, now),
            Command::OpenOffer(it) => self.open(it),
            Command::AmendOffer(it) => self.amend(it),
            Command::CloseOffer(it) => self.close(it, now),
            Command::ReopenOffer(it) => self.reopen(it),
            Command::PauseOffer(it) => self.pause(it, now),
            Command::ResumeOffer(it) => self.resume(it),
            Command::SetSegment(it) => self.set_segment(it),
            Command::AddStock(it) => self.add_stock(it),
            Command::RemoveStock(it) => self.remove_stock(it),
            Command::SetEarningRule(it) => self.set_rule(it, now),
            Command::SetPolicy(it) => {
                if self.policy == it.policy {
                    return Ok(None);
                }
                let version = self.policy_version;
                if it.read_versions.as_ref().is_some_and(|read| !read.contains(&version)) {
                    return no_for("policy-changed", [("version", version.into())]);
                }
                self.policy = it.policy;
                self.policy_version += 1;
                done_elsewhere(Effect::PolicyChanged(it.policy))
            }
            Command::SetUnit(it) => self.set_unit(it),
            Command::CloseUnit(it) => self.close_unit(it, now),
            Command::SetLadder(_) | Command::GrantTier(_) | Command::RevokeTierGrant(_) => {
                unreachable!("ladders have a model of their own")
            }
            Command::ShowTerms(ShowTerms::Offer(id)) if self.offer(id.as_str()).is_none() => {
                no("offer-unknown")
            }
            Command::ShowTerms(ShowTerms::Rule(id)) if self.rule(id.as_str()).is_none() => {
                no("rule-unknown")
            }
            Command::ShowTerms(_) => Ok(None),
            Command::ConfirmClock(_) => done_elsewhere(Effect::ClockConfirmed),
            Command::UploadCodes(_) => unreachable!("the model has no codes"),
            Command::SealBalances(_) => unreachable!("the model has no tree"),
            Command::AdmitWait(_) => unreachable!("the model waits nowhere"),
            Command::MergeAccount(_) | Command::AdmitMerger(_) => {
                unreachable!("the model merges nothing")
            }
            Command::TurnSwitch(_) => unreachable!("the model has no switches"),
        }
    }

    // Rules and offers

    fn set_rule(&mut self, it: &SetEarningRule, now: Time) -> Answer {
        let id = it.rule_id.to_string();
        let is_open = self.check_not_closed(it.terms.unit);
        let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == id) else {
            if it.expected != ExpectedVersion::Absent {
                return no("rule-unknown");
            }
            is_open?;
            let (terms, former) = (it.terms.clone(), vec![]);
            self.rules.push(Rule { id: id.clone(), terms, version: 1, former });
            return done_elsewhere(Effect::RuleSet(id, 1));
        };
        if sorted(&rule.terms) == sorted(&it.terms) {
            return Ok(None);
        }
        let version = ("version", rule.version.into());
        match &it.expected {
            ExpectedVersion::Absent => return no_for("rule-exists", [version]),
            ExpectedVersion::OneOf(read) if !read.contains(&rule.version) => {
                return no_for("rule-changed", [version]);
            }
            ExpectedVersion::OneOf(_) | ExpectedVersion::Any => {}
        }
        if rule.terms.unit != it.terms.unit {
            return no_of("rule-fixed", [("unit", rule.terms.unit)]);
        }
        is_open?;
        rule.version += 1;
        let former = std::mem::replace(&mut rule.terms, it.terms.clone());
        rule.former.push((now, former));
        done_elsewhere(Effect::RuleSet(id, rule.version))
    }

    pub(crate) fn offer_mut(&mut self, id: &OfferId) -> Result<&mut Offer, No> {
        let mut offers = self.offers.iter_mut();
        offers.find(|offer| offer.id == id.as_str()).map_or_else(|| no("offer-unknown"), Ok)
    }

    fn open(&mut self, it: &OpenOffer) -> Answer {
        let stock = it.stock.map(|stock| u128::from(stock.get()));
        if let Some(offer) = self.offer(it.offer_id.as_str()) {
            // Units that were added later don't matter.
            if offer.terms == it.terms
                && offer.page == it.page
                && offer.opening_stock == Some(stock)
            {
                return offer.check_open().map(|()| None);
            }
            return no_for("offer-exists", [("version", offer.version.into())]);
        }
        self.check_prices(&it.terms)?;
        self.offers.push(Offer {
            id: it.offer_id.to_string(),
            terms: it.terms.clone(),
            page: it.page.clone(),
            version: 1,
            opening_stock: Some(stock),
            stock,
            sold: 0,
            paused_at: None,
            closed_at: None,
        });
        done_elsewhere(Effect::OfferOpened(it.offer_id.to_string()))
    }

    fn amend(&mut self, it: &AmendOffer) -> Answer {
        let id = it.offer_id.to_string();
        let offer = self.offer_mut(&it.offer_id)?;
        let said = it.stock.map(|stock| stock.map(|stock| u128::from(stock.get())));
        let keeps_stock = said.is_none_or(|said| said == offer.stock);
        let is_same = offer.terms == it.terms && offer.page == it.page;
        if is_same && keeps_stock {
            return Ok(None);
        }
        offer.check_version(it.read_versions.as_deref())?;
        offer.check_open()?;
        if !keeps_stock && offer.stock.is_some() && said != Some(None) {
            let facts = offer.stock.map(|stock| ("stock", signed(stock))).into_iter().collect();
            return Err(No { code: "stock-not-amendable", facts: Some(facts), units: vec![] });
        }
        if !keeps_stock && said.flatten().is_some_and(|said| said < offer.sold) {
            return no_for("stock-sold", [("sold", signed(offer.sold))]);
        }
        if offer.terms.prices != it.terms.prices {
            self.check_prices(&it.terms)?;
        }
        let offer = self.offer_mut(&it.offer_id)?;
        let mut own = vec![];
        if !is_same {
            offer.version += 1;
            offer.terms = it.terms.clone();
            offer.page = it.page.clone();
            own.push(Effect::OfferAmended(id.clone(), offer.version));
        }
        if let Some(said) = said.filter(|_| !keeps_stock) {
            offer.version += 1;
            offer.opening_stock = None;
            offer.stock = said;
            own.push(Effect::StockAmended(id, offer.version, said));
        }
        Ok(Some(Effects { accounts: vec![], own, after: vec![] }))
    }

    /// Whether an offer may cost this from now on.
    fn check_prices(&self, terms: &Terms) -> Result<(), No> {
        terms.prices.iter().try_for_each(|price| {
            self.check_unit(price.unit)?;
            self.check_not_closed(price.unit)?;
            self.check_spendable(price.unit)
        })
    }

    fn remove_stock(&mut self, it: &RemoveStock) -> Answer {
        let (id, units) = (it.offer_id.to_string(), u128::from(it.units.get()));
        let offer = self.offer_mut(&it.offer_id)?;
        offer.check_version(it.read_versions.as_deref())?;
        offer.check_open()?;
        let Some(stock) = offer.stock else { return no("stock-unlimited") };
        if stock < offer.sold + units {
            return no_for("stock-sold", [("sold", signed(offer.sold))]);
        }
        offer.stock = Some(stock - units);
        done_elsewhere(Effect::StockRemoved(id, units))
    }

    fn add_stock(&mut self, it: &AddStock) -> Answer {
        let (id, units) = (it.offer_id.to_string(), u128::from(it.units.get()));
        let offer = self.offer_mut(&it.offer_id)?;
        offer.check_open()?;
        let Some(stock) = offer.stock else { return no("stock-unlimited") };
        if stock + units > MOST {
            return too_large();
        }
        offer.stock = Some(stock + units);
        done_elsewhere(Effect::StockAdded(id, units))
    }
}
