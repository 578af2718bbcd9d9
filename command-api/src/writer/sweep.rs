//! What falls due while nobody asks: recorded in small portions behind the commands that wait.
#![expect(
    clippy::result_large_err,
    reason = "a batch that can't go on is given back, which is rare"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use domain::{Clock, Event, SwitchName, Timestamp};
use event_schema::Metadata;

use super::batch::Batch;
use super::record::Unrecordable;
use super::run::Run;

/// How many events of it go with a batch of commands at least, about: next to nothing.
pub(super) const SWEEP_BUSY: usize = 64;

/// Or a fourth of what the commands of the batch record, so that it costs them no more than that.
pub(super) const SWEEP_SHARE: usize = 4;

/// How many events of it make a batch of their own, about: half a commit of commands, so that a
/// command that comes meanwhile waits no longer than behind other commands.
pub(super) const SWEEP_IDLE: usize = 1_024;

/// The wall clock is looked at this often, for it may have been set: reads go by it, too, until a
/// doubt is recorded.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Run {
    /// Waits until something falls due, as far as is known, or the wall clock is to be looked at;
    /// for ever where neither will be.
    pub(super) fn until_due(&self) -> impl Future<Output = ()> + 'static {
        let due = self.state.earliest_due().filter(|_| self.sweeps && !self.is_read_only());
        let wait = match self.clock.source() {
            // An operator's command ends it.
            Clock::Wall if self.clock.doubt().is_some() => None,
            Clock::Wall => {
                let until = due.map_or(LOOK_AGAIN, |due| self.clock.until(due));
                Some(until.min(LOOK_AGAIN))
            }
            // Its time goes on with the next command.
            Clock::Commands => {
                due.filter(|due| *due <= self.state.recorded_at()).map(|_| Duration::ZERO)
            }
        };
        async move {
            match wait {
                // Whoever is to ask gets to run between two portions, also where no append waits
                // for anything: the log in memory.
                Some(Duration::ZERO) => tokio::task::yield_now().await,
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Records what has fallen due, an account at a time, until the batch has grown by `events`.
    /// The batch comes back as an error where the state can't be trusted any more.
    pub(super) fn sweep(&mut self, mut into: Batch, events: usize) -> Result<Batch, Batch> {
        if !self.check_clock() {
            return self.record_doubt(into);
        }
        if !self.sweeps || self.is_read_only() || self.state.earliest_due().is_none() {
            return Ok(into);
        }
        let end = into.events.len() + events;
        let swept = catch_unwind(AssertUnwindSafe(|| {
            let now = self.now();
            self.keep_longer(now, &mut into, end)?;
            while into.events.len() < end
                && let Some(due) = self.state.take_due(now)
            {
                let account = due.first().and_then(Event::account_id);
                if account.is_none_or(|account| !self.left_out.contains(account)) {
                    self.record_due(&due, now, &mut into)?;
                }
            }
            Ok::<(), Unrecordable>(())
        }));
        match swept {
            Ok(Ok(())) => Ok(into),
            // The state has a part of what belongs together; the account is left out from now on.
            Ok(Err(Unrecordable::TooMuch)) => Err(into),
            failed => {
                let why = failed.ok().and_then(Result::err).map(|error| error.to_string());
                tracing::error!(why, "what falls due is no longer recorded in the background");
                self.sweeps = false;
                Err(into)
            }
        }
    }

    /// Units that are kept don't lapse while their shoppers can't take them.
    fn keep_longer(
        &mut self,
        now: Timestamp,
        into: &mut Batch,
        end: usize,
    ) -> Result<(), Unrecordable> {
        let is_paused = self.config.switches.is_on(SwitchName::PauseRedemptions);
        loop {
            let kept = self.state.keeps_longer(now, is_paused);
            if kept.is_empty() || into.events.len() >= end {
                return Ok(());
            }
            self.record(&kept, now, Metadata::of_command("sweep"), None, into)?;
            into.end_command();
        }
    }

    /// Records what is due in an account: in one append, or in several where one can't have it all,
    /// for it makes no difference when it is recorded. What even several can't have stays due in
    /// that account, and keeps no other waiting.
    fn record_due(
        &mut self,
        due: &[Event],
        now: Timestamp,
        into: &mut Batch,
    ) -> Result<(), Unrecordable> {
        let metadata = || Metadata::of_command("sweep");
        match self.record(due, now, metadata(), None, into) {
            Err(Unrecordable::TooMuch) => {}
            recorded => {
                recorded?;
                into.end_command();
                return Ok(());
            }
        }
        let mut begun = into.events.len();
        for event in due {
            match self.record(std::slice::from_ref(event), now, metadata(), None, into) {
                Ok(()) if self.fits(&into.events[begun..]) => {}
                Ok(()) | Err(Unrecordable::TooMuch) => {
                    let account_id = event.account_id().map(ToString::to_string);
                    let error = Unrecordable::TooMuch;
                    tracing::error!(account_id, %error, "what is due in an account isn't recorded");
                    if into.events.len() == begun {
                        // What there was before it is whole.
                        return Ok(());
                    }
                    self.left_out.extend(event.account_id().cloned());
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
            if self.state.may_end_after(event) {
                into.end_command();
                begun = into.events.len();
            }
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.clock.now(self.state.recorded_at(), None)
    }
}
