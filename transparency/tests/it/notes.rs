//! Signed notes: the specification's example, and what is refused.

use transparency::{KeyError, Note, NoteError, SigningKey, VerifierKey};

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
    let other_type = "a+00000000+BOkyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    for (text, expected) in [
        ("", KeyError::Form),
        ("a+b", KeyError::Form),
        ("example.com/foo+530d903a+AekyeRrm", KeyError::Form),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Form),
        ("a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", KeyError::Form),
        (other_type, KeyError::OtherType(4)),
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
