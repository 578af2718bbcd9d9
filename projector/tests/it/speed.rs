//! How fast a rush of redemptions is projected. A measurement, so it is not run with the tests:
//! `cargo test --release -p projector --test it speed -- --ignored --nocapture --test-threads 1`.

use std::time::Instant;

use domain::{Event, OfferOpened, Page};

use testing::ledger::{Ledger, On, earned, id, log_opened, redemption, terms};

const SHOPPERS: u64 = REDEMPTIONS;
const REDEMPTIONS: u64 = 200_000;

/// So many events as a rush leaves while a batch is written, and all that can be read at once.
const BATCHES: [u64; 2] = [2_000, 16_384];

mod measured {
    use testing::ledger::On;

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "it measures"]
    async fn redemptions_on_sqlite() {
        super::redemptions(On::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    #[ignore = "it measures"]
    async fn redemptions_on_postgres() {
        super::redemptions(On::Postgres).await;
    }
}

async fn redemptions(on: On) {
    for batch in BATCHES {
        let ledger = Ledger::new(1, on).await;
        let endless = OfferOpened {
            offer_id: id("mug"),
            terms: terms(100),
            page: Page::default(),
            stock: None,
        };
        let mut opening = vec![log_opened(1), Event::OfferOpened(endless)];
        opening.extend((0..SHOPPERS).map(|shopper| earned(&format!("shopper-{shopper}"))));
        ledger.record(&opening).await;
        let mut projector = ledger.projector().await.expect("it opens");
        projector.catch_up().await.expect("projected");
        let mut spent = std::time::Duration::ZERO;
        for first in (0..REDEMPTIONS).step_by(usize::try_from(batch / 2).expect("small")) {
            let events: Vec<Event> = (first..(first + batch / 2).min(REDEMPTIONS))
                .flat_map(|number| {
                    // Spread, so that no two in a row have the same account.
                    let shopper = number * 7919 % SHOPPERS;
                    let account = format!("shopper-{shopper}");
                    redemption(&account, &format!("x-{number}"), shopper + 3)
                })
                .collect();
            ledger.record(&events).await;
            let begun = Instant::now();
            projector.catch_up().await.expect("projected");
            spent += begun.elapsed();
        }
        let rate = f64::from(u32::try_from(REDEMPTIONS).expect("small")) / spent.as_secs_f64();
        println!("{on:?}, {batch} events a batch: {rate:.0} redemptions/s");
    }
}
