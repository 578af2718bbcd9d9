//! `guerdon serve`: starts the parts, serves until it is told to stop, and stops cleanly.

mod asked;
mod balances;
mod child;
mod codes;
mod connection;
mod connections;
mod cors;
mod descriptors;
mod desk;
mod docs_page;
mod doors;
mod edge;
mod eraser;
mod front;
mod health;
mod health_reason;
mod ledger;
mod listener;
mod lookup;
mod message_body;
mod metrics;
mod open_log;
mod proxies;
mod publishing;
mod quiet_waker;
mod read_tables;
mod receipts;
mod reconciliation;
mod remembered;
mod root;
mod route_lines;
mod sealing;
mod security_headers;
mod seldom;
mod shipping_account;
pub(crate) mod shutdown;
mod snapshots;
mod start;
mod switching;
#[cfg(feature = "tls")]
mod tls;
mod token_keys;
mod traced_request;
mod unrecorded;
mod watched_stream;
mod writers;

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Context as _, bail};
use command_api::{WriterStatus, Writers};
use log_record::Partition;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::file_modes;
use crate::serve_config::{Part, ServeConfig};
use doors::Sockets;
use front::{Front, Step};
use ledger::Ledger;

pub(crate) use open_log::new_log;

/// How long the parts may take to end after the process was told to stop. Service managers and
/// containers kill it after 10 s, and `NOTED_WITHIN` and the end of `main` come after this.
const STOP_MAX: Duration = Duration::from_millis(9_200);

/// How long it may still take then to note that a writer found its log forked. It begins when that
/// is found.
const NOTED_WITHIN: Duration = Duration::from_millis(300);

pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    config.check_options()?;
    let sockets = Sockets::bind(&config)?;
    // Before the address is printed, because whoever reads it may send a signal.
    let mut signals = shutdown::Signals::listen()?;
    let stop = CancellationToken::new();
    // However this ends: a start that fails stops the parts that it has begun.
    let _stopping = stop.clone().drop_guard();
    let draining = CancellationToken::new();
    let (address, for_operators) = sockets.addresses()?;
    // A start may wait for the log, and whoever looks after the process asks what for.
    let step = Step::default();
    let front = Front::new(&step);
    let (tracer, sending) = config.traces.start()?;
    let (calls, taken) = unrecorded::calls();
    let mut doors = sockets.open(&config, front.clone(), &draining, &calls, &tracer);
    drop(calls);
    let mut ledger = tokio::select! {
        started = Ledger::start(&config, &stop, &draining, &step, &doors, &tracer) => started?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before the ledger was ready");
            return Ok(());
        }
    };
    let kafka_files = config.kafka.private_files();
    let others = kafka_files.chain(config.edge.private_files());
    file_modes::warn_of_open(config.data.private_files().into_iter().chain(others));
    config.edge.warn(address, for_operators);
    if let Some(routes) = ledger.routes.take() {
        front.begins(routes);
    }
    let writing = taken.write(ledger.store.clone(), config.runs(Part::CommandApi), stop.clone());
    ledger.noting_calls = Some(tokio::spawn(writing));
    tracing::info!(%address, log_id = %ledger.store.log_id(), "the ledger is ready");
    let scheme = config.edge.scheme();
    println!("guerdon listens on {scheme}://{address}");
    if let Some(address) = for_operators {
        tracing::info!(%address, "operators are answered on an address of their own");
        println!("guerdon listens for operators on {scheme}://{address}");
    }
    // At once, and not after the requests in flight: the process may be killed by then.
    let mut noting = JoinSet::new();
    let mut statuses = vec![];
    for (partition, status) in ledger.writers.iter().flat_map(Writers::statuses) {
        noting.spawn(config.data.fork_notes().keep(ledger.store.log_id(), status.clone()));
        statuses.push((partition, status));
    }

    let cause = tokio::select! {
        signal = signals.next() => {
            tracing::info!(signal, "stopping: requests that have begun are answered first");
            Stopped::Signal
        }
        () = ledger.writers_stop() => Stopped::Writers,
        closed = doors.are_closed() => {
            closed?;
            Stopped::Signal
        }
    };
    let by = Instant::now() + STOP_MAX;
    draining.cancel();
    let step = Cell::new("the connections");
    match tokio::time::timeout_at(by, ledger.stop(doors, &stop, &step)).await {
        Ok(ended) => ended?,
        // What is durable is so already.
        Err(_) => tracing::warn!("stopping at the deadline, before {} ended", step.get()),
    }
    let noted = async {
        while let Some(noted) = noting.join_next().await {
            noted.context("noting how a writer ended failed")??;
        }
        anyhow::Ok(())
    };
    // One that hangs has found no fork.
    if let Ok(noted) = tokio::time::timeout(NOTED_WITHIN, noted).await {
        noted?;
    }
    sending.end().await;
    tracing::info!("stopped");
    match cause {
        Stopped::Writers => why_stopped(&statuses),
        Stopped::Signal => Ok(()),
    }
}

/// Why the writers have stopped, each of which says why.
fn why_stopped(statuses: &[(Partition, watch::Receiver<WriterStatus>)]) -> anyhow::Result<()> {
    let stopped = statuses.iter().filter_map(|(partition, status)| match &*status.borrow() {
        WriterStatus::Stopped(why) => Some((*partition, why.to_string())),
        _ => None,
    });
    let stopped: Vec<(Partition, String)> = stopped.collect();
    match &*stopped {
        [] => Ok(()),
        [(_, why)] if statuses.len() == 1 => bail!("the writer has stopped: {why}"),
        all => {
            let each = all.iter().map(|(partition, why)| format!("partition {partition}: {why}"));
            bail!("the writers have stopped: {}", each.collect::<Vec<_>>().join("; "))
        }
    }
}

/// Why serving ended.
enum Stopped {
    /// A signal came.
    Signal,
    /// No writer can go on.
    Writers,
}
