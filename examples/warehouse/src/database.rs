//! The warehouse's tables: parcels, processed messages, gaps, and answers.

use std::path::Path;

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::message::{Incoming, Kind, Line};
use crate::options::Options;

/// How many answers are sent at once.
const ANSWERS_MAX: u32 = 1000;

pub(crate) struct Database(Connection);

/// A transaction that processes messages.
pub(crate) struct Processing<'a>(Transaction<'a>);

/// An answer to the ledger.
pub(crate) struct Answer {
    pub(crate) number: i64,
    pub(crate) shipping_request_id: String,
    pub(crate) body: String,
}

/// A parcel that is not delivered yet.
struct Parcel {
    id: String,
    state: String,
    lines: Vec<Line>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)
            .with_context(|| format!("can't open the database {}", path.display()))?;
        // A commit must be on disk when it returns: offsets and answers depend on it.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch(include_str!("../sql/schema.sql"))?;
        Ok(Self(connection))
    }

    pub(crate) fn begin(&mut self) -> anyhow::Result<Processing<'_>> {
        Ok(Processing(self.0.transaction()?))
    }

    /// Moves each parcel to its next state. Returns the number of parcels that moved.
    pub(crate) fn work(&mut self, options: &Options) -> anyhow::Result<usize> {
        let transaction = self.0.transaction()?;
        let mut moved = 0;
        for parcel in parcels_to_process(&transaction, options.packing)? {
            let waits = parcel.has_any_of(&options.back_order);
            match (parcel.state.as_str(), waits) {
                ("back-ordered", true) => continue,
                ("accepted", true) => parcel.back_order(&transaction)?,
                ("accepted" | "back-ordered", false) => parcel.dispatch(&transaction)?,
                _ => parcel.deliver(&transaction)?,
            }
            moved += 1;
        }
        transaction.commit()?;
        Ok(moved)
    }

    pub(crate) fn unsent(&self) -> anyhow::Result<Vec<Answer>> {
        let mut statement =
            self.0.prepare_cached(include_str!("../sql/select_unsent_answers.sql"))?;
        let answers = statement.query_map([ANSWERS_MAX], |row| {
            Ok(Answer { number: row.get(0)?, shipping_request_id: row.get(1)?, body: row.get(2)? })
        })?;
        Ok(answers.collect::<Result<_, _>>()?)
    }

    pub(crate) fn mark_sent(&mut self, first: i64, last: i64) -> anyhow::Result<()> {
        self.0.execute(include_str!("../sql/mark_answers_sent.sql"), [first, last])?;
        Ok(())
    }
}

impl Processing<'_> {
    /// Processes a message, unless it was processed before.
    pub(crate) fn process(&self, message: &Incoming, options: &Options) -> anyhow::Result<()> {
        self.follow_lane(message)?;
        let is_new =
            self.run(include_str!("../sql/insert_processed_message.sql"), params![message.id])? > 0;
        if !is_new {
            println!("repeated    {}", message.id);
            return self.send_again(message);
        }
        match message.kind {
            Kind::Requested => self.request(message, options),
            Kind::Reduced | Kind::Cancelled => self.change(message),
        }
    }

    /// Sets a message aside that can't be read; the others go on.
    pub(crate) fn set_aside(
        &self,
        topic: &str,
        partition: i32,
        position: i64,
        reason: &str,
    ) -> anyhow::Result<()> {
        eprintln!("unreadable  {topic}/{partition}@{position}: {reason}");
        let unreadable = include_str!("../sql/insert_unreadable.sql");
        self.run(unreadable, params![topic, partition, position, reason])?;
        Ok(())
    }

    pub(crate) fn commit(self) -> anyhow::Result<()> {
        Ok(self.0.commit()?)
    }

    /// A sequence that isn't the next one opens a gap; a missing one closes it. The lane goes on
    /// meanwhile: the missing message may be about another parcel, and a request comes again.
    fn follow_lane(&self, message: &Incoming) -> anyhow::Result<()> {
        let (source, lane, sequence) = (&message.source, &message.lane, message.sequence);
        let mut asked = self.0.prepare_cached(include_str!("../sql/select_lane_sequence.sql"))?;
        let last = asked.query_row(params![source, lane], |row| row.get(0)).optional()?;
        let last: i64 = last.unwrap_or_default();
        if sequence <= last {
            return self.close_gap(message);
        }
        if sequence > last + 1 {
            self.open_gap(message, last + 1, sequence - 1)?;
            eprintln!("gap         in lane {lane}: {} to {} missing", last + 1, sequence - 1);
        }
        self.run(include_str!("../sql/upsert_lane.sql"), params![source, lane, sequence])?;
        Ok(())
    }

    fn open_gap(&self, message: &Incoming, first: i64, last: i64) -> anyhow::Result<()> {
        if first <= last {
            let gap = params![message.source, message.lane, first, last];
            self.run(include_str!("../sql/insert_gap.sql"), gap)?;
        }
        Ok(())
    }

    fn close_gap(&self, message: &Incoming) -> anyhow::Result<()> {
        let (lane, sequence) = (&message.lane, message.sequence);
        let mut closing = self.0.prepare_cached(include_str!("../sql/delete_gap.sql"))?;
        let closed = params![message.source, lane, sequence];
        let gap = closing.query_row(closed, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((first, last)) = gap else {
            eprintln!("duplicate   in lane {lane}: {sequence} came before with another id");
            return Ok(());
        };
        eprintln!("gap         in lane {lane}: {sequence} came late");
        self.open_gap(message, first, sequence - 1)?;
        self.open_gap(message, sequence + 1, last)
    }

    fn request(&self, message: &Incoming, options: &Options) -> anyhow::Result<()> {
        let body = &message.body;
        let refused = body.lines.iter().find(|line| options.reject.contains(&line.product_id));
        let outcome = if refused.is_some() { "rejected" } else { "accepted" };
        let wanted = message.final_state().unwrap_or(outcome);
        let lines = serde_json::to_string(&body.lines)?;
        let mut requesting = self.0.prepare_cached(include_str!("../sql/upsert_parcel.sql"))?;
        let (id, to) = (&body.shipping_request_id, &body.deliver_to);
        let row = params![id, wanted, body.account_id, to, lines, message.sequence];
        let state: String = requesting.query_row(row, |row| row.get(0))?;
        self.set_attempt(message)?;
        if state != wanted {
            println!("{state:<11} {id} before its request came");
            return Ok(());
        }
        if message.final_state().is_some() {
            println!("{wanted:<11} {id} when it was replayed");
            return Ok(());
        }
        let reason = refused.map(|line| format!("we don't stock {}", line.product_id));
        answer(&self.0, id, wanted, &json!({ "reason": reason }))
    }

    fn change(&self, message: &Incoming) -> anyhow::Result<()> {
        let body = &message.body;
        // Its request says so, too.
        if message.final_state().is_some() {
            return Ok(());
        }
        let (id, is_over) = (&body.shipping_request_id, message.is_nothing_left());
        let lines = serde_json::to_string(&body.lines)?;
        let row = params![id, is_over, body.account_id, lines, message.sequence];
        let is_changed = self.run(include_str!("../sql/change_parcel.sql"), row)? > 0;
        match (is_changed, is_over) {
            (true, true) => println!("cancelled   {id}"),
            (true, false) => println!("reduced     {id}"),
            (false, _) => eprintln!("too late    {id} has left, or was rejected"),
        }
        Ok(())
    }

    /// Sends all answers again if the repeat has a higher attempt: the ledger did not receive them.
    fn send_again(&self, message: &Incoming) -> anyhow::Result<()> {
        let again = params![message.body.shipping_request_id, message.attempt];
        self.run(include_str!("../sql/mark_answers_unsent.sql"), again)?;
        self.set_attempt(message)
    }

    fn set_attempt(&self, message: &Incoming) -> anyhow::Result<()> {
        let attempt = params![message.body.shipping_request_id, message.attempt];
        self.run(include_str!("../sql/update_attempt.sql"), attempt)?;
        Ok(())
    }

    fn run(&self, sql: &str, params: impl rusqlite::Params) -> anyhow::Result<usize> {
        Ok(self.0.prepare_cached(sql)?.execute(params)?)
    }
}

impl Parcel {
    fn has_any_of(&self, products: &[String]) -> bool {
        self.lines.iter().any(|line| line.quantity > 0 && products.contains(&line.product_id))
    }

    fn back_order(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        self.move_to(transaction, "back-ordered", None)?;
        answer(transaction, &self.id, "back-ordered", &json!({ "reason": "it is out of stock" }))
    }

    fn dispatch(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        let express_no = express_no(&self.id);
        self.move_to(transaction, "dispatched", Some(&express_no))?;
        let sent = json!({ "carrier": CARRIER, "express_no": express_no });
        answer(transaction, &self.id, "dispatched", &sent)
    }

    fn deliver(&self, transaction: &Transaction<'_>) -> anyhow::Result<()> {
        self.move_to(transaction, "delivered", None)?;
        answer(transaction, &self.id, "delivered", &json!({}))
    }

    fn move_to(
        &self,
        transaction: &Transaction<'_>,
        state: &str,
        express_no: Option<&str>,
    ) -> anyhow::Result<()> {
        let mut moving =
            transaction.prepare_cached(include_str!("../sql/update_parcel_state.sql"))?;
        moving.execute(params![self.id, state, express_no.map(|_| CARRIER), express_no])?;
        Ok(())
    }
}

const CARRIER: &str = "parcel-post";

/// The carrier's number of a parcel. A parcel always has the same.
fn express_no(id: &str) -> String {
    let hash = Sha256::digest(id.as_bytes());
    let digits = hash.iter().take(6).map(|byte| format!("{byte:02X}"));
    format!("PP{}", digits.collect::<String>())
}

fn parcels_to_process(transaction: &Transaction<'_>, packing: u32) -> anyhow::Result<Vec<Parcel>> {
    let mut statement =
        transaction.prepare_cached(include_str!("../sql/select_parcels_to_process.sql"))?;
    let mut rows = statement.query([packing])?;
    let mut parcels = vec![];
    while let Some(row) = rows.next()? {
        let lines: String = row.get(2)?;
        let lines = serde_json::from_str(&lines)?;
        parcels.push(Parcel { id: row.get(0)?, state: row.get(1)?, lines });
    }
    Ok(parcels)
}

/// Stores an answer in the transaction that changes the parcel.
fn answer(
    transaction: &Transaction<'_>,
    id: &str,
    event: &str,
    facts: &serde_json::Value,
) -> anyhow::Result<()> {
    println!("{event:<11} {id}");
    let mut body = json!({ "shipping_request_id": id, "event": event });
    if let (Some(body), Some(facts)) = (body.as_object_mut(), facts.as_object()) {
        body.extend(facts.clone());
    }
    let mut answering = transaction.prepare_cached(include_str!("../sql/insert_answer.sql"))?;
    answering.execute(params![id, body.to_string()])?;
    Ok(())
}
