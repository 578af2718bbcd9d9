//! `guerdon audit explain`: a story in plain sentences, each with the position of its event.

use ::audit::{ReplayOf, Then, sentence, story_of};
use clap::{Args, Subcommand};
use domain::{AccountId, ExchangeId, OfferId, Timestamp};
use event_store::Access;
use log_record::Place;
use serde::Serialize;
use wire::Moment;

use crate::data_config::DataConfig;
use crate::printing::Printing;

/// Whose story, and until when.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    #[command(subcommand)]
    whose: Whose,
    /// The last event, or a time. [default: the end of the log]
    #[arg(long, global = true, value_name = "POSITION|TIME")]
    until: Option<Moment>,
}

#[derive(Subcommand, Clone, Debug)]
enum Whose {
    /// The story of an account.
    Account {
        /// The account's id.
        id: AccountId,
    },
    /// The story of an exchange: what it cost, what was shipped and what came back.
    Exchange {
        /// The exchange's id.
        id: ExchangeId,
        /// Its account, where others have an exchange with this id, too, or where the log has
        /// several partitions.
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// The story of an offer, without what was redeemed.
    Offer {
        /// The offer's id.
        id: OfferId,
    },
}

/// An event and what it says.
#[derive(Serialize)]
struct Told {
    position: Place,
    recorded_at: Timestamp,
    r#type: Box<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<Box<str>>,
    sentence: String,
}

pub(crate) async fn run(
    data: &DataConfig,
    printing: Printing,
    args: ExplainArgs,
) -> anyhow::Result<()> {
    let ExplainArgs { whose, until } = args;
    let (of, what) = match whose {
        Whose::Account { id } => (ReplayOf::Account(id.clone()), format!("the account {id}")),
        Whose::Exchange { id, account: None } => {
            (ReplayOf::Exchange(None, id.clone()), format!("the exchange {id}"))
        }
        Whose::Exchange { id, account: Some(account) } => {
            let what = format!("the exchange {id} of {account}");
            (ReplayOf::Exchange(Some(account), id), what)
        }
        Whose::Offer { id } => (ReplayOf::Offer(id.clone()), format!("the offer {id}")),
    };
    let store = data.open(Access::Read).await?;
    printing.about(format_args!("reading {}; nothing is changed", data.store()));
    let then = Then::find(&store, of.partition(store.partitions())?, until).await?;
    let progress = printing.progress("events", Some(then.last.position.0));
    let story = story_of(&store, &of, then, |read| progress.inc(read)).await?;
    drop(progress);
    anyhow::ensure!(
        !story.is_empty(),
        "no event up to {} is about {what}; check the id",
        then.last
    );
    let told: Vec<Told> = story
        .into_iter()
        .map(|(row, event)| Told {
            position: row.place,
            recorded_at: Timestamp::from_micros(row.recorded_at).unwrap_or_default(),
            sentence: sentence(&event),
            r#type: row.event_type,
            account_id: row.account_id,
        })
        .collect();
    let is_of_several = matches!(of, ReplayOf::Exchange(None, _));
    if is_of_several {
        let header = ["position", "recorded at", "account", "what happened"];
        return printing.rows(header, &told, |told| {
            let account = told.account_id.as_deref().unwrap_or_default().to_owned();
            let [position, time, sentence] = cells(told);
            [position, time, account, sentence]
        });
    }
    printing.rows(["position", "recorded at", "what happened"], &told, cells)
}

fn cells(told: &Told) -> [String; 3] {
    [told.position.to_string(), told.recorded_at.to_string(), told.sentence.clone()]
}
