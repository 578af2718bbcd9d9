//! The options about witnesses. Each field's text is the operator's manual.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use sealer::{Witness, Witnesses};

use crate::duration::some_time;
use crate::http_client::http_client;

/// Who signs the transparency log's checkpoints beside the ledger.
#[derive(Args, Clone, Debug)]
pub(crate) struct WitnessConfig {
    /// Witnesses who are asked to sign checkpoints of the transparency log, too, by C2SP's
    /// tlog-witness: NAME+ID+KEY=URL, separated by commas.
    #[arg(long, env = "GUERDON_WITNESSES", hide_env_values = true, value_delimiter = ',')]
    witnesses: Vec<Witness>,

    /// The number of witnesses whose signatures make a checkpoint a co-signed one. [default: more
    /// than half of them]
    #[arg(long, env = "GUERDON_WITNESS_QUORUM")]
    witness_quorum: Option<usize>,

    /// The time between two checkpoints that witnesses are asked to sign: 10s, 1min.
    #[arg(long, env = "GUERDON_WITNESS_EVERY", default_value = "10s", value_parser = some_time)]
    witness_every: Duration,
}

impl WitnessConfig {
    /// Checks what the options say together.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let Self { witnesses, witness_quorum, .. } = self;
        let count = witnesses.len();
        let keys = witnesses.iter().map(|witness| witness.key().public());
        anyhow::ensure!(
            keys.collect::<BTreeSet<_>>().len() == count,
            "--witnesses names a key twice: each witness needs its own"
        );
        if let Some(quorum) = witness_quorum {
            anyhow::ensure!(
                (1..=count).contains(quorum),
                "--witness-quorum {quorum}: --witnesses names {count}, so it must be from 1 to {count}"
            );
        }
        Ok(())
    }

    /// The witnesses, where there are any.
    pub(crate) fn witnesses(&self) -> anyhow::Result<Option<Witnesses>> {
        let Self { witnesses, witness_quorum, witness_every } = self;
        if witnesses.is_empty() {
            return Ok(None);
        }
        Ok(Some(Witnesses {
            needed: witness_quorum.unwrap_or(witnesses.len() / 2 + 1),
            witnesses: witnesses.clone(),
            every: *witness_every,
            client: http_client()?,
        }))
    }
}
