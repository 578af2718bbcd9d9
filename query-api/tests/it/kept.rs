//! What tests of reads that are kept in memory begin with.

use domain::{Clock, Event, LogOpened, OfferOpened, Page, Terms};
use query_api::keep_warm;
use testing::ledger::{id, units};
use testing::life::DAY;
use tokio::sync::oneshot;

use crate::asks::Reads;

pub(crate) fn beginning(clock: Clock) -> Vec<(i64, Event)> {
    let opened = LogOpened { log_id: "log".into(), partitions: 1, clock };
    vec![(DAY, Event::LogOpened(opened))]
}

pub(crate) fn opened(offer: &str, terms: Terms) -> (i64, Event) {
    let (page, stock) = (Page::default(), Some(units(100)));
    (DAY, Event::OfferOpened(OfferOpened { offer_id: id(offer), terms, page, stock }))
}

/// What is read before anybody asks is read once.
pub(crate) async fn warm(reads: &Reads) {
    let (tell, told) = oneshot::channel();
    let warming = tokio::spawn(keep_warm(reads.api.clone(), tell));
    told.await.expect("it is warm");
    warming.abort();
}
