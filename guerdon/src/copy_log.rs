//! `guerdon copy-log FROM TO`: a log from one store into another, byte for byte.
//!
//! Every row is verified by its checksum as it is read, lands as it is, and the copy has the same
//! log id. A copy that was cut short goes on where it ended: its last event must be the original's.
//! The API keys, the key of codes and the switches go with it, so that callers notice nothing. A
//! log that has no key of codes, as in KurrentDB, gets one where it can: if no codes are in it.
//! Until the copy has all of that, nobody else opens it: partitions are copied one after the other,
//! and what one has received, another may lack.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use event_store::{
    Access, ApiKeyChange, Append, AppendLimit, CodeKey, EventStore, ImportState, NewLog,
    SqliteStore, StoreUrl, SwitchChange,
};
use log_record::{Head, Partition, Place, Position, RecordedEvent, WriterId};
use serde::Serialize;
use uuid::Uuid;

use crate::command_line::{database_url, path};
use crate::partitions;
use crate::printing::Printing;
use crate::progress::Progress;

/// The events that are read and landed at once: about 2 MB of them.
const PORTION: usize = 4_096;

/// The type of the event of a code that was uploaded.
const CODE_ADDED: &str = "code-added";

/// The two stores.
#[derive(Args, Clone, Debug)]
pub(crate) struct CopyLogArgs {
    /// The store to copy from: sqlite:PATH, postgres://USER:PASSWORD@HOST:PORT/DATABASE, or
    /// kurrentdb://USER:PASSWORD@HOST:PORT?log=NAME.
    #[arg(
        env = "GUERDON_COPY_FROM",
        hide_env_values = true,
        value_parser = database_url::<StoreUrl>
    )]
    from: StoreUrl,
    /// The store to copy to. It must be empty, or contain the beginning of the same log.
    #[arg(
        env = "GUERDON_COPY_TO",
        hide_env_values = true,
        value_parser = database_url::<StoreUrl>
    )]
    to: StoreUrl,

    /// The folder of the old events that `guerdon archive` has moved out of the log to copy.
    #[arg(long, env = "GUERDON_ARCHIVE_DIR", value_parser = path)]
    archive_dir: Option<PathBuf>,

    #[command(flatten)]
    printing: Printing,
}

/// What a run has copied.
#[derive(Serialize)]
struct Copied {
    log_id: String,
    /// The store of the copy, without its password.
    to: String,
    /// The events that this run has brought there.
    events: u64,
    code_key: CodeKeyOfCopy,
}

/// Whether codes can be uploaded to the copy.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum CodeKeyOfCopy {
    /// It has the original's key.
    Copied,
    /// The original has none, and no codes; the copy has a key of its own.
    Made,
    /// It has none: its store keeps none, or codes are in it that no new key knows again.
    None,
}

impl Display for Copied {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { log_id, to, events, code_key } = self;
        write!(f, "log {log_id} was copied: {events} events came to {to}, all verified")?;
        match code_key {
            CodeKeyOfCopy::Copied => Ok(()),
            CodeKeyOfCopy::Made => write!(
                f,
                "\nthe original has no key under which codes are hashed, and no codes: the copy has \
                 a new key"
            ),
            CodeKeyOfCopy::None => write!(
                f,
                "\nthe copy has no key under which codes are hashed: uploads of codes are refused \
                 there (code-key-missing)"
            ),
        }
    }
}

pub(crate) async fn run(args: CopyLogArgs) -> anyhow::Result<()> {
    let CopyLogArgs { from, to, archive_dir, printing } = args;
    ensure!(from != to, "{from} can't be copied to itself");
    printing.about(format_args!("copying the log {from} to {to}"));
    let mut source = EventStore::open(&from, Access::Read).await?;
    if let StoreUrl::Sqlite(file) = &from
        && SqliteStore::is_held(file)
    {
        eprintln!("a server has {from} open: what it appends from now on is not in the copy");
    }
    if let Some(folder) = archive_dir {
        source = source.with_archive(folder);
        source.check_archive_log()?;
    }
    partitions::check_store(source.partitions(), &to)?;
    EventStore::migrate(&to).await?;
    let log = NewLog { log_id: source.log_id(), partitions: source.partitions() };
    // A copy in memory ends with this process, and one in KurrentDB has one partition.
    let access = if to.takes_imports() { Access::Import(log) } else { Access::Write(log) };
    let copy = EventStore::open(&to, access).await?;
    if copy.log_id() != log.log_id || copy.partitions() != log.partitions {
        bail!(
            "{to} holds log {} with {} partitions, not log {} with {}; copy into an empty store",
            copy.log_id(),
            copy.partitions(),
            log.log_id,
            log.partitions
        );
    }
    let mut events = 0;
    // Of one moment: what one partition has received, another has sent.
    let heads = source.heads().await?;
    let all = heads.iter().map(|(_, head)| head.position.0).sum();
    let progress = printing.progress("events", Some(all));
    let again = || format!("can't copy {from}, the original, to {to}, the copy");
    // Before it is marked: a copy may have become a ledger of its own.
    if lacks_events(&source, &copy, &heads).await.with_context(again)? && heads.len() > 1 {
        copy.begin_import().await?;
    }
    for (partition, head) in heads {
        let end = Place { partition, position: head.position };
        let copied = copy_partition(&source, &copy, end, &progress).await;
        events += copied.with_context(again)?;
    }
    copy_api_keys(&source, &copy).await?;
    let code_key = copy_code_key(&source, &copy).await?;
    copy_switches(&source, &copy).await?;
    if copy.import_state().await? == Some(ImportState::Unfinished) {
        copy.finish_import().await?;
    }
    drop(progress);
    let log_id = log.log_id.to_string();
    printing.one(&Copied { log_id, to: to.to_string(), events, code_key })
}

/// Gives the copy the original's key of codes. Where there is none, it gets one of its own, unless
/// codes are in the log: that key wouldn't know them again.
async fn copy_code_key(source: &EventStore, copy: &EventStore) -> anyhow::Result<CodeKeyOfCopy> {
    let original = source.code_key().await?;
    if original.is_none() && copy.code_key().await?.is_none() {
        if has_codes(copy).await? {
            return Ok(CodeKeyOfCopy::None);
        }
        copy.set_code_key(CodeKey::random()).await?;
    }
    if let Some(key) = original {
        copy.set_code_key(key).await?;
    }
    // Not every store keeps one.
    Ok(match copy.code_key().await? {
        None => CodeKeyOfCopy::None,
        Some(_) if original.is_some() => CodeKeyOfCopy::Copied,
        Some(_) => CodeKeyOfCopy::Made,
    })
}

/// Whether codes were uploaded, by all events of a log.
async fn has_codes(log: &EventStore) -> anyhow::Result<bool> {
    for (partition, head) in log.heads().await? {
        let mut after = Position::START;
        while after < head.position {
            let events = log.read(partition, after, PORTION).await?;
            let Some(last) = events.last() else { break };
            if events.iter().any(|event| &*event.event_type == CODE_ADDED) {
                return Ok(true);
            }
            after = last.position();
        }
    }
    Ok(false)
}

/// Brings the copy's API keys to where the original's are. A key that the original lacks is
/// revoked.
async fn copy_api_keys(source: &EventStore, copy: &EventStore) -> anyhow::Result<()> {
    let (keys, there) = (source.api_keys().await?, copy.api_keys().await?);
    let mut changes = vec![];
    for key in &there {
        let original = keys.iter().find(|original| original.id == key.id);
        let id = || key.id.clone();
        let ends = match original {
            None => (Some(key.created_at), None, None),
            Some(key) => (key.revoked_at, key.expires_at, key.last_used_at),
        };
        let (revoked, expires, used) = ends;
        changes.extend(revoked.map(|at| ApiKeyChange::Revoke { id: id(), at }));
        changes.extend(expires.map(|at| ApiKeyChange::Expire { id: id(), at }));
        changes.extend(used.map(|at| ApiKeyChange::Use { id: id(), at }));
    }
    let is_new = |id: &str| there.iter().all(|key| key.id != id);
    changes.extend(keys.into_iter().filter(|key| is_new(&key.id)).map(ApiKeyChange::Add));
    copy.change_api_keys(changes).await?;
    Ok(())
}

/// Brings the copy the turns of switches that it lacks. Of those with the same version, its own
/// stay.
async fn copy_switches(source: &EventStore, copy: &EventStore) -> anyhow::Result<()> {
    for turn in source.switch_turns().await? {
        let (switch, version) = (turn.switch.clone(), turn.version);
        let is_recorded = turn.caller.is_none();
        copy.change_switch(SwitchChange::Turn(turn)).await?;
        if is_recorded {
            copy.change_switch(SwitchChange::Recorded { switch, version }).await?;
        }
    }
    Ok(())
}

/// Whether there is something to copy. What is there must be the original's, in every partition.
async fn lacks_events(
    source: &EventStore,
    copy: &EventStore,
    heads: &[(Partition, Head)],
) -> anyhow::Result<bool> {
    let mut lacks = false;
    for (partition, head) in heads {
        let position = copy.head(*partition).await?.position;
        same_so_far(source, copy, Place { partition: *partition, position }).await?;
        lacks |= position < head.position;
    }
    Ok(lacks)
}

/// Copies what the copy doesn't have yet of a partition up to an event; returns how many events
/// that was.
async fn copy_partition(
    source: &EventStore,
    copy: &EventStore,
    end: Place,
    progress: &Progress,
) -> anyhow::Result<u64> {
    let partition = end.partition;
    // Before anybody who writes there is deposed: a copy may have become a ledger of its own.
    let there = copy.head(partition).await?.position;
    same_so_far(source, copy, Place { partition, position: there }).await?;
    progress.inc(there.0);
    if there >= end.position {
        return Ok(0);
    }
    let mut head = copy.take_over(partition, WriterId(Uuid::now_v7())).await?;
    let begun_at = head.position;
    same_so_far(source, copy, Place { partition, position: begun_at }).await?;
    loop {
        let mut events = source.read(partition, head.position, PORTION).await?;
        events.retain(|event| event.position() <= end.position);
        let count = portion(&events, copy.append_limit());
        events.truncate(count.with_context(|| {
            let place = Place { partition, position: head.position.next() };
            format!("the event at {place} is larger than an append to the copy may be")
        })?);
        let Some(last) = events.last() else { break };
        let (generation, count) = (last.generation, events.len());
        let landed = copy.append_recorded(Append::after(partition, &head, events)).await;
        head.position = landed.with_context(|| {
            format!("the copy of partition {partition} ended at {}; run it again", head.position)
        })?;
        head.generation = generation;
        progress.inc(count as u64);
    }
    same_so_far(source, copy, Place { partition, position: head.position }).await?;
    Ok(head.position.since(begun_at))
}

/// How many events land at once: all, or where they are too many or may go on, as many as end with
/// a command, for what a command decided must not be there by half. Events of one command have one
/// time; where time stands still, as in a history that was imported, most have one account.
fn portion(events: &[RecordedEvent], limit: AppendLimit) -> Option<usize> {
    let fitting = limit.fitting_rows(events);
    if fitting == events.len() && fitting < PORTION {
        return Some(fitting);
    }
    let ends = |is_end: fn(&RecordedEvent, &RecordedEvent) -> bool| {
        let last = fitting.min(events.len().saturating_sub(1));
        (1..=last).rev().find(|at| is_end(&events[at - 1], &events[*at]))
    };
    ends(|one, next| one.recorded_at != next.recorded_at)
        .or_else(|| ends(|one, next| one.account_id != next.account_id))
        .or_else(|| (fitting > 0).then_some(fitting))
}

/// The last event of the copy must be the original's. By its checksum it is verified itself; those
/// before it were when they were copied.
async fn same_so_far(source: &EventStore, copy: &EventStore, at: Place) -> anyhow::Result<()> {
    if at.position == Position::START {
        return Ok(());
    }
    let head = source.head(at.partition).await?;
    let is_same = head.position >= at.position
        && source.read_one(at).await?.checksum == copy.read_one(at).await?.checksum;
    ensure!(
        is_same,
        "the event at {at} of the copy is not the original's, so one of the two has gone on by \
         itself, or was changed; copy into an empty store"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use log_record::{Checksum, Generation, Private};

    fn events(of: &[(i64, &str)]) -> Vec<RecordedEvent> {
        of.iter()
            .map(|(recorded_at, account)| RecordedEvent {
                place: Place { partition: Partition(0), position: Position(1) },
                generation: Generation(1),
                event_type: "credit-earned".into(),
                version: 1,
                recorded_at: *recorded_at,
                account_id: Some((*account).into()),
                public: "x".repeat(1_000).into(),
                private: Private::Text("{}".into()),
                checksum: Checksum([0; 32]),
            })
            .collect()
    }

    #[test]
    fn a_portion_ends_with_a_command() {
        let three = AppendLimit::of(3 * 1_700);
        let pairs = events(&[(1, "ann"), (1, "ann"), (2, "bob"), (2, "bob"), (3, "ann")]);
        assert_eq!(portion(&pairs, three), Some(2));
        assert_eq!(portion(&pairs, AppendLimit::NONE), Some(5));
        let day = events(&[(1, "ann"), (1, "ann"), (1, "bob"), (1, "bob")]);
        assert_eq!(portion(&day, three), Some(2));
        let fits = events(&[(1, "ann"), (2, "ann"), (3, "bob"), (4, "bob")]);
        assert_eq!(portion(&fits, three), Some(3));
        let one = events(&[(1, "ann"), (1, "ann"), (1, "ann"), (1, "ann")]);
        assert_eq!(portion(&one, three), Some(3), "there is no telling");
        assert_eq!(portion(&one, AppendLimit::of(1_000)), None);
    }

    #[test]
    fn a_full_portion_may_go_on_so_its_last_command_waits() {
        let mut full = events(&vec![(1, "ann"); PORTION - 1]);
        full.extend(events(&[(2, "bob")]));
        assert_eq!(portion(&full, AppendLimit::NONE), Some(PORTION - 1));
    }
}
