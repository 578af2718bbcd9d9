//! Accounts that are asked for at the same time, read by one statement.
//!
//! One statement for a hundred accounts costs a PostgreSQL a few times what a statement for one of
//! them costs, and on SQLite it wakes the reading thread once. Whoever comes while statements are
//! under way is gathered for the next, so nobody waits for others to come.

use std::sync::Arc;

use domain::AccountId;
use log_record::Place;
use parking_lot::Mutex;
use read_model::{AsOf, SingleRead};
use tokio::sync::oneshot;
use wire::Problem;

use crate::freshness::read_once;
use crate::recorded::{RECORDED, Recorded};
use crate::{QueryApi, failed};

/// How many statements are under way at once. More would each have fewer accounts.
const RUNNING_MAX: usize = 2;

/// How many accounts a statement reads at most.
const ACCOUNTS_MAX: usize = 256;

/// An account as it was recorded, if there is one, and as of which event.
type Read = (Arc<AsOf>, Option<Recorded>);

/// The accounts that are to be read next.
#[derive(Debug, Default)]
pub(crate) struct AccountReads {
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    asked: Vec<Asked>,
    running: usize,
}

#[derive(Debug)]
struct Asked {
    account_id: AccountId,
    answer: oneshot::Sender<Result<Read, Problem>>,
}

/// Reads an account, by events up to `wanted` at least.
pub(crate) async fn read_account(
    api: &QueryApi,
    account_id: &AccountId,
    wanted: &[Place],
) -> Result<Read, Problem> {
    let read = read_with_others(api, account_id).await?;
    if wanted.iter().all(|place| read.0.reached(place) >= place.position) {
        return Ok(read);
    }
    let arguments = [account_id.as_str().into()];
    let SingleRead { as_of, rows } = read_once(api, wanted, RECORDED, &arguments).await?;
    Ok((Arc::new(as_of), Recorded::one_of(rows).map_err(failed)?))
}

async fn read_with_others(api: &QueryApi, account_id: &AccountId) -> Result<Read, Problem> {
    let (answer, answered) = oneshot::channel();
    if api.account_reads.ask(Asked { account_id: account_id.clone(), answer }) {
        // It goes on for the others if this caller leaves.
        tokio::spawn(read_all(api.clone()));
    }
    answered.await.unwrap_or_else(|_| Err(Problem::internal()))
}

/// Reads what is asked for, until nothing is.
async fn read_all(api: QueryApi) {
    let reads = Arc::clone(&api.account_reads);
    let mut running = Running(Some(&reads));
    while let Some(asked) = reads.next() {
        let ids: Vec<&str> = asked.iter().map(|asked| asked.account_id.as_str()).collect();
        let ids = ids.join(" ");
        match read_once(&api, &[], RECORDED, &[ids.as_str().into()]).await {
            Ok(SingleRead { as_of, rows }) => {
                let as_of = Arc::new(as_of);
                let found = Recorded::each_of(asked.len(), rows);
                for (asked, recorded) in asked.into_iter().zip(found) {
                    let read = recorded.map(|recorded| (Arc::clone(&as_of), recorded));
                    // Whoever has left wants no answer.
                    drop(asked.answer.send(read.map_err(failed)));
                }
            }
            Err(problem) => {
                for asked in asked {
                    drop(asked.answer.send(Err(problem.clone())));
                }
            }
        }
    }
    running.0 = None;
}

/// One of those that read; it makes room for another also where it panics.
struct Running<'a>(Option<&'a AccountReads>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(reads) = self.0 {
            let mut queue = reads.queue.lock();
            queue.running -= 1;
            // Nobody would answer those who still wait: they are told of a failure.
            if queue.running == 0 {
                queue.asked.clear();
            }
        }
    }
}

impl AccountReads {
    /// Adds to what is to be read; whether the caller must see to it that it is.
    fn ask(&self, asked: Asked) -> bool {
        let mut queue = self.queue.lock();
        queue.asked.push(asked);
        let begins = queue.running < RUNNING_MAX;
        queue.running += usize::from(begins);
        begins
    }

    /// What is to be read next; whoever is told that there is nothing has ended.
    fn next(&self) -> Option<Vec<Asked>> {
        let mut queue = self.queue.lock();
        let count = queue.asked.len().min(ACCOUNTS_MAX);
        if count == 0 {
            queue.running -= 1;
            return None;
        }
        Some(queue.asked.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_waits_for_one_that_panics_is_told() {
        let reads = AccountReads::default();
        let (answer, answered) = oneshot::channel();
        let account_id = "ann".parse().expect("an id");
        assert!(reads.ask(Asked { account_id, answer }), "the caller is to read");
        drop(Running(Some(&reads)));
        assert!(answered.await.is_err(), "it has no answer any more");
        assert_eq!(reads.queue.lock().running, 0);
    }
}
