//! What partitions tell each other.

use domain::{Grant, Message, MessageReceived, MessageSent};

use super::amount;

pub(super) fn sent(fact: &MessageSent) -> String {
    let MessageSent { to, number, message } = fact;
    format!("Message {} to partition {to}: {}.", number.0, says(message))
}

pub(super) fn received(fact: &MessageReceived) -> String {
    let MessageReceived { source, message } = fact;
    let (from, number) = (source.partition, source.number.0);
    format!("Message {number} from partition {from} was received: {}.", says(message))
}

fn says(message: &Message) -> String {
    match message {
        Message::OfferShared(it) => format!("offer {} in version {}", it.offer_id, it.version),
        Message::ShelfGranted(it) => match &it.grant {
            Grant::Portion(units) => format!("{units} units of offer {}", it.offer_id),
            Grant::NoEnd => format!("units without an end of offer {}", it.offer_id),
            Grant::Code(key, code) => format!(
                "the code at position {code} of offer {} for exchange {} of account {}",
                it.offer_id, key.exchange_id, key.account_id
            ),
            Grant::For(key, units) => format!(
                "{units} units of offer {} for exchange {} of account {}",
                it.offer_id, key.exchange_id, key.account_id
            ),
        },
        Message::ShelfCalledBack(it) => {
            format!("units of offer {} are called back, round {}", it.offer_id, it.round)
        }
        Message::ShelfDrained(it) => format!(
            "{} units of offer {} come home, {} are sold, round {}",
            it.units, it.offer_id, it.sold, it.round
        ),
        Message::StockReturned(it) => match it.code {
            Some(code) => {
                format!("the code at position {code} of offer {} comes home", it.offer_id)
            }
            None => format!("{} units of offer {} come home", it.units, it.offer_id),
        },
        Message::WaitJoined(it) => {
            let (account, wait, offer) = (&it.account_id, &it.wait_id, &it.offer_id);
            format!("account {account} waits for a unit of offer {offer} by wait {wait}")
        }
        Message::WaitLeft(it) => {
            let (account, wait, offer) = (&it.account_id, &it.wait_id, &it.offer_id);
            format!("account {account} waits no more for offer {offer} by wait {wait}")
        }
        Message::UnitKept(it) => {
            let (account, wait, offer) = (&it.account_id, &it.wait_id, &it.offer_id);
            format!("a unit of offer {offer} for wait {wait} of account {account}")
        }
        Message::CreditSent(it) => format!(
            "{} of account {} for account {} by transfer {}",
            amount(it.points, it.unit),
            it.from,
            it.to,
            it.transfer_id
        ),
        Message::CreditReturned(it, why) => format!(
            "{} go back to account {}, for account {} couldn't have them ({why})",
            amount(it.points, it.unit),
            it.from,
            it.to
        ),
        Message::AccountMerged(it) => {
            format!("that account {} was merged into account {}", it.from, it.into)
        }
        Message::CountsPassedOn(it) => {
            format!("what account {} counted, which account {} adds", it.from, it.to)
        }
        Message::DebtPassedOn(it) => format!(
            "{} {} that account {} had owed, and account {} owes now",
            it.points, it.unit, it.from, it.to
        ),
        Message::DebtReturned(it) => format!(
            "{} {} that account {} had owed, and account {} has no room for",
            it.points, it.unit, it.from, it.to
        ),
        Message::Programme(change) => {
            format!("a change of the programme, version {}", change.version())
        }
    }
}
