//! The switches of this process: looked at before anything starts, and then each second.

use command_api::SwitchBook;
use event_store::EventStore;
use tokio_util::sync::CancellationToken;
use wire::Switches;

/// What operators have turned on, by the log's store, as it is kept up until `stop`.
pub(super) async fn start(store: &EventStore, stop: &CancellationToken) -> Switches {
    let switches = Switches::default();
    let book = SwitchBook::new(store.clone(), switches.clone());
    book.look().await;
    tokio::spawn(stop.clone().run_until_cancelled_owned(book.keep_up()));
    switches
}
