//! Who waits for a unit of an offer that is sold out, and for whom one is kept.

use domain::{AccountId, Timestamp, WaitBegun, WaitEnd, WaitEnded, WaitId, WaitServed};
use read_model::{Wait, row};

use super::{At, Rows};

row! {
    /// A unit that is kept, and how a wait ended.
    #[derive(Default)]
    pub(crate) struct WaitChange in "wait" {
        account_id: String,
        wait_id: String,
        status: Option<String>,
        deadline: Option<i64>,
        served: Option<i64>,
        served_at: Option<i64>,
        ended: Option<i64>,
        ended_at: Option<i64>,
    }
}

impl Rows {
    pub(super) fn wait_begun(&mut self, at: At<'_>, account_id: &AccountId, fact: &WaitBegun) {
        self.waits.push(Wait {
            place: at.place(),
            account_id: account_id.to_string(),
            wait_id: fact.wait_id.to_string(),
            offer_id: fact.offer_id.to_string(),
            status: "waiting".into(),
            deadline: None,
            served: None,
            served_at: None,
            ended: None,
            ended_at: None,
            occurred_at: fact.occurred_at.map(Timestamp::micros),
            recorded_at: at.recorded_at.micros(),
        });
    }

    /// The unit is out of the stock, or was and is kept for longer.
    pub(super) fn wait_served(&mut self, at: At<'_>, account_id: &AccountId, fact: &WaitServed) {
        if !fact.again {
            self.sell(at, &fact.offer_id, 1);
        }
        let wait = self.change_wait(account_id, &fact.wait_id);
        wait.deadline = Some(fact.deadline.micros());
        if fact.again {
            return;
        }
        wait.status = Some("served".into());
        (wait.served, wait.served_at) = (Some(at.place()), Some(at.recorded_at.micros()));
    }

    /// A unit that was kept is back.
    pub(super) fn wait_ended(&mut self, at: At<'_>, account_id: &AccountId, fact: &WaitEnded) {
        if fact.served {
            self.sell(at, &fact.offer_id, -1);
        }
        let wait = self.change_wait(account_id, &fact.wait_id);
        let status = match fact.reason {
            WaitEnd::Taken => "taken",
            WaitEnd::Left => "left",
            WaitEnd::Lapsed => "lapsed",
            WaitEnd::Closed => "closed",
        };
        wait.status = Some(status.into());
        (wait.ended, wait.ended_at) = (Some(at.place()), Some(at.recorded_at.micros()));
    }

    fn change_wait(&mut self, account_id: &AccountId, id: &WaitId) -> &mut WaitChange {
        let key = (account_id.clone(), id.clone());
        self.wait_changes.entry(key).or_insert_with(|| WaitChange {
            account_id: account_id.to_string(),
            wait_id: id.to_string(),
            ..WaitChange::default()
        })
    }
}
