//! The warehouse's tables: parcels, what was taken already, gaps, and what is still to be said.

use std::path::Path;

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::message::{Incoming, Kind, Line};
use crate::options::Options;

/// How many answers are said at once.
const ANSWERS_MAX: u32 = 1000;

pub(crate) struct Database(Connection);

/// A transaction that takes messages.
pub(crate) struct Taking<'a>(Transaction<'a>);

/// Something that the ledger is to be told.
pub(crate) struct Answer {
    pub(crate) number: i64,
    pub(crate) shipping_request_id: String,
    pub(crate) body: String,
}

/// A parcel in hand.
struct Parcel {
    id: String,
    state: String,
    lines: Vec<Line>,
}

impl Database {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)
            .with_context(|| format!("the database {} can't be opened", path.display()))?;
        // A commit is on disk when it returns: offsets and answers rely on it.
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch(include_str!("../sql/schema.sql"))?;
        Ok(Self(connection))
    }

    pub(crate) fn begin(&mut self) -> anyhow::Result<Taking<'_>> {
        Ok(Taking(self.0.transaction()?))
    }

    /// Moves each parcel one step on its way. How many were moved.
    pub(crate) fn work(&mut self, options: &Options) -> anyhow::Result<usize> {
        let transaction = self.0.transaction()?;
        let mut moved = 0;
        for parcel in parcels_to_do(&transaction, options.packing)? {
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

    pub(crate) fn unsaid(&self) -> anyhow::Result<Vec<Answer>> {
        let mut statement = self.0.prepare_cached(include_str!("../sql/unsaid.sql"))?;
        let answers = statement.query_map([ANSWERS_MAX], |row| {
            Ok(Answer { number: row.get(0)?, shipping_request_id: row.get(1)?, body: row.get(2)? })
        })?;
        Ok(answers.collect::<Result<_, _>>()?)
    }

    pub(crate) fn mark_said(&mut self, first: i64, last: i64) -> anyhow::Result<()> {
        self.0.execute(include_str!("../sql/said.sql"), [first, last])?;
        Ok(())
    }
}

impl Taking<'_> {
    /// Takes a message, once.
    pub(crate) fn take(&self, message: &Incoming, options: &Options) -> anyhow::Result<()> {
        let is_new = self.run(include_str!("../sql/take.sql"), params![message.id])? > 0;
        if !is_new {
            println!("repeated    {}", message.id);
            return self.say_again(message);
        }
        self.follow_lane(message)?;
        match message.kind {
            Kind::Requested => self.request(message, options),
            Kind::Reduced | Kind::Cancelled => self.change(message),
        }
    }

    /// Sets a message aside that makes no sense; the others go on.
    pub(crate) fn set_aside(
        &self,
        (topic, partition): (&str, i32),
        position: i64,
        reason: &str,
    ) -> anyhow::Result<()> {
        eprintln!("unreadable  {topic}/{partition}@{position}: {reason}");
        let unreadable = include_str!("../sql/unreadable.sql");
        self.run(unreadable, params![topic, partition, position, reason])?;
        Ok(())
    }

    pub(crate) fn commit(self) -> anyhow::Result<()> {
        Ok(self.0.commit()?)
    }

    /// A sequence that isn't the next one opens a gap; one that was missed closes it. The lane goes
    /// on meanwhile: what is missing may be of another parcel, and a request comes again by itself.
    fn follow_lane(&self, message: &Incoming) -> anyhow::Result<()> {
        let (source, lane, sequence) = (&message.source, &message.lane, message.sequence);
        let mut asked = self.0.prepare_cached(include_str!("../sql/lane.sql"))?;
        let last = asked.query_row(params![source, lane], |row| row.get(0)).optional()?;
        let last: i64 = last.unwrap_or_default();
        if sequence <= last {
            return self.close_gap(message);
        }
        if sequence > last + 1 {
            self.open_gap(message, last + 1, sequence - 1)?;
            eprintln!("gap         in lane {lane}: {} to {} missing", last + 1, sequence - 1);
        }
        self.run(include_str!("../sql/move_lane.sql"), params![source, lane, sequence])?;
        Ok(())
    }

    fn open_gap(&self, message: &Incoming, first: i64, last: i64) -> anyhow::Result<()> {
        if first <= last {
            let gap = params![message.source, message.lane, first, last];
            self.run(include_str!("../sql/open_gap.sql"), gap)?;
        }
        Ok(())
    }

    fn close_gap(&self, message: &Incoming) -> anyhow::Result<()> {
        let (lane, sequence) = (&message.lane, message.sequence);
        let mut closing = self.0.prepare_cached(include_str!("../sql/close_gap.sql"))?;
        let closed = params![message.source, lane, sequence];
        let gap = closing.query_row(closed, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((first, last)) = gap else {
            eprintln!("two of one  in lane {lane}: {sequence} had come with another id");
            return Ok(());
        };
        eprintln!("gap         in lane {lane}: {sequence} has come after all");
        self.open_gap(message, first, sequence - 1)?;
        self.open_gap(message, sequence + 1, last)
    }

    fn request(&self, message: &Incoming, options: &Options) -> anyhow::Result<()> {
        let body = &message.body;
        let refused = body.lines.iter().find(|line| options.reject.contains(&line.product_id));
        let answer_is = if refused.is_some() { "rejected" } else { "accepted" };
        let wanted = message.is_over_as().unwrap_or(answer_is);
        let lines = serde_json::to_string(&body.lines)?;
        let mut requesting = self.0.prepare_cached(include_str!("../sql/request.sql"))?;
        let (id, to) = (&body.shipping_request_id, &body.deliver_to);
        let row = params![id, wanted, body.account_id, to, lines, message.sequence];
        let state: String = requesting.query_row(row, |row| row.get(0))?;
        self.set_attempt(message)?;
        if state != wanted {
            println!("{state:<11} {id} before it came");
            return Ok(());
        }
        if message.is_over_as().is_some() {
            println!("{wanted:<11} {id} before it was replayed");
            return Ok(());
        }
        let reason = refused.map(|line| format!("there is no {}", line.product_id));
        answer(&self.0, id, wanted, &json!({ "reason": reason }))
    }

    fn change(&self, message: &Incoming) -> anyhow::Result<()> {
        let body = &message.body;
        let (id, is_over) = (&body.shipping_request_id, message.is_nothing_left());
        let lines = serde_json::to_string(&body.lines)?;
        let row = params![id, is_over, body.account_id, lines, message.sequence];
        let is_changed = self.run(include_str!("../sql/change.sql"), row)? > 0;
        match (is_changed, is_over) {
            (true, true) => println!("cancelled   {id}"),
            (true, false) => println!("reduced     {id}"),
            (false, _) => eprintln!("too late    {id} has left, or was rejected"),
        }
        Ok(())
    }

    /// A repeat that was sent because the ledger hasn't heard is told everything again.
    fn say_again(&self, message: &Incoming) -> anyhow::Result<()> {
        let again = params![message.body.shipping_request_id, message.attempt];
        self.run(include_str!("../sql/say_again.sql"), again)?;
        self.set_attempt(message)
    }

    fn set_attempt(&self, message: &Incoming) -> anyhow::Result<()> {
        let attempt = params![message.body.shipping_request_id, message.attempt];
        self.run(include_str!("../sql/set_attempt.sql"), attempt)?;
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
        answer(
            transaction,
            &self.id,
            "back-ordered",
            &json!({ "reason": "it is on its way to us" }),
        )
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
        let mut moving = transaction.prepare_cached(include_str!("../sql/move.sql"))?;
        moving.execute(params![self.id, state, express_no.map(|_| CARRIER), express_no])?;
        Ok(())
    }
}

const CARRIER: &str = "parcel-post";

/// The carrier's number for a parcel: the same whenever it is asked for.
fn express_no(id: &str) -> String {
    let hash = Sha256::digest(id.as_bytes());
    let digits = hash.iter().take(6).map(|byte| format!("{byte:02X}"));
    format!("PP{}", digits.collect::<String>())
}

fn parcels_to_do(transaction: &Transaction<'_>, packing: u32) -> anyhow::Result<Vec<Parcel>> {
    let mut statement = transaction.prepare_cached(include_str!("../sql/to_do.sql"))?;
    let mut rows = statement.query([packing])?;
    let mut parcels = vec![];
    while let Some(row) = rows.next()? {
        let lines: String = row.get(2)?;
        let lines = serde_json::from_str(&lines)?;
        parcels.push(Parcel { id: row.get(0)?, state: row.get(1)?, lines });
    }
    Ok(parcels)
}

/// Notes what the ledger is to be told, in the transaction that makes it so.
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
    let mut answering = transaction.prepare_cached(include_str!("../sql/answer.sql"))?;
    answering.execute(params![id, body.to_string()])?;
    Ok(())
}
