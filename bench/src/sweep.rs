//! The size of the naive contender's pool: whichever is best here, found by trying.

use std::time::Duration;

use serde::Serialize;

use crate::contender::Contender;
use crate::load::{Load, load};
use crate::naive::{self, Way};
use crate::settings::Settings;
use crate::stage::Stage;
use crate::turn::Plan;

const SIZES: [usize; 5] = [8, 16, 32, 64, 128];

const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(2);

/// What came of each size.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sweep {
    pub(crate) contender: &'static str,
    /// Size and redemptions a second.
    pub(crate) rates: Vec<(usize, f64)>,
}

impl Sweep {
    pub(crate) async fn of(
        settings: &Settings,
        contender: &Contender,
        way: Way,
    ) -> anyhow::Result<Self> {
        let stage = Stage::new(&settings.folder(), contender)?;
        let postgres = stage.postgres(naive::DATABASE)?;
        naive::prepare(&postgres, contender.requests, settings.variety())?;
        let mut rates = vec![];
        for pool in SIZES {
            let process = naive::start(&postgres, way, pool)?;
            let plan = Plan { settings, contender, pool, rate: None };
            let short = Load {
                warm_up: WARM_UP,
                measured: MEASURED,
                ..plan.load(&process, Some(&postgres))
            };
            let loaded = load(&short).await?;
            rates.push((pool, loaded.tally.wanted as f64 / loaded.seconds));
            drop(process);
            naive::forget(&postgres)?;
        }
        Ok(Self { contender: contender.name, rates })
    }

    /// The best size.
    pub(crate) fn best(&self) -> usize {
        let best = self.rates.iter().max_by(|one, other| one.1.total_cmp(&other.1));
        best.map_or(SIZES[0], |(size, _)| *size)
    }
}
