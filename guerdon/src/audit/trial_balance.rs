//! `guerdon audit trial-balance`: what the log adds up to at a moment, of each unit.

use std::fmt::{Display, Formatter};

use anyhow::Context as _;
use audit::{MomentError, TrialLine, add_up, add_up_together, ends_at, trial_balance, trial_lines};
use clap::Args;
use event_store::Access;
use log_record::Place;
use serde::Serialize;
use wire::Moment;
use wire::body::{Sum, TrialBalanceBody, UnitTrialBalanceBody};

use crate::data_config::DataConfig;
use crate::exit::FoundWrong;
use crate::printing::{Printing, table};

/// At which moment, and in which form.
#[derive(Args, Clone, Debug)]
pub(crate) struct TrialBalanceArgs {
    /// The last event, such as 0:4711, or a time, such as 2026-11-30T08:00:00Z; with several
    /// partitions, a time. [default: the end of the log]
    #[arg(long, value_name = "POSITION|TIME")]
    at: Option<Moment>,

    /// Print comma-separated values, a line for each sum.
    #[arg(long)]
    csv: bool,
}

/// A trial balance as people read it.
#[derive(Serialize)]
#[serde(transparent)]
struct Shown(TrialBalanceBody);

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: TrialBalanceArgs,
) -> anyhow::Result<()> {
    let TrialBalanceArgs { at, csv } = args;
    anyhow::ensure!(!(csv && printing.is_json()), "name one form: --csv or --output json");
    let store = data.open(Access::Read).await?;
    printing.about(format_args!("adding up {}; nothing is changed", data.store()));
    let ends = match (ends_at(&store, at).await, at) {
        (Ok(ends), _) => ends,
        (Err(MomentError::Read(error)), _) => return Err(error).context("the log can't be read"),
        (Err(error), Some(at)) => anyhow::bail!("--at {at} {error}"),
        (Err(error), None) => return Err(error.into()),
    };
    let all = ends.iter().map(|end| end.position.0).sum();
    let progress = printing.progress("events", Some(all));
    let up_to = async |end: Place, begun| {
        let added = add_up(&store, begun, end, None, |more| progress.inc(more)).await;
        let added = added.context("the log can't be added up")?;
        anyhow::ensure!(added.position() == end.position, "the log ends before {end}");
        Ok(added)
    };
    let books = add_up_together(store.partitions(), ends, up_to).await?;
    drop(progress);
    let body = trial_balance(&books);
    let differing = body.units.iter().filter(|unit| unit.difference != Sum(0));
    let differing: Vec<String> = differing.map(|unit| unit.unit.to_string()).collect();
    if csv {
        print_csv(&trial_lines(&body));
    } else {
        printing.one(&Shown(body))?;
    }
    if differing.is_empty() {
        return Ok(());
    }
    let units = differing.join(", ");
    Err(FoundWrong(format!("the log contradicts itself: the sums of {units} don't balance")).into())
}

fn print_csv(lines: &[TrialLine]) {
    for line in TrialLine::csv(lines).lines() {
        println!("{line}");
    }
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self(TrialBalanceBody { position, recorded_at, units }) = self;
        write!(f, "after {position}")?;
        if let Some(recorded_at) = recorded_at {
            write!(f, ", recorded at {recorded_at}")?;
        }
        for unit in units {
            write!(f, "\n\n{}", unit_table(unit))?;
        }
        Ok(())
    }
}

/// What came in beside where it went, and then what expires when.
fn unit_table(unit: &UnitTrialBalanceBody) -> String {
    let came = [
        ("issued", unit.issued),
        ("refunded", unit.refunded),
        ("converted in", unit.converted_in),
        ("debt", unit.debt),
    ];
    let went = [
        ("available", unit.available),
        ("held", unit.held),
        ("pending", unit.pending),
        ("in transit", unit.in_transit),
        ("redeemed", unit.redeemed),
        ("expired", unit.expired),
        ("withdrawn", unit.withdrawn),
        ("converted out", unit.converted_out),
    ];
    let came = came.map(|(name, Sum(points))| [name.to_owned(), points.to_string(), String::new()]);
    let went = went.map(|(name, Sum(points))| [name.to_owned(), String::new(), points.to_string()]);
    let sums = ["sum".to_owned(), unit.sum_in.0.to_string(), unit.sum_out.0.to_string()];
    let difference = unit.difference.0;
    let last =
        (difference != 0).then(|| ["difference".to_owned(), difference.to_string(), String::new()]);
    let rows = came.into_iter().chain(went).chain([sums]).chain(last);
    let balance = table([unit.unit.to_string().as_str(), "in", "out"], rows);
    if unit.liability.months.is_empty() {
        return balance;
    }
    let months = unit.liability.months.iter();
    let months = months.map(|month| [month.month.clone(), month.points.0.to_string()]);
    let total = ["total".to_owned(), unit.liability.total.0.to_string()];
    let liability = table(["expires in", "points"], months.chain([total]));
    format!("{balance}\n\n{liability}")
}
