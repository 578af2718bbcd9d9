//! Signed notes, and the keys that sign and verify them (C2SP `signed-note`), with Ed25519: a
//! log's, and a witness's, which signs the time, too (C2SP `tlog-cosignature`).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use log_record::hex;
use sha2::{Digest as _, Sha256};

/// Whose a key is, which its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A log's: it signs the text.
    Log,
    /// A witness's: it signs the time and the text.
    Witness,
}

/// The most bytes of a note that are read: sixteen signatures of any kind are a tenth of that.
const NOTE_BYTES_MAX: usize = 1 << 20;

/// The most signatures that a note may bear; the specification asks for at least 16.
const SIGNATURES_MAX: usize = 64;

/// A public key under the name that it signs as, written `name+id+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    kind: KeyKind,
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

/// A secret key, which can sign under any name.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

/// A text with signatures, none of which is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

/// A key that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has another form.
    #[error("must be a verifier key in the form NAME+ID+KEY, as GET /log/keys gives it")]
    Form,
    /// The key is of another kind.
    #[error(
        "must be an Ed25519 key, of the type 1 for a log or 4 for a witness; it has the type {0}"
    )]
    OtherType(u8),
    /// Name and key give another id.
    #[error("its id must be {expected}, which follows from its name and key; a letter is wrong")]
    OtherId {
        /// What name and key give.
        expected: String,
    },
    /// A log's key where a witness's is needed, or the other way round.
    #[error("must be {wanted}'s key, of the type {}, and is of the type {}", .wanted.number(), .found.number())]
    OtherKind {
        /// Whose it must be.
        wanted: KeyKind,
        /// Whose it is.
        found: KeyKind,
    },
    /// The secret key isn't one.
    #[error("must be the 32 bytes of an Ed25519 seed")]
    NoSeed,
}

/// What is wrong with a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It can't be read.
    #[error("it is no signed note: {0}")]
    Form(&'static str),
    /// The key didn't sign it.
    #[error("it isn't signed by {key}; it is signed by {}", names(.signed_by))]
    NotSigned {
        /// The key.
        key: Box<VerifierKey>,
        /// Who signed it, each as name and id.
        signed_by: Vec<String>,
    },
    /// The signature doesn't fit.
    #[error("the signature of {key} doesn't fit the text")]
    WrongSignature {
        /// The key.
        key: Box<VerifierKey>,
    },
}

fn names(signed_by: &[String]) -> String {
    if signed_by.is_empty() { "nobody".into() } else { signed_by.join(" and ") }
}

impl KeyKind {
    /// The number of the type.
    const fn number(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Log => "a log",
            Self::Witness => "a witness",
        })
    }
}

impl VerifierKey {
    /// A log's key under this name, which has neither spaces nor a plus.
    pub fn new(name: impl Into<String>, public: [u8; 32]) -> Result<Self, KeyError> {
        Self::of_kind(KeyKind::Log, name, public)
    }

    /// A key of a kind under this name.
    pub fn of_kind(
        kind: KeyKind,
        name: impl Into<String>,
        public: [u8; 32],
    ) -> Result<Self, KeyError> {
        let name = name.into();
        if !is_name(&name) {
            return Err(KeyError::Form);
        }
        let hash = Sha256::new().chain_update(&name).chain_update([b'\n', kind.number()]);
        let hash: [u8; 32] = hash.chain_update(public).finalize().into();
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Ok(Self { kind, name, id, public })
    }

    /// The name that it signs as; a log's is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, if it is of this kind.
    pub fn must_be(self, wanted: KeyKind) -> Result<Self, KeyError> {
        let found = self.kind;
        if found == wanted { Ok(self) } else { Err(KeyError::OtherKind { wanted, found }) }
    }

    /// The public key, under whatever name.
    #[must_use]
    pub const fn public(&self) -> [u8; 32] {
        self.public
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.number()];
        key.extend_from_slice(&self.public);
        write!(f, "{}+{}+{}", self.name, hex(&self.id), BASE64_STANDARD.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Form);
        };
        let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Form)?;
        let (kind, public) = key.split_first().ok_or(KeyError::Form)?;
        let kind = [KeyKind::Log, KeyKind::Witness]
            .into_iter()
            .find(|it| it.number() == *kind)
            .ok_or(KeyError::OtherType(*kind))?;
        let key = Self::of_kind(kind, name, public.try_into().map_err(|_| KeyError::Form)?)?;
        let expected = hex(&key.id);
        if expected != id {
            return Err(KeyError::OtherId { expected });
        }
        Ok(key)
    }
}

impl serde::Serialize for VerifierKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl SigningKey {
    /// The key of a seed, which is 32 random bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::NoSeed)?;
        let public = pair.public_key().as_ref().try_into().map_err(|_| KeyError::NoSeed)?;
        Ok(Self { pair, public })
    }

    /// The key that verifies what this one signs under a name.
    pub fn verifier(&self, name: impl Into<String>) -> Result<VerifierKey, KeyError> {
        VerifierKey::new(name, self.public)
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> [u8; 32] {
        self.public
    }

    /// A note of this text, which ends in a newline, signed under this name.
    pub fn sign(&self, name: &str, text: impl Into<String>) -> Result<Note, KeyError> {
        let note = Note { text: text.into(), signatures: vec![] };
        self.sign_too(name, note)
    }

    /// The note with a witness's signature, of a time in seconds since 1970.
    pub fn cosign(&self, name: &str, seconds: u64, mut note: Note) -> Result<Note, KeyError> {
        let id = VerifierKey::of_kind(KeyKind::Witness, name, self.public)?.id;
        let signed = self.pair.sign(witnessed(seconds, &note.text).as_bytes());
        let bytes = [&seconds.to_be_bytes()[..], signed.as_ref()].concat();
        note.signatures.push(Signature { name: name.into(), id, bytes });
        Ok(note)
    }

    /// The note with one more signature.
    pub fn sign_too(&self, name: &str, mut note: Note) -> Result<Note, KeyError> {
        let id = self.verifier(name)?.id;
        let bytes = self.pair.sign(note.text.as_bytes()).as_ref().to_vec();
        note.signatures.push(Signature { name: name.into(), id, bytes });
        Ok(note)
    }
}

/// Only its public part.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", hex(&self.public))
    }
}

impl Note {
    /// What is signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a signature under the key's name and id is there.
    #[must_use]
    pub fn bears(&self, key: &VerifierKey) -> bool {
        self.of(key).next().is_some()
    }

    /// Verifies the key's signature. Signatures of others are ignored.
    pub fn verify(&self, key: &VerifierKey) -> Result<(), NoteError> {
        if !self.bears(key) {
            let signed_by = self.signatures.iter().map(|by| format!("{}+{}", by.name, hex(&by.id)));
            return Err(NoteError::NotSigned {
                key: Box::new(key.clone()),
                signed_by: signed_by.collect(),
            });
        }
        let public = UnparsedPublicKey::new(&ED25519, key.public);
        let is_signed = |by: &Signature| match key.kind {
            KeyKind::Log => public.verify(self.text.as_bytes(), &by.bytes).is_ok(),
            KeyKind::Witness => by.timed().is_some_and(|(seconds, signature)| {
                public.verify(witnessed(seconds, &self.text).as_bytes(), signature).is_ok()
            }),
        };
        if self.of(key).all(is_signed) {
            Ok(())
        } else {
            Err(NoteError::WrongSignature { key: Box::new(key.clone()) })
        }
    }

    /// When a witness signed it, in seconds since 1970. The signature is verified.
    pub fn cosigned_at(&self, witness: &VerifierKey) -> Result<u64, NoteError> {
        self.verify(witness)?;
        let seconds = self.of(witness).filter_map(|by| Some(by.timed()?.0)).max();
        seconds.ok_or_else(|| NoteError::WrongSignature { key: Box::new(witness.clone()) })
    }

    /// The note that has these further signatures, one a line.
    pub fn with(&self, lines: &str) -> Result<Self, NoteError> {
        format!("{self}{lines}").parse()
    }

    /// The note that has a key's signature of another note of the same text. Of several it takes
    /// the first: who signs often must not fill a note up that others sign, too.
    #[must_use]
    pub fn with_those_of(mut self, key: &VerifierKey, other: &Self) -> Self {
        if self.text == other.text {
            self.signatures.retain(|by| !(by.name == key.name && by.id == key.id));
            self.signatures.extend(other.of(key).next().cloned());
        }
        self
    }

    fn of<'a>(&'a self, key: &'a VerifierKey) -> impl Iterator<Item = &'a Signature> {
        self.signatures.iter().filter(|by| by.name == key.name && by.id == key.id)
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, id, bytes } in &self.signatures {
            let mut signature = id.to_vec();
            signature.extend_from_slice(bytes);
            writeln!(f, "— {name} {}", BASE64_STANDARD.encode(signature))?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Form("it is longer than 1 MiB"));
        }
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Form("it has a control character"));
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Form("no blank line ends its text"))?;
        let (text, signatures) = (&note[..=end], &note[end + 2..]);
        if !signatures.ends_with('\n') {
            return Err(NoteError::Form("its last line isn't ended"));
        }
        let signatures = signatures.lines().map(signature);
        let signatures = signatures.collect::<Option<Vec<_>>>();
        let signatures =
            signatures.ok_or(NoteError::Form("a line below its text is no signature"))?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Form("it has more than 64 signatures"));
        }
        Ok(Self { text: text.into(), signatures })
    }
}

impl Signature {
    /// A witness's: when it signed, and the signature of that.
    fn timed(&self) -> Option<(u64, &[u8])> {
        let (seconds, signature) = self.bytes.split_first_chunk()?;
        Some((u64::from_be_bytes(*seconds), signature))
    }
}

/// What a witness signs.
fn witnessed(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

fn signature(line: &str) -> Option<Signature> {
    let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = BASE64_STANDARD.decode(signature).ok()?;
    let (id, bytes) = bytes.split_first_chunk()?;
    let is_whole = is_name(name) && !bytes.is_empty();
    is_whole.then(|| Signature { name: name.into(), id: *id, bytes: bytes.into() })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .contains(|letter: char| letter.is_whitespace() || letter.is_control() || letter == '+')
}
