//! The switches of this process: looked at before anything starts, and then each second.

use command_api::SwitchBook;
use event_store::EventStore;
use tokio_util::sync::CancellationToken;
use wire::Switches;

/// What operators have turned on, by the log's store, as it is kept up until `stop`; and the book
/// that keeps it up. It waits until the switches can be read.
pub(super) async fn start(store: &EventStore, stop: &CancellationToken) -> (Switches, SwitchBook) {
    let switches = Switches::default();
    let book = SwitchBook::new(store.clone(), switches.clone());
    book.look_first().await;
    tokio::spawn(stop.clone().run_until_cancelled_owned(book.clone().keep_up()));
    (switches, book)
}
