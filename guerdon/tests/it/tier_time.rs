//! Tiers and the calendar, over HTTP, on a ledger that takes its time from the commands: leap days,
//! the ends of months and years to the microsecond in the unit's time zone, what is told late, and
//! accounts that nobody touches for years. What a rebuild finds is the same.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::ledger::tool::{guerdon, succeeds};
use crate::ledger::{Api, Ledger};

/// Berlin is an hour ahead of UTC in winter, and two in summer.
const ZONE: &str = "Europe/Berlin";

/// A ledger whose purchases give status, which three ladders count.
struct Club {
    ledger: Ledger,
    seen: Vec<(String, Value)>,
}

impl Club {
    async fn open(folder: &Path) -> Self {
        let ledger = Ledger::start_with(folder, &["--clock", "commands"], &[]);
        let api = &ledger.client;
        let put = async |path: &str, body: Value| {
            api.put("operator", path, body).await.is(201);
        };
        put("/v1/units/status", json!({"spendable": false, "time_zone": ZONE})).await;
        let rule = |more: Value| {
            let mut rule = json!({"unit": "status", "rate": {"points": 1, "per_amount": 1}});
            rule.as_object_mut().expect("one").extend(more.as_object().expect("one").clone());
            rule
        };
        put("/v1/earning-rules/status", rule(json!({"backdate_days": 5}))).await;
        put("/v1/earning-rules/pending", rule(json!({"pending_days": 30}))).await;
        for (ladder, window, keeps) in [
            ("monthly", json!({"months": 1}), json!({"months": 1})),
            ("april", json!({"year_from": "04-01"}), json!({"years": 1})),
            ("yearly", json!({"year_from": "01-01"}), json!({"years": 1, "months": 2})),
        ] {
            let levels = json!([{"tier": "silver", "from": 100}, {"tier": "gold", "from": 200}]);
            let body = json!({"unit": "status", "levels": levels, "window": window,
                "keeps": keeps, "downgrade": "by-count"});
            put(&format!("/v1/ladders/{ladder}"), body).await;
        }
        Self { ledger, seen: vec![] }
    }

    const fn api(&self) -> &Api {
        &self.ledger.client
    }

    async fn buys_by(&self, rule: &str, at: &str, purchase: &str, points: u64) {
        let (account, id) = purchase.split_once('/').expect("ann/B-1");
        let body = json!({"rule": rule, "occurred_at": at,
            "lines": [{"product_id": "tea", "quantity": 1, "amount": points}]});
        let path = format!("/v1/accounts/{account}/purchases/{id}");
        self.api().put("merchant", &path, body).await.is(201);
    }

    async fn buys(&self, at: &str, purchase: &str, points: u64) {
        self.buys_by("status", at, purchase, points).await;
    }

    async fn returns(&self, at: &str, purchase: &str) {
        let (account, id) = purchase.split_once('/').expect("ann/B-1");
        let path = format!("/v1/accounts/{account}/purchases/{id}/returns/r-1");
        self.api().put("merchant", &path, json!({"occurred_at": at})).await.is(201);
    }

    /// Moves the ledger's time on; gives the position.
    async fn comes(&self, at: &str) -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let id = format!("r-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let body = json!({"points": 1, "occurred_at": at, "cause": {"kind": "review", "id": id}});
        let told = self.api().post("merchant", "/v1/accounts/probe/credits", body).await;
        told.is(201);
        told.position.expect("a position")
    }

    /// Checks tiers at a time, written `monthly silver 2004-03-31T22:00:00Z`; `april -` is none.
    #[track_caller]
    fn sees<'a>(
        &'a mut self,
        at: &'a str,
        account: &'a str,
        tiers: &'a [&'a str],
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let position = self.comes(at).await;
            let path = format!("/v1/accounts/{account}");
            let read = self.api().get_after(&position, "auditor", &path).await.is(200);
            for expected in tiers {
                let words: Vec<&str> = expected.split(' ').collect();
                let found = &read["tiers"][words[0]];
                let tier = found["tier"].as_str().unwrap_or("-");
                let until = found["until"].as_str();
                let is_it = (tier, until) == (words[1], words.get(2).copied());
                assert!(is_it, "{place}: {account} at {at}: {expected}, and there is {found}");
            }
            self.seen.push((path, read));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiers_go_by_the_calendar_of_their_unit_to_the_microsecond() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut club = Club::open(folder.path()).await;
    ends_of_months_and_years(&mut club).await;
    what_is_told_late_and_returned(&mut club).await;
    years_that_pass(&mut club).await;

    // Every account as it is now, and the same when the read tables are made anew.
    let paths: std::collections::BTreeSet<String> =
        club.seen.iter().map(|(path, _)| path.clone()).collect();
    let position = club.comes("2024-01-01T00:00:00Z").await;
    let mut before = vec![];
    for path in &paths {
        before.push(club.api().get_after(&position, "auditor", path).await.is(200));
    }
    succeeds(guerdon(folder.path(), &["rebuild"]));
    for (path, before) in paths.iter().zip(before) {
        let after = club.api().get_after(&position, "auditor", path).await.is(200);
        assert_eq!(after, before, "{path}");
    }
    assert_eq!(club.ledger.stop(), Some(0));

    // The state that is made of the log says so, too: the next decisions follow.
    let ledger = Ledger::start_with(folder.path(), &["--clock", "commands"], &[]);
    let again = Club { ledger, seen: vec![] };
    again.buys("2024-02-01T00:00:00Z", "eve/B-9", 100).await;
    assert_eq!(again.ledger.stop(), Some(0));
}

async fn ends_of_months_and_years(club: &mut Club) {
    // The last microsecond of 29 February in Berlin, and the first of March.
    club.buys("2004-02-29T22:59:59.999999Z", "ann/B-1", 100).await;
    club.buys("2004-02-29T23:00:00Z", "bob/B-1", 100).await;
    // Summer time has begun by the end of March.
    let ann = [
        "monthly silver 2004-03-31T22:00:00Z",
        "april silver 2005-03-31T22:00:00Z",
        "yearly silver 2006-02-28T23:00:00Z",
    ];
    club.sees("2004-02-29T23:00:00Z", "ann", &ann).await;
    let bob = ["monthly silver 2004-04-30T22:00:00Z", "april silver 2005-03-31T22:00:00Z"];
    club.sees("2004-03-01T00:00:00Z", "bob", &bob).await;
    // February doesn't count any more in April.
    club.sees("2004-03-31T21:59:59.999999Z", "ann", &ann).await;
    club.sees("2004-03-31T22:00:00Z", "ann", &["monthly -"]).await;
    // March does; and in May it doesn't.
    club.sees("2004-04-30T21:59:59.999999Z", "bob", &bob).await;
    club.sees("2004-04-30T22:00:00Z", "bob", &["monthly -"]).await;

    // Years from 1 April: each counts alone.
    club.buys("2005-03-31T21:59:59.999999Z", "cem/B-1", 60).await;
    club.buys("2005-03-31T21:59:59.999999Z", "dan/B-1", 100).await;
    club.buys("2005-03-31T22:00:00Z", "cem/B-2", 60).await;
    club.buys("2005-03-31T22:00:00Z", "eve/B-1", 100).await;
    let cem =
        ["april -", "yearly silver 2007-02-28T23:00:00Z", "monthly silver 2005-05-31T22:00:00Z"];
    club.sees("2005-03-31T22:00:00Z", "cem", &cem).await;
    club.sees("2005-04-01T00:00:00Z", "dan", &["april silver 2006-03-31T22:00:00Z"]).await;
    club.sees("2005-04-01T00:00:00Z", "eve", &["april silver 2007-03-31T22:00:00Z"]).await;
    club.sees("2006-03-31T21:59:59.999999Z", "dan", &["april silver 2006-03-31T22:00:00Z"]).await;
    club.sees("2006-03-31T22:00:00Z", "dan", &["april -"]).await;
}

async fn what_is_told_late_and_returned(club: &mut Club) {
    club.buys("2006-12-20T12:00:00Z", "fay/B-1", 60).await;
    club.comes("2007-01-02T12:00:00Z").await;
    // It happened in the old year, and counts there.
    club.buys("2006-12-31T12:00:00Z", "fay/B-2", 50).await;
    let fay = ["yearly silver 2008-02-29T23:00:00Z", "monthly silver 2007-02-28T23:00:00Z"];
    club.sees("2007-01-02T12:00:00Z", "fay", &fay).await;
    // So does what comes back of it in the new year.
    club.returns("2007-01-10T12:00:00Z", "fay/B-2").await;
    club.sees("2007-01-10T12:00:00Z", "fay", &["yearly -", "monthly -"]).await;
    // Told too late, it counts when it is told.
    club.comes("2008-01-20T12:00:00Z").await;
    club.buys("2007-12-31T12:00:00Z", "gus/B-1", 100).await;
    club.sees("2008-01-20T12:00:00Z", "gus", &["yearly silver 2010-02-28T23:00:00Z"]).await;
    // What is pending counts from the day on which it was earned.
    club.buys_by("pending", "2008-12-20T12:00:00Z", "hal/B-1", 100).await;
    club.sees("2008-12-20T12:00:00Z", "hal", &["yearly silver 2010-02-28T23:00:00Z"]).await;
    club.sees("2009-02-01T12:00:00Z", "hal", &["yearly silver 2010-02-28T23:00:00Z"]).await;
}

async fn years_that_pass(club: &mut Club) {
    // Nobody touches it for five years.
    club.buys("2011-06-01T12:00:00Z", "ida/B-1", 250).await;
    club.sees("2011-06-01T12:00:00Z", "ida", &["yearly gold 2013-02-28T23:00:00Z"]).await;
    club.sees("2016-06-02T12:00:00Z", "ida", &["monthly -", "april -", "yearly -"]).await;
    club.buys("2016-06-03T12:00:00Z", "ida/B-2", 100).await;
    let ida = ["monthly silver 2016-07-31T22:00:00Z", "yearly silver 2018-02-28T23:00:00Z"];
    club.sees("2016-06-03T12:00:00Z", "ida", &ida).await;

    // Reached again in the year before it ends, it holds for longer at once.
    club.buys("2018-05-01T12:00:00Z", "kim/B-1", 200).await;
    club.sees("2018-05-01T12:00:00Z", "kim", &["yearly gold 2020-02-29T23:00:00Z"]).await;
    club.buys("2019-12-31T22:59:59.999999Z", "kim/B-2", 150).await;
    // A lower level of the next year doesn't keep the higher one, and stands beneath it.
    club.sees("2019-12-31T23:00:00Z", "kim", &["yearly gold 2020-02-29T23:00:00Z"]).await;
    club.sees("2020-02-29T22:59:59.999999Z", "kim", &["yearly gold 2020-02-29T23:00:00Z"]).await;
    club.sees("2020-02-29T23:00:00Z", "kim", &["yearly silver 2021-02-28T23:00:00Z"]).await;
    club.buys("2020-06-01T12:00:00Z", "kim/B-3", 100).await;
    club.sees("2020-06-01T12:00:00Z", "kim", &["yearly silver 2022-02-28T23:00:00Z"]).await;
}
