//! The table: medians over the rounds, and ratios within them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::Loaded;
use crate::{Settings, machine};

/// One contender's turn in one round.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) contender: &'static str,
    pub(crate) loaded: Loaded,
    pub(crate) visible: Option<Visible>,
    /// How many lots expired meanwhile, where some did.
    pub(crate) expired: Option<u64>,
}

/// When all that was accepted could be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visible {
    /// How long after the last answer.
    pub(crate) after: Duration,
}

#[expect(clippy::cast_precision_loss, reason = "figures of a report, with three digits")]
impl Turn {
    /// Requests answered 201, a second; on the whole way until they could be read.
    fn rate(&self) -> f64 {
        let late = self.visible.map_or(0.0, |visible| visible.after.as_secs_f64());
        self.accepted() as f64 / (self.loaded.seconds + late)
    }

    fn accepted(&self) -> u64 {
        self.loaded.answers.get(&201).copied().unwrap_or_default()
    }

    fn others(&self) -> u64 {
        self.loaded.answers.values().sum::<u64>() - self.accepted()
    }

    /// Processor seconds for a thousand requests.
    fn cpu(&self, hundredths: u64) -> f64 {
        hundredths as f64 / 100.0 / (self.accepted().max(1) as f64 / 1000.0)
    }
}

/// Prints the table, and writes it as JSON where that is wanted.
pub(crate) fn print(settings: &Settings, fsync: u64, turns: &[Turn]) -> anyhow::Result<()> {
    println!("{}", machine::describe());
    println!(
        "fdatasync of 4 KiB: {fsync} µs; {} connections, {} shoppers, {} offers, {} rounds of {} s\n",
        settings.connections, settings.shoppers, settings.offers, settings.rounds, settings.seconds
    );
    println!(
        "| contender | 201s a second | ÷ noop | p50 ms | p99 ms | not 201 | server CPU s / 1,000 | client CPU s / 1,000 | visible after, s | lots expired |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut rows = vec![];
    for contender in &settings.only {
        let own: Vec<&Turn> = turns.iter().filter(|turn| turn.contender == contender).collect();
        let row = row(contender, &own, turns);
        let text = |name: &str| row[name].as_f64().unwrap_or_default();
        println!(
            "| {contender} | {:.0} | {:.2} | {:.1} | {:.1} | {} | {:.4} | {:.4} | {:.2} | {:.0} |",
            text("rate"),
            text("ratio"),
            text("p50_ms"),
            text("p99_ms"),
            row["not_201"],
            text("server_cpu"),
            text("client_cpu"),
            text("visible_after"),
            text("expired")
        );
        rows.push(row);
    }
    if let Some(file) = &settings.json {
        let document = json!({
            "machine": machine::describe(), "fsync_micros": fsync, "rounds": settings.rounds,
            "seconds": settings.seconds, "connections": settings.connections, "contenders": rows,
        });
        std::fs::write(file, serde_json::to_string_pretty(&document)?)?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "figures of a report, with three digits")]
fn row(contender: &str, own: &[&Turn], all: &[Turn]) -> Value {
    let of = |figure: &dyn Fn(&Turn) -> f64| median(own.iter().map(|turn| figure(turn)).collect());
    let noop = all.iter().filter(|turn| turn.contender == "noop");
    let ratios = own.iter().zip(noop).map(|(turn, noop)| turn.rate() / noop.rate()).collect();
    json!({
        "contender": contender,
        "rate": of(&Turn::rate),
        "ratio": median(ratios),
        "p50_ms": of(&|turn| turn.loaded.latencies.quantile(500) as f64 / 1000.0),
        "p99_ms": of(&|turn| turn.loaded.latencies.quantile(990) as f64 / 1000.0),
        "not_201": own.iter().map(|turn| turn.others()).sum::<u64>(),
        "server_cpu": of(&|turn| turn.cpu(turn.loaded.server_cpu)),
        "client_cpu": of(&|turn| turn.cpu(turn.loaded.client_cpu)),
        "expired": of(&|turn| turn.expired.unwrap_or_default() as f64),
        "visible_after": of(&|turn| turn.visible.map_or(0.0, |visible| visible.after.as_secs_f64())),
    })
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
