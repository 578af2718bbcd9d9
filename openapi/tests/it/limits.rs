//! The document's limits are those of the types that read requests.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use domain::{
    AccountId, Actor, CancellationId, Carrier, DeliverTo, ImageUrl, LadderId, OfferId, OfferName,
    TierId, Timestamp, TrackingUrl, UnitId, ZonedTime,
};
use serde_json::{Value, json};

/// The longest text that a type takes, made of a start and of `x`, is the longest in the document.
#[test]
fn the_longest_text_is_the_same() {
    check_longest::<AccountId>("AccountId", "");
    check_longest::<OfferId>("Id", "");
    check_longest::<CancellationId>("Id", "");
    check_longest::<UnitId>("UnitId", "");
    check_longest::<LadderId>("LadderId", "");
    check_longest::<TierId>("TierId", "");
    check_longest::<DeliverTo>("DeliverTo", "");
    check_longest::<Actor>("Note", "");
    check_longest::<Carrier>("Label", "");
    check_longest::<OfferName>("OfferName", "");
    check_longest::<domain::Description>("Description", "");
    check_longest::<TrackingUrl>("Url", "https://");
    check_longest::<ImageUrl>("Url", "https://");
}

#[test]
fn the_same_texts_are_ids_urls_and_times() {
    let ids = ["a", "A-1", "..", ".", "a.", ".a", "-", "a b", "", "ä", "~rejected", "x/y", "_:.-"];
    check::<OfferId>("Id", &ids);
    check::<AccountId>("AccountId", &ids);
    let units = ["points", "a-1", "-", "A", "a b", "a_b", "", "ä"];
    check::<UnitId>("UnitId", &units);
    check::<LadderId>("LadderId", &units);
    check::<TierId>("TierId", &units);
    let urls = [
        "https://a",
        "http://p/x?y=1",
        "ftp://a",
        "https://",
        "https://a b",
        "https://-a",
        "a",
        "",
    ];
    check::<TrackingUrl>("Url", &urls);
    let times = ["2026-11-21T09:00:00Z", "2026-11-21T09:00:00+01:00", "2026-11-21", "now", ""];
    check::<Timestamp>("Time", &times);
    for text in ["2026-11-21T09:00:00Z", "2026-11-21T09:00:00"] {
        assert!(ZonedTime::from_str(text).is_ok());
        assert!(takes("ZonedTime", text), "{text}");
    }
}

fn check_longest<T: FromStr>(name: &str, start: &str) {
    let longest = schema(name)["maxLength"].as_u64().expect("a limit");
    let longest = usize::try_from(longest).expect("small") - start.len();
    let text = |letters: usize| format!("{start}{}", "x".repeat(letters));
    assert!(text(longest).parse::<T>().is_ok(), "{name}: {longest} is too long for the code");
    assert!(text(longest + 1).parse::<T>().is_err(), "{name}: the code takes more than {longest}");
}

#[track_caller]
fn check<T: FromStr>(name: &str, texts: &[&str]) {
    for text in texts {
        assert_eq!(text.parse::<T>().is_ok(), takes(name, text), "{name}: {text:?}");
    }
}

fn takes(name: &str, text: &str) -> bool {
    let options = jsonschema::options().should_validate_formats(true);
    options.build(&schema(name)).expect("a schema").is_valid(&json!(text))
}

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    let text = fs::read_to_string(path).expect("docs/openapi.json");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    document["components"]["schemas"][name].clone()
}
