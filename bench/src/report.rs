//! What is printed, as Markdown, and written, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::disk::{Fsync, SLOWER_BY_MS};
use crate::machine::Machine;
use crate::messages::Messages;
use crate::results::{Medians, Results, median};
use crate::settings::Settings;
use crate::stage::POSTGRES_SETTINGS;
use crate::sweep::Sweep;
use crate::target::TARGETS;
use crate::turn::{Turn, Visible};

/// All that was found out.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) machine: Machine,
    /// Before each round.
    pub(crate) fsyncs: Vec<Fsync>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) sweeps: Vec<Sweep>,
    pub(crate) results: Results,
}

impl Report<'_> {
    pub(crate) fn markdown(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        self.write_conditions(&mut text)?;
        self.write_contenders(&mut text)?;
        self.write_senders(&mut text)?;
        self.write_published(&mut text)?;
        self.write_messages(&mut text)?;
        self.write_lag(&mut text)?;
        self.write_sweeps(&mut text)?;
        self.write_targets(&mut text)?;
        Ok(text)
    }

    pub(crate) fn json(&self) -> Value {
        let targets = TARGETS.iter().map(|target| {
            let measured = target.measured(&self.results);
            let is_reached = measured.map(|measured| target.is_reached(measured));
            json!({"target": target, "measured": measured, "is_reached": is_reached})
        });
        let visible = |contender: &Contender| {
            let turns = self.results.of(contender.name).filter_map(|turn| turn.visible.clone());
            turns.collect::<Vec<_>>()
        };
        let visible =
            self.contenders.iter().filter(|contender| contender.is_until_visible()).map(
                |contender| json!({"contender": contender.name, "rounds": visible(contender)}),
            );
        let published = self.contenders.iter().filter(|c| c.is_followed()).map(|contender| {
            let within = |per_mille| self.results.published_millis(contender.name, per_mille);
            let [p50, p99, most] = [500, 990, 1000].map(within);
            json!({"contender": contender.name, "p50_ms": p50, "p99_ms": p99, "most_ms": most})
        });
        json!({
            "machine": self.machine,
            "fsync": self.fsyncs,
            "postgres_settings": POSTGRES_SETTINGS,
            "slow_disk_ms": SLOWER_BY_MS,
            "rounds": self.settings.rounds,
            "connections": self.settings.connections,
            "shoppers": self.settings.shoppers,
            "offers": self.settings.offers,
            "contenders": self.medians().collect::<Vec<_>>(),
            "whole_way": visible.collect::<Vec<_>>(),
            "published": published.collect::<Vec<_>>(),
            "pools": self.sweeps,
            "targets": targets.collect::<Vec<_>>(),
        })
    }

    fn medians(&self) -> impl Iterator<Item = Medians> {
        self.contenders
            .iter()
            .map(|contender| self.results.medians(contender.name, contender.naive()))
    }

    fn write_conditions(&self, text: &mut String) -> anyhow::Result<()> {
        let Settings { rounds, connections, shoppers, offers, .. } = self.settings;
        writeln!(text, "{}", self.machine)?;
        let fsyncs = self
            .fsyncs
            .iter()
            .map(|fsync| format!("{} µs (p99 {} µs)", fsync.median_micros, fsync.p99_micros));
        let fsyncs = fsyncs.collect::<Vec<_>>().join(", ");
        writeln!(text, "fdatasync of 4 KiB, before each round: {fsyncs}  ")?;
        let settings = POSTGRES_SETTINGS.join(", ");
        writeln!(
            text,
            "PostgreSQL as it comes (fsync and synchronous_commit on), with {settings}  "
        )?;
        writeln!(
            text,
            "{rounds} rounds, {connections} connections, {shoppers} shoppers, {offers} offers; \
             the client shares the cores with the server\n"
        )?;
        Ok(())
    }

    fn write_contenders(&self, text: &mut String) -> anyhow::Result<()> {
        let columns = [
            "contender",
            "a second",
            "÷ noop",
            "by CPU",
            "÷ naive",
            "p50 ms",
            "p99 ms",
            "errors",
            "server CPU s / 1,000",
            "PostgreSQL's part",
            "client CPU s / 1,000",
        ];
        head(text, &columns)?;
        for row in self.medians().filter(|row| !self.is_sender(row.contender)) {
            writeln!(
                text,
                "| {} | {:.0} | {} | {} | {} | {:.2} | {:.2} | {} | {:.4} | {:.4} | {:.4} |",
                row.contender,
                row.rate,
                or_dash(row.per_noop, 2),
                or_dash(row.per_noop_by_cpu, 2),
                or_dash(row.per_naive, 2),
                row.p50_ms,
                row.p99_ms,
                row.errors,
                row.server_cpu,
                row.postgres_cpu,
                row.client_cpu
            )?;
        }
        if let Some(noop) = self.medians().find(|row| row.contender == "noop") {
            let share = 100.0 * noop.client_cpu / (noop.client_cpu + noop.server_cpu);
            writeln!(text, "\nBeside noop the client took {share:.0} % of the processor time.")?;
        }
        for row in self.medians() {
            if let Some(expired) = row.expired {
                writeln!(text, "\n{}: {expired:.0} lots expired meanwhile.", row.contender)?;
            }
        }
        writeln!(text)?;
        Ok(())
    }

    fn is_sender(&self, name: &str) -> bool {
        self.contenders.iter().any(|contender| contender.name == name && contender.is_sender())
    }

    fn write_senders(&self, text: &mut String) -> anyhow::Result<()> {
        let mut senders = self.contenders.iter().filter(|c| c.is_sender()).peekable();
        if senders.peek().is_none() {
            return Ok(());
        }
        let columns = [
            "messages to a Kafka",
            "a second",
            "÷ kafka-bare",
            "CPU s / 1,000",
            "broker's CPU s / 1,000",
        ];
        head(text, &columns)?;
        for contender in senders {
            let name = contender.name;
            let row = self.results.medians(name, None);
            let per_bare = self.results.ratio(name, "kafka-bare");
            let of_broker = |turn: &Turn| turn.per_thousand(turn.broker_cpu.unwrap_or_default());
            let broker = self.results.median(name, of_broker);
            writeln!(
                text,
                "| {name} | {:.0} | {} | {:.4} | {} |",
                row.rate,
                or_dash(per_bare, 2),
                row.server_cpu,
                or_dash(broker, 4)
            )?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn write_published(&self, text: &mut String) -> anyhow::Result<()> {
        let mut followed = self.contenders.iter().filter(|c| c.is_followed()).peekable();
        if followed.peek().is_none() {
            return Ok(());
        }
        head(text, &["from the answer to the message", "p50 ms", "p99 ms", "at most ms"])?;
        for contender in followed {
            let within =
                |per_mille| or_dash(self.results.published_millis(contender.name, per_mille), 2);
            let [half, most, all] = [500, 990, 1000].map(within);
            writeln!(text, "| {} | {half} | {most} | {all} |", contender.name)?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn write_messages(&self, text: &mut String) -> anyhow::Result<()> {
        let mut several = self.contenders.iter().filter(|c| c.partitions > 1).peekable();
        if several.peek().is_none() {
            return Ok(());
        }
        head(text, &["between 8 partitions", "messages for each accepted", "grants among them"])?;
        for contender in several {
            let of = |figure: fn(&Messages) -> u64| {
                let per_accepted =
                    |turn: &Turn| turn.per_accepted(turn.messages.as_ref().map_or(0, figure));
                or_dash(self.results.median(contender.name, per_accepted), 4)
            };
            let (sent, granted) = (of(|messages| messages.sent), of(|messages| messages.granted));
            writeln!(text, "| {} | {sent} | {granted} |", contender.name)?;
        }
        writeln!(text)?;
        Ok(())
    }

    /// Medians over the rounds of each round's longest and last.
    fn write_lag(&self, text: &mut String) -> anyhow::Result<()> {
        let mut whole = self.contenders.iter().filter(|c| c.is_until_visible()).peekable();
        if whole.peek().is_none() {
            return Ok(());
        }
        let columns = [
            "behind what was accepted",
            "at most, events",
            "at most, s",
            "at the end, events",
            "at the end, s",
            "all visible after, s",
            "written for a redemption, KB",
        ];
        head(text, &columns)?;
        for contender in whole {
            let of = |figure: &dyn Fn(&Visible) -> f64| {
                let turns = self.results.of(contender.name);
                let figures = turns.filter_map(|turn| turn.visible.as_ref()).map(figure).collect();
                median(figures).unwrap_or_default()
            };
            writeln!(
                text,
                "| {} | {:.0} | {:.2} | {:.0} | {:.2} | {:.2} | {:.2} |",
                contender.name,
                of(&Visible::most_events),
                of(&Visible::most_seconds),
                of(&|visible| visible.lag.last().map_or(0.0, |last| last.behind_events() as f64)),
                of(&|visible| visible.lag.last().map_or(0.0, |last| last.behind_seconds)),
                of(&|visible| visible.after.as_secs_f64()),
                // A redemption is two events.
                of(&|visible| 2.0 * visible.written / 1000.0)
            )?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn write_sweeps(&self, text: &mut String) -> anyhow::Result<()> {
        if let Some(pool) = self.settings.pool {
            writeln!(text, "The naive contender's pool has {pool} connections.\n")?;
        }
        for (index, sweep) in self.sweeps.iter().enumerate() {
            let sizes: Vec<_> = sweep.rates.iter().map(|(size, _)| size.to_string()).collect();
            if index == 0 {
                let first = ["redemptions a second with a pool of"].into_iter();
                let columns: Vec<_> = first.chain(sizes.iter().map(String::as_str)).collect();
                head(text, &columns)?;
            }
            let rates: Vec<_> = sweep.rates.iter().map(|(_, rate)| format!("{rate:.0}")).collect();
            writeln!(text, "| {} | {} |", sweep.contender, rates.join(" | "))?;
        }
        writeln!(text)?;
        Ok(())
    }

    fn write_targets(&self, text: &mut String) -> anyhow::Result<()> {
        head(text, &["target", "wanted", "measured", ""])?;
        for target in &TARGETS {
            let measured = target.measured(&self.results);
            let verdict = match measured.map(|measured| target.is_reached(measured)) {
                Some(true) => "reached",
                Some(false) => "**missed**",
                None => "not measured",
            };
            let (what, wanted) = (target.what(), target.wanted());
            writeln!(text, "| {what} | {wanted} | {} | {verdict} |", or_dash(measured, 2))?;
        }
        Ok(())
    }
}

fn head(text: &mut String, columns: &[&str]) -> anyhow::Result<()> {
    writeln!(text, "| {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len()))?;
    Ok(())
}

fn or_dash(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "–".into(), |figure| format!("{figure:.digits$}"))
}
