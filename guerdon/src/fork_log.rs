//! `guerdon fork-log`: an operator decides that a log which lost its last events is the history
//! from now on.
//!
//! It appends `log-forked` to every partition, which begins the next generation. What was made of
//! the other history must be made anew: the read model by `guerdon rebuild`.

use std::fmt::{Display, Formatter};

use anyhow::{Context as _, ensure};
use clap::Args;
use command_api::LoadError;
use domain::{Event, LogForked, Timestamp};
use event_schema::{Metadata, Salt, encode};
use event_store::{Access, Append, EventStore, StoreError, with_causes};
use log_record::{Generation, Head, Partition, Place, Position, RecordedEvent, WriterId};
use projector::ProjectError;
use serde::Serialize;
use trace::unix_micros;
use uuid::Uuid;

use crate::data_config::DataConfig;
use crate::printing::Printing;
use crate::serve;

/// The most that a reason may say, in bytes.
const REASON_MAX: usize = 1_000;

/// The log, and the reason.
#[derive(Args, Clone, Debug)]
pub(crate) struct ForkLogArgs {
    #[command(flatten)]
    data: DataConfig,

    /// What happened. The log keeps this text.
    #[arg(long)]
    reason: String,

    /// Continue although no checkpoint, snapshot, archive or writer's note shows lost events.
    #[arg(long)]
    without_evidence: bool,

    #[command(flatten)]
    printing: Printing,
}

/// What was declared.
#[derive(Serialize)]
struct Declared {
    /// The partitions that go on in another generation; none where a fork was declared already.
    forks: Vec<Fork>,
    /// What the operator does next.
    next: &'static str,
}

#[derive(Serialize)]
struct Fork {
    partition: u16,
    generation: u32,
    /// The last event that stays.
    after: Place,
}

impl Display for Declared {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        if self.forks.is_empty() {
            writeln!(f, "a fork was declared already, and nothing has come since")?;
        }
        for Fork { partition, generation, after } in &self.forks {
            writeln!(f, "partition {partition} goes on in generation {generation} after {after}")?;
        }
        write!(f, "next, rebuild the read model: {}", self.next)
    }
}

/// What the operator does after a fork.
const NEXT: &str = "guerdon rebuild";

pub(crate) async fn run(args: ForkLogArgs) -> anyhow::Result<()> {
    let reason = args.reason.trim();
    ensure!(!reason.is_empty(), "--reason must say what happened");
    ensure!(reason.len() <= REASON_MAX, "--reason must have at most {REASON_MAX} bytes");
    args.printing.about(format_args!(
        "looking for events that {} has lost; those that are left become the history",
        args.data.store()
    ));
    // It must be there: without a log there is nothing to declare.
    let there = args.data.open(Access::Read).await?;
    let lost = lost_generations(&args.data, &there).await;
    let mut present = Generation(1);
    for partition in (0..there.partitions()).map(Partition) {
        present = present.max(there.head(partition).await?.generation);
    }
    // What was lost in an earlier generation was declared to be.
    if ends_with_a_fork(&there).await? && lost.iter().all(|lost| *lost < present) {
        forget_the_other_history(&args.data, &there)?;
        return args.printing.one(&Declared { forks: vec![], next: NEXT });
    }
    ensure!(
        args.without_evidence || lost.iter().any(|lost| *lost >= present),
        "neither the read model {} nor a snapshot, the archive or a writer that ended has seen \
         anything that this log no longer has, so there is nothing to declare{}; if it was \
         shortened nevertheless, say --without-evidence",
        args.data.read_model(),
        if lost.is_empty() { "" } else { " (a fork was: go on with guerdon rebuild)" },
    );
    let is_remembered = lost.iter().any(|lost| *lost >= present);
    let known = lost.into_iter().fold(present, Generation::max);
    // The generation must be new. If nothing here knows of lost events, the same backup may have
    // been restored before and have gone on in the next generation. So the time is the number then:
    // no two forks have the same.
    let next = if is_remembered { known.0 + 1 } else { (known.0 + 1).max(seconds_since_2020()) };
    let next = Generation(next);
    drop(there);
    let store = args.data.open(Access::Write(serve::new_log(1))).await?;
    let mut forks = vec![];
    for partition in (0..store.partitions()).map(Partition) {
        let head = store.take_over(partition, WriterId(Uuid::now_v7())).await?;
        if head.position > Position::START {
            let after = fork(&store, partition, head, next, reason).await?;
            forks.push(Fork { partition: partition.0, generation: next.0, after });
        }
    }
    forget_the_other_history(&args.data, &store)?;
    args.printing.one(&Declared { forks, next: NEXT })
}

fn seconds_since_2020() -> u32 {
    const SECONDS_TO_2020: i64 = 1_577_836_800;
    let seconds = unix_micros() / 1_000_000 - SECONDS_TO_2020;
    u32::try_from(seconds.max(0)).unwrap_or(u32::MAX)
}

/// Removes what knows of the lost events, once a fork is declared: it is evidence until then.
fn forget_the_other_history(data: &DataConfig, store: &EventStore) -> anyhow::Result<()> {
    let forgotten = data.snapshots().forget(store.log_id(), store.partitions());
    forgotten.context("the snapshots of the other history can't be removed")?;
    data.fork_notes().remove(store)?;
    Ok(())
}

/// Whether nothing has come since a fork was declared, in some partition.
pub(crate) async fn ends_with_a_fork(store: &EventStore) -> anyhow::Result<bool> {
    for partition in (0..store.partitions()).map(Partition) {
        let position = store.head(partition).await?.position;
        if position == Position::START {
            continue;
        }
        let last = store.read_one(Place { partition, position }).await?;
        if &*last.event_type == RecordedEvent::FORK {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The generations of events that the log doesn't have, and of which the read model, a snapshot,
/// the archive or a writer's last note knows. What can't be read is reported.
async fn lost_generations(data: &DataConfig, store: &EventStore) -> Vec<Generation> {
    let mut lost = vec![];
    let cannot = |what, error: &dyn std::error::Error| {
        eprintln!("can't compare the log with {what}: {}", with_causes(error));
    };
    match projector::check(&data.read_model(), store).await {
        Err(ProjectError::Forked { generation, .. }) => lost.push(generation),
        Err(error) => cannot("the read model", &error),
        Ok(()) => {}
    }
    for partition in (0..store.partitions()).map(Partition) {
        match data.snapshots().check(store, partition).await {
            Err(LoadError::Forked { generation, .. }) => lost.push(generation),
            Err(error) => cannot("the snapshots", &error),
            Ok(()) => {}
        }
    }
    match store.check_archive().await {
        Err(StoreError::ArchiveForked { generation, .. }) => lost.push(generation),
        Err(error) => cannot("the archive", &error),
        Ok(()) => {}
    }
    match data.fork_notes().lost(store).await {
        Ok(events) => lost.extend(events.into_iter().map(|event| event.generation)),
        Err(error) => cannot("a writer's note", error.as_ref()),
    }
    lost
}

async fn fork(
    store: &EventStore,
    partition: Partition,
    head: Head,
    next: Generation,
    reason: &str,
) -> anyhow::Result<Place> {
    let last = store.read_one(Place { partition, position: head.position }).await?;
    let recorded_at = Timestamp::from_micros(last.recorded_at)
        .with_context(|| format!("the event at {} has no time", last.place))?;
    let event = Event::LogForked(LogForked { generation: next.0, reason: reason.into() });
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("the operating system gives no randomness")?;
    let metadata = Metadata::of_command("fork-log");
    let event = encode(&event, recorded_at, &metadata, None, Salt(salt))?;
    let place = Place { partition, position: head.position.next() };
    let row = RecordedEvent::seal(store.log_id(), next, place, event);
    store.append_recorded(Append::after(partition, &head, vec![row])).await?;
    Ok(last.place)
}
