//! How the ledger's switches are turned: kept beside the log, looked at by every process each
//! second, and told by an event afterwards (docs/decisions/0076).
//!
//! A turn counts once its row is durable, whatever state the partitions are in. The event follows,
//! in the programme's home: the row keeps who turned the switch until then, and a turn is recorded
//! once however often that is tried, so a process may be killed between both.

use std::sync::Arc;
use std::time::Duration;

use domain::command::TurnSwitch;
use domain::{Command, SwitchName, SwitchSetting, SwitchTurned, Timestamp};
use event_store::{EventStore, StoreError, SwitchChange, SwitchTurnRow, with_causes};
use log_record::Principal;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use trace::unix_micros;
use wire::{Caller, Role, Switches, TurnedSwitch};

use crate::{Answer, Request, Writers};

/// How often a process looks how switches are turned, and how soon it tries again to record a turn.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a turn is tried that somebody else was faster with.
const TRIES_MAX: usize = 8;

/// The switches of a ledger. Clones share what this process knows of them, and one of them looks
/// for all.
#[derive(Clone, Debug)]
pub struct SwitchBook {
    store: EventStore,
    known: Switches,
    /// Wakes whoever records turns.
    turned: Arc<Notify>,
}

/// A switch as it was turned last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned {
    pub(crate) switch: SwitchName,
    /// 0 for one that was never turned.
    pub(crate) version: u64,
    pub(crate) setting: SwitchSetting,
    pub(crate) turned_at: Option<Timestamp>,
    pub(crate) is_recorded: bool,
}

/// Why a switch isn't turned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTurned {
    #[error("the switch is at version {version}, which the caller didn't read")]
    Changed { version: u64 },
    #[error("the switches can't be read or written")]
    Store(#[from] StoreError),
    #[error("a turn can't be written as JSON, or isn't of this build's form")]
    Json(#[from] serde_json::Error),
}

/// How a switch is set, as its row has it.
#[derive(Serialize, Deserialize)]
struct StoredSetting {
    on: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// Who turned a switch, and why, as its row has it until the event does.
#[derive(Default, Serialize, Deserialize)]
struct StoredCaller {
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<Box<str>>,
}

impl SwitchBook {
    /// The switches beside the log in `store`; this process goes by what is in `known`.
    #[must_use]
    pub fn new(store: EventStore, known: Switches) -> Self {
        Self { store, known, turned: Arc::default() }
    }

    /// All switches, by their names.
    pub(crate) async fn list(&self) -> Result<Vec<Turned>, NotTurned> {
        let rows = self.store.switch_turns().await?;
        SwitchName::ALL.into_iter().map(|switch| Turned::latest(switch, &rows)).collect()
    }

    /// One of them.
    pub(crate) async fn get(&self, switch: SwitchName) -> Result<Turned, NotTurned> {
        Turned::latest(switch, &self.store.switch_turns().await?)
    }

    /// Turns a switch, and gives it, and whether it wasn't set so before. It is durable when this
    /// ends, and counts in this process.
    pub(crate) async fn turn(
        &self,
        switch: SwitchName,
        setting: SwitchSetting,
        read_versions: Option<&[u64]>,
        caller: &Caller,
    ) -> Result<(Turned, bool), NotTurned> {
        let stored = serde_json::to_string(&StoredSetting::from(setting))?;
        let by = serde_json::to_string(&StoredCaller::of(caller))?;
        let mut present = self.get(switch).await?;
        for _ in 0..TRIES_MAX {
            let version = present.version;
            if present.setting == setting {
                // Another process may have turned it a moment ago.
                self.tell(present);
                return Ok((present, false));
            }
            if read_versions.is_some_and(|read| !read.contains(&version)) {
                return Err(NotTurned::Changed { version });
            }
            // A part of the event's id: no two turns of a switch have the same.
            let after = present.turned_at.map_or(0, Timestamp::micros) + 1;
            let turned_at = unix_micros().max(after);
            let version = version + 1;
            let row = SwitchTurnRow {
                switch: switch.as_str().into(),
                version: version.cast_signed(),
                setting: stored.clone(),
                caller: Some(by.clone()),
                turned_at,
            };
            if self.store.change_switch(SwitchChange::Turn(row)).await? {
                let turned_at = Timestamp::from_micros(turned_at).ok();
                let turned = Turned { switch, version, setting, turned_at, is_recorded: false };
                self.tell(turned);
                self.turned.notify_one();
                return Ok((turned, true));
            }
            present = self.get(switch).await?;
        }
        Err(NotTurned::Changed { version: present.version })
    }

    /// Looks how switches are turned, until it knows that: a process that takes all of them for
    /// off records what they forbid.
    pub async fn look_first(&self) {
        while !self.look("can't read the switches; the start waits until it can").await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Looks again and again, for as long as it is polled. Where the switches can't be read, they
    /// stay as they are.
    pub async fn keep_up(self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.look("can't read the switches; they stay as they are").await;
        }
    }

    /// Looks once, and gives whether the switches could be read; the program's log says once that
    /// they couldn't.
    async fn look(&self, unread: &str) -> bool {
        let found = self.list().await;
        match &found {
            Ok(all) => {
                all.iter().for_each(|turned| self.tell(*turned));
                // Whoever turned it may have been killed before its event.
                if all.iter().any(|turned| !turned.is_recorded) {
                    self.turned.notify_one();
                }
            }
            Err(error) if !self.known.is_unread() => {
                let error = with_causes(error);
                tracing::warn!(error, "{unread}");
            }
            Err(_) => {}
        }
        self.known.set_unread(found.is_err());
        found.is_ok()
    }

    /// Has the events of all turns recorded, for as long as it is polled: those that are there at
    /// first, and then whenever a turn or a look finds others.
    pub(crate) async fn keep_recording(self, writers: Writers) {
        let mut is_failing = false;
        loop {
            let recorded = self.record(&writers).await;
            if let Err(error) = &recorded
                && !is_failing
            {
                let why = error.to_string();
                tracing::warn!(why, "the event of a switch's turn isn't recorded yet; it follows");
            }
            is_failing = recorded.is_err();
            let turned = self.turned.notified();
            if is_failing {
                drop(tokio::time::timeout(LOOK_EVERY, turned).await);
            } else {
                turned.await;
            }
        }
    }

    async fn record(&self, writers: &Writers) -> Result<(), Unrecorded> {
        for row in self.store.switch_turns().await? {
            let Some(caller) = &row.caller else { continue };
            // A newer build's; that one records it.
            let Some(turned) = turned(&row)? else { continue };
            let by: StoredCaller = serde_json::from_str(caller)?;
            let (principal, request_id, traceparent) = by.parts();
            let command = Command::TurnSwitch(TurnSwitch { turned });
            let principal = Some(Arc::new(principal));
            let request = Request { principal, request_id, traceparent, ..Request::of(command) };
            match writers.submit(request).await {
                Ok(Answer::Recorded { .. } | Answer::Repeat { .. }) => {}
                Ok(_) => return Err(Unrecorded::Refused),
                Err(_) => return Err(Unrecorded::Unanswered),
            }
            let (switch, version) = (row.switch, row.version);
            self.store.change_switch(SwitchChange::Recorded { switch, version }).await?;
        }
        Ok(())
    }

    /// This process goes by it from now on.
    fn tell(&self, turned: Turned) {
        let Turned { switch, version, setting, .. } = turned;
        if version > 0 && self.known.tell(TurnedSwitch { switch, version, setting }) {
            let SwitchSetting { on, percent, until } = setting;
            let until = until.map(|until| until.to_string());
            let switch = switch.as_str();
            if on {
                tracing::warn!(switch, version, percent, until, "a switch is turned on");
            } else {
                tracing::info!(switch, version, "a switch is turned off");
            }
        }
    }
}

/// Why the event of a turn isn't recorded.
#[derive(Debug, thiserror::Error)]
enum Unrecorded {
    #[error("the switches can't be read or written")]
    Store(#[from] StoreError),
    #[error("a turn isn't of this build's form")]
    Json(#[from] serde_json::Error),
    #[error("the turn's id is that of another event")]
    Refused,
    #[error("the first partition takes nothing at the moment")]
    Unanswered,
}

impl Turned {
    /// The latest turn of a switch.
    fn latest(switch: SwitchName, rows: &[SwitchTurnRow]) -> Result<Self, NotTurned> {
        let own = rows.iter().filter(|row| row.switch == switch.as_str());
        let Some(row) = own.max_by_key(|row| row.version) else {
            let (setting, turned_at) = (SwitchSetting::default(), None);
            return Ok(Self { switch, version: 0, setting, turned_at, is_recorded: true });
        };
        let StoredSetting { on, percent, until } = serde_json::from_str(&row.setting)?;
        Ok(Self {
            switch,
            version: row.version.cast_unsigned(),
            setting: SwitchSetting { on, percent, until },
            turned_at: Timestamp::from_micros(row.turned_at).ok(),
            is_recorded: row.caller.is_none(),
        })
    }
}

/// What the event of a turn says; nothing of a switch that this build doesn't know.
fn turned(row: &SwitchTurnRow) -> Result<Option<SwitchTurned>, serde_json::Error> {
    let (Ok(switch), Ok(turned_at)) = (row.switch.parse(), Timestamp::from_micros(row.turned_at))
    else {
        return Ok(None);
    };
    let StoredSetting { on, percent, until } = serde_json::from_str(&row.setting)?;
    let setting = SwitchSetting { on, percent, until };
    Ok(Some(SwitchTurned { switch, version: row.version.cast_unsigned(), setting, turned_at }))
}

impl From<SwitchSetting> for StoredSetting {
    fn from(setting: SwitchSetting) -> Self {
        let SwitchSetting { on, percent, until } = setting;
        Self { on, percent, until }
    }
}

impl StoredCaller {
    fn of(caller: &Caller) -> Self {
        let Principal { role, key, subject, name, reason } = &*caller.principal;
        Self {
            role: (*role).into(),
            key: key.clone(),
            subject: subject.clone(),
            name: name.clone(),
            reason: reason.clone(),
            request_id: caller.request_id.clone(),
            traceparent: caller.traceparent.clone(),
        }
    }

    /// Who it was, the request's id, and its trace.
    fn parts(self) -> (Principal, Option<Box<str>>, Option<Box<str>>) {
        let Self { role, key, subject, name, reason, request_id, traceparent } = self;
        // Only operators turn switches.
        let role = Role::parse(&role).unwrap_or(Role::Operator).as_str();
        (Principal { role, key, subject, name, reason }, request_id, traceparent)
    }
}
