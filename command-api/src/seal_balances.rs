//! `PUT /v1/seals/{seal_id}`
//!
//! The tree over all balances takes seconds and a second state, so it is made elsewhere: whoever
//! starts the API gives it a function that does ([`SealTrees`]). The writer is asked twice: whether
//! the seal is there, and then to record what was made.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use domain::command::SealBalances;
use domain::{BalancesSealed, Command, Event, SealId, SealedBalances, SealedTrees, SealedUnit};
use futures_util::future::BoxFuture;
use log_record::{Partition, Place, hex};
use wire::body::{SealBalancesBody, SealBody, SealedTreesBody, SealedUnitBody, Sum};
use wire::{Caller, JsonBody, PathId, Problem};

use crate::refusal_problem::seal_not_made;
use crate::{CommandApi, execute::unexpected};

/// Makes the trees over all balances, of the log as it is then, and says what to commit to.
pub type SealTrees =
    Arc<dyn Fn() -> BoxFuture<'static, Result<SealedBalances, NoTrees>> + Send + Sync>;

/// Why there are no trees to commit to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTrees {
    /// They are being made, and are there when it is asked again after this time.
    NotYet(Duration),
    /// What hinders it is in the program's log already.
    Failed,
    /// This ledger has no folder for them.
    NotHere,
}

pub(crate) async fn seal_balances(
    State(api): State<CommandApi>,
    caller: Caller,
    PathId(seal_id): PathId<SealId>,
    JsonBody(SealBalancesBody {}): JsonBody<SealBalancesBody>,
) -> Result<Response, Problem> {
    let asked = SealBalances { seal_id: seal_id.clone(), sealed: None };
    let mut done = api.execute(Command::SealBalances(asked), caller.clone()).await?;
    if done.event.is_none() {
        let sealed = (api.seal_trees)().await.map_err(seal_not_made)?;
        let command = SealBalances { seal_id, sealed: Some(sealed) };
        done = api.execute(Command::SealBalances(command), caller).await?;
    }
    let Some(Event::BalancesSealed(fact)) = done.event.take() else {
        // The log was shorter than the one of which the trees were made.
        return Err(unexpected());
    };
    done.respond(&body(fact, done.place))
}

fn body(fact: BalancesSealed, position: Place) -> SealBody {
    let BalancesSealed { seal_id, sealed } = fact;
    let SealedBalances { home, further } = sealed;
    let SealedTreesBody { up_to, as_of, salts, units } = trees_body(position.partition, home);
    let further = (1..).map(Partition).zip(further);
    let further = further.map(|(partition, sealed)| trees_body(partition, sealed)).collect();
    SealBody { seal_id, up_to, as_of, salts, units, further, position }
}

fn trees_body(partition: Partition, sealed: SealedTrees) -> SealedTreesBody {
    let SealedTrees { up_to, as_of, salts, units } = sealed;
    SealedTreesBody {
        up_to: Place { partition, position: up_to },
        as_of,
        salts: hex(&salts.0),
        units: units.into_iter().map(unit_body).collect(),
    }
}

fn unit_body(sealed: SealedUnit) -> SealedUnitBody {
    let SealedUnit { unit, accounts, root, available, held, pending, owed } = sealed;
    // A sum over accounts is far below what 127 bits can hold.
    let sum = |amount: u128| Sum(i128::try_from(amount).unwrap_or(i128::MAX));
    SealedUnitBody {
        unit,
        accounts,
        root: hex(&root),
        available: sum(available),
        held: sum(held),
        pending: sum(pending),
        owed: sum(owed),
    }
}
