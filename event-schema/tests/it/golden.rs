//! Every stored shape, as it was first released, decodes, and encodes to the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use event_schema::{Metadata, PrivateActor, Salt, decode, decode_actor, decode_metadata, encode};
use log_record::{LogFormat, Principal, Private, RecordedEvent, hex};
use sha2::{Digest as _, Sha256};
use testing::golden::{RECORDED_AT, golden_rows};

const SALT: Salt = Salt([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

#[test]
fn every_golden_event_decodes_and_encodes_to_the_same_bytes() {
    let rows = golden_rows();
    assert!(rows.len() >= 42, "golden files are missing: {}", rows.len());
    for row in rows {
        let (recorded_at, event) = decode(&row).expect("a golden event decodes for ever");
        let metadata = decode_metadata(&row).expect("its metadata, too");
        let principal = principal_of(&row);
        let encoded =
            encode(&event, recorded_at, &metadata, principal.as_ref(), SALT).expect("it encodes");
        assert_eq!(encoded.public, row.public, "{}", row.event_type);
        assert_eq!(Private::Text(encoded.private), row.private, "{}", row.event_type);
        assert_eq!(encoded.event_type, &*row.event_type);
        assert_eq!(encoded.account_id, row.account_id);
        assert_eq!(encoded.recorded_at, RECORDED_AT);
    }
}

/// A log of the format before would be read up to the first event of the changed shape, and fail
/// there (docs/decisions/0017-one-format-number.md).
#[test]
fn a_changed_shape_has_a_format_number_of_its_own() {
    const FORMAT: (u32, &str) = (12, "c314ac0e6acc3a88");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let files = fs::read_dir(folder).expect("listed").map(|file| file.expect("listed").path());
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        hash.update(name.as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file).expect("read"));
    }
    let hash = hex(&hash.finalize()[..8]);
    assert_eq!(
        (LogFormat::CURRENT.0, &*hash),
        FORMAT,
        "golden files changed: raise LogFormat::CURRENT, and put both here"
    );
}

#[test]
fn nothing_personal_is_in_the_public_text() {
    for row in golden_rows() {
        assert!(!row.public.contains("Elm"), "{}", row.public);
        for private in ["deliver_to", "\"by\"", "\"reason\":\"p"] {
            assert!(!row.public.contains(private), "{}", row.public);
        }
    }
}

#[test]
fn an_erased_address_leaves_an_event_that_decodes() {
    let mut row = golden_rows()
        .into_iter()
        .find(|row| &*row.event_type == "exchange-created")
        .expect("there is one");
    row.private = Private::Erased(row.private_hash());
    let (_, event) = decode(&row).expect("it decodes");
    assert!(matches!(event, domain::Event::ExchangeCreated(_, fact) if fact.deliver_to.is_none()));
}

#[test]
fn what_a_newer_build_wrote_is_named() {
    let mut row = golden_rows().remove(0);
    row.version = 2;
    let error = decode(&row).expect_err("version 2 is not known").to_string();
    assert!(error.contains("0:1") && error.contains("version 2"), "{error}");
}

#[test]
fn who_asked_is_private_and_can_be_erased() {
    let asked = |row: &RecordedEvent| decode_actor(row).expect("it decodes");
    let mut rows = golden_rows();
    let row = rows.iter_mut().find(|row| asked(row).subject.is_some()).expect("there is one");
    assert_eq!(asked(row).name.as_deref(), Some("Ann Example"));
    assert!(row.public.contains(r#""key":"k-7f3a9c21""#) && !row.public.contains("Ann"));
    row.private = Private::Erased(row.private_hash());
    assert_eq!(asked(row), PrivateActor::default());
    assert!(decode_metadata(row).expect("it decodes").key.is_some());
}

#[test]
fn why_it_was_asked_is_private_and_the_requests_id_is_not() {
    let asked = |row: &RecordedEvent| decode_actor(row).expect("it decodes");
    let mut rows = golden_rows();
    let row = rows.iter_mut().find(|row| asked(row).reason.is_some()).expect("there is one");
    assert_eq!(asked(row).reason.as_deref(), Some("the server's clock was set by hand"));
    assert!(!row.public.contains("by hand"), "{}", row.public);
    let metadata = decode_metadata(row).expect("it decodes");
    assert_eq!(metadata.request.as_deref(), Some("8d2f6c01-1f"));
    row.private = Private::Erased(row.private_hash());
    assert_eq!(asked(row), PrivateActor::default());
}

/// Who asked, as a request would say it, where the row tells it.
fn principal_of(row: &RecordedEvent) -> Option<Principal> {
    let PrivateActor { subject, name, reason } = decode_actor(row).expect("it decodes");
    let Metadata { key, role, .. } = decode_metadata(row).expect("it decodes");
    let role = role.unwrap_or_default().into_owned().leak();
    let says = subject.is_some() || name.is_some() || reason.is_some();
    says.then_some(Principal { role, key, subject, name, reason })
}
