//! Signed notes: the specification's example, and what is refused.

use transparency::{KeyError, KeyKind, Note, NoteError, SigningKey, VerifierKey};

/// From c2sp.org/signed-note.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1E\
    RYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn key() -> VerifierKey {
    KEY.parse().expect("a key")
}

fn signing(byte: u8) -> SigningKey {
    SigningKey::from_seed(&[byte; 32]).expect("a key")
}

#[test]
fn the_example_of_the_specification_is_verified() {
    let note: Note = NOTE.parse().expect("a note");
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&key()), Ok(()));
    assert_eq!(note.to_string(), NOTE);
    assert_eq!(key().to_string(), KEY);
}

#[test]
fn a_changed_text_or_signature_is_refused() {
    let changed: Note = NOTE.replace("example message", "Example message").parse().expect("a note");
    assert_eq!(changed.verify(&key()), Err(NoteError::WrongSignature { key: Box::new(key()) }));
    let changed: Note = NOTE.replace("Uw2QOkn8", "Uw2QOkn9").parse().expect("a note");
    assert_eq!(changed.verify(&key()), Err(NoteError::WrongSignature { key: Box::new(key()) }));
}

#[test]
fn a_note_that_somebody_else_signed_says_who_did() {
    let note = signing(1).sign("example.com/bar", "text\n").expect("a note");
    let refused = note.verify(&key()).map_err(|error| error.to_string());
    let by = signing(1).verifier("example.com/bar").expect("a key").to_string();
    let by = by.rsplit_once('+').expect("three parts").0;
    assert_eq!(refused, Err(format!("it isn't signed by {KEY}; it is signed by {by}")));
}

#[test]
fn a_note_bears_the_signatures_of_several() {
    let note = signing(1).sign("a", "text\n\nmore\n").expect("a note");
    let note = signing(2).sign_too("b", note).expect("a note");
    let read: Note = note.to_string().parse().expect("a note");
    assert_eq!(read, note);
    for (byte, name) in [(1, "a"), (2, "b")] {
        assert_eq!(read.verify(&signing(byte).verifier(name).expect("a key")), Ok(()));
    }
    let stranger = signing(2).verifier("a").expect("a key");
    assert!(matches!(read.verify(&stranger), Err(NoteError::NotSigned { .. })));
}

fn witness(byte: u8, name: &str) -> VerifierKey {
    VerifierKey::of_kind(KeyKind::Witness, name, signing(byte).public()).expect("a key")
}

#[test]
fn a_witness_signs_the_time_and_the_text() {
    let note = signing(1).sign("log", "text\n").expect("a note");
    let note = signing(2).cosign("w", 1_679_315_147, note).expect("a note");
    let read: Note = note.to_string().parse().expect("a note");
    assert_eq!(read.verify(&signing(1).verifier("log").expect("a key")), Ok(()));
    assert_eq!(read.cosigned_at(&witness(2, "w")), Ok(1_679_315_147));
    // c2sp.org/tlog-cosignature: the key's id has the type 4, and the signature 8 bytes of time.
    let line = note.to_string().lines().last().expect("a line").to_owned();
    let base64 = line.rsplit(' ').next().expect("a signature");
    assert_eq!(base64.len(), (4_usize + 8 + 64).div_ceil(3) * 4);
    assert!(matches!(read.verify(&witness(3, "w")), Err(NoteError::NotSigned { .. })));
    let as_log = signing(2).verifier("w").expect("a key");
    assert!(matches!(read.verify(&as_log), Err(NoteError::NotSigned { .. })), "it is a witness's");

    // Another time or text isn't signed.
    let signed = note.to_string();
    let other =
        signing(2).cosign("w", 1_679_315_148, signing(1).sign("log", "text\n").expect("one"));
    let other = other.expect("a note").to_string();
    assert_ne!(other, signed);
    let changed: Note = signed.replace("text", "Text").parse().expect("a note");
    assert!(matches!(changed.cosigned_at(&witness(2, "w")), Err(NoteError::WrongSignature { .. })));
    let mut bytes = line.clone().into_bytes();
    // The last letter of the time's eight bytes: the key's id is four before them.
    let at = "— w ".len() + 15;
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    let line_of_other_time = String::from_utf8(bytes).expect("a text");
    let changed: Note = signed.replace(&line, &line_of_other_time).parse().expect("a note");
    assert!(matches!(changed.cosigned_at(&witness(2, "w")), Err(NoteError::WrongSignature { .. })));
}

#[test]
fn a_note_takes_over_the_signatures_of_one_key() {
    let note = signing(1).sign("log", "text\n").expect("a note");
    let both = signing(2).cosign("w", 1, note.clone()).expect("a note");
    let all = signing(3).cosign("v", 2, both).expect("a note");
    let lines: String = all.to_string().lines().skip(3).map(|line| format!("{line}\n")).collect();
    assert_eq!(note.with(&lines), Ok(all.clone()));
    let taken = note.clone().with_those_of(&witness(3, "v"), &all);
    assert!(taken.bears(&witness(3, "v")) && !taken.bears(&witness(2, "w")));
    let again = taken.clone().with_those_of(&witness(3, "v"), &all);
    assert_eq!(again, taken, "only once");
    let often = note.with(&lines.repeat(2)).expect("a note");
    assert_eq!(note.clone().with_those_of(&witness(3, "v"), &often), taken, "one of several");
    let other = signing(2).cosign("w", 1, signing(1).sign("log", "more\n").expect("a note"));
    let same = note.clone().with_those_of(&witness(2, "w"), &other.expect("a note"));
    assert_eq!(same, note, "it is of another text");
    assert!(note.with("no signature\n").is_err());
}

#[test]
fn a_key_says_whose_it_is() {
    let (log, witness) = (signing(1).verifier("a").expect("a key"), witness(1, "a"));
    assert_ne!(log.to_string(), witness.to_string());
    assert_eq!(witness.to_string().parse(), Ok(witness.clone()));
    assert_eq!(witness.clone().must_be(KeyKind::Witness), Ok(witness.clone()));
    let refused = witness.must_be(KeyKind::Log).expect_err("it is none").to_string();
    assert_eq!(refused, "must be a log's key, of the type 1, and is of the type 4");
    log.must_be(KeyKind::Witness).expect_err("it is none");
}

#[test]
fn what_is_no_note_is_refused() {
    for note in [
        "".into(),
        "text\n".into(),
        "text\n\n".into(),
        NOTE.trim_end().to_owned(),
        NOTE.replace("— ", "- "),
        NOTE.replace("— example.com/foo ", "— "),
        NOTE.replace("— example.com/foo ", "— a+b "),
        NOTE.replace("message", "mess\u{7}age"),
        NOTE.replace("message", "message\r"),
        format!("{NOTE}\n"),
        format!("{NOTE}x\n"),
        "a\n\n— b AAAAAA==\n".into(),
        "a\n\n— b AAA\n".into(),
        "x".repeat(2 << 20),
        format!("a\n\n{}", "— b AAAAAAA=\n".repeat(65)),
    ] {
        assert!(note.parse::<Note>().is_err(), "{}", &note[..note.len().min(100)]);
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let other_type = "a+00000000+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    for (text, expected) in [
        ("", KeyError::Form),
        ("a+b", KeyError::Form),
        ("example.com/foo+530d903a+AekyeRrm", KeyError::Form),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Form),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Form),
        (other_type, KeyError::OtherType(2)),
        (
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            KeyError::OtherId { expected: "530d903a".into() },
        ),
        (
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            KeyError::OtherId { expected: "530d903a".into() },
        ),
    ] {
        assert_eq!(text.parse::<VerifierKey>(), Err(expected), "{text}");
    }
    assert_eq!(SigningKey::from_seed(&[1; 31]).map(|_| ()), Err(KeyError::NoSeed));
}
