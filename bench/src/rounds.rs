//! The rounds: in each, every contender has its turn, so that what changes about the machine
//! meanwhile changes for all of them.

use anyhow::Context as _;

use crate::catalogue::choose;
use crate::contender::{Contender, Pace, Server};
use crate::disk::Fsync;
use crate::machine::Machine;
use crate::report::Report;
use crate::results::Results;
use crate::settings::Settings;
use crate::sweep::Sweep;
use crate::turn::{Plan, Turn};

pub(crate) async fn play(settings: &Settings) -> anyhow::Result<Report<'_>> {
    let contenders = choose(&settings.only, settings.full)?;
    let folder = settings.folder();
    let mut sweeps = vec![];
    if settings.pool.is_none() {
        for contender in &contenders {
            let Server::Naive(way) = contender.server else { continue };
            if contender.pace != Pace::Closed {
                continue;
            }
            eprintln!("the best pool for {}", contender.name);
            let sweep = Sweep::of(settings, contender, way).await;
            sweeps.push(sweep.with_context(|| format!("{} can't be tried", contender.name))?);
        }
    }
    let (mut fsyncs, mut results) = (vec![], Results::default());
    for round in 1..=settings.rounds {
        fsyncs.push(Fsync::measure(&folder)?);
        for contender in &contenders {
            eprintln!("round {round} of {}: {}", settings.rounds, contender.name);
            let plan = Plan {
                settings,
                contender,
                pool: pool(settings, contender, &sweeps),
                rate: rate(contender, &results),
            };
            let turn = plan.take().await;
            let turn = turn.with_context(|| format!("{} can't be measured", contender.name))?;
            eprintln!("  {:.0} a second", turn.rate());
            results.add(turn);
        }
    }
    let machine = Machine::here(&folder);
    Ok(Report { settings, machine, fsyncs, contenders, sweeps, results })
}

fn pool(settings: &Settings, contender: &Contender, sweeps: &[Sweep]) -> usize {
    let name = match contender.pace {
        Pace::Closed | Pace::Fixed(_) => contender.name,
        Pace::HalfOf(name) => name,
    };
    let sweep = sweeps.iter().find(|sweep| sweep.contender == name);
    settings.pool.or(sweep.map(Sweep::best)).unwrap_or_default()
}

/// The contender's own, or half of what the other was found to do in this round.
fn rate(contender: &Contender, results: &Results) -> Option<f64> {
    match contender.pace {
        Pace::Closed => None,
        Pace::Fixed(rate) => Some(rate.into()),
        Pace::HalfOf(name) => results.of(name).last().map(Turn::rate).map(|rate| rate / 2.0),
    }
}
