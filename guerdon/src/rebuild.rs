//! `guerdon rebuild`: rebuilds the read model from the log alone. The ledger may be running.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use clap::Args;
use event_store::Access;
use projector::ProjectionStatus;
use serde::Serialize;
use tokio::sync::watch;

use crate::data_config::DataConfig;
use crate::printing::Printing;
use crate::progress::Progress;

/// How often it is looked how far the new tables are.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The log, and the read model to make of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,
}

#[derive(Serialize)]
struct Rebuilt {
    /// Where it is, without its password.
    read_model: String,
    /// The events that it was made of.
    events: u64,
}

impl Display for Rebuilt {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "rebuilt the read model {}", self.read_model)
    }
}

pub(crate) async fn rebuild(args: RebuildArgs) -> anyhow::Result<()> {
    let RebuildArgs { data, printing } = args;
    let url = data.read_model();
    printing.about(format_args!(
        "rebuilding the read model {url} from {}; reads use the present one until the new one is \
         complete",
        data.store()
    ));
    let store = data.open(Access::Read).await?;
    let events = store.heads().await?.iter().map(|(_, head)| head.position.0).sum();
    let progress = printing.progress("events", Some(events));
    let mut watching = None;
    let rebuilt = projector::rebuild_watched(&url, &store, |statuses| {
        watching = Some(tokio::spawn(watch(statuses, progress)));
    });
    let rebuilt = rebuilt.await;
    if let Some(watching) = watching {
        watching.abort();
    }
    rebuilt?;
    printing.one(&Rebuilt { read_model: url.to_string(), events })
}

/// Tells again and again how far the partitions are together.
async fn watch(statuses: Vec<watch::Receiver<ProjectionStatus>>, progress: Progress) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let positions = statuses.iter().map(|status| status.borrow().position.0);
        progress.set(positions.sum());
    }
}
