//! A witness, and how it is asked for its signature (C2SP `tlog-witness`).

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, StatusCode};
use transparency::{KeyError, KeyKind, Note, TreeHash, VerifierKey};

/// How long a witness may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How many bytes of its answer are read: some signatures, or a number.
const BYTES_MAX: usize = 16_384;

/// The kind of a refusal that says which size the witness has signed.
const SIZE_TYPE: &str = "text/x.tlog.size";

/// A witness: its key, and where it is asked. Written `NAME+ID+KEY=URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    key: VerifierKey,
    url: String,
}

/// A text that names no witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWitness {
    /// It has another form.
    #[error("a witness is NAME+ID+KEY=URL: its verifier key, and where it is asked")]
    Form,
    /// Its key can't be used.
    #[error("its key {0}")]
    Key(#[from] KeyError),
}

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The checkpoint with its signature.
    Signed(Note),
    /// It has signed a tree of this size, and wants to see that this one goes on from it.
    Signs(u64),
    /// It won't sign this.
    Refused(String),
}

impl FromStr for Witness {
    type Err = NoWitness;

    fn from_str(text: &str) -> Result<Self, NoWitness> {
        let at = text.find("=http://").or_else(|| text.find("=https://")).ok_or(NoWitness::Form)?;
        let (key, url) = text.split_at(at);
        let url = url.trim_start_matches('=').trim_end_matches('/');
        // One with a user or a password would be shown in the log.
        let is_odd = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '@';
        if url.contains(is_odd) {
            return Err(NoWitness::Form);
        }
        let key = key.parse::<VerifierKey>()?.must_be(KeyKind::Witness)?;
        Ok(Self { key, url: url.into() })
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.url)
    }
}

impl Witness {
    /// The key that verifies its signatures.
    #[must_use]
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// Asks for a signature of a checkpoint, with the proof that its tree goes on from that of
    /// `old` events. An error is one of the way there.
    pub(crate) async fn ask(
        &self,
        client: &Client,
        old: u64,
        proof: &[TreeHash],
        note: &Note,
    ) -> Result<Answer, String> {
        let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        let request = client
            .post(format!("{}/add-checkpoint", self.url))
            .timeout(ANSWER_MAX)
            .body(format!("old {old}\n{proof}\n{note}"));
        let answer = request.send().await.map_err(told)?;
        let (status, kind) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
        let body = body(answer).await?;
        if status == StatusCode::OK {
            return match note.with(&body).and_then(|read| {
                // An answer with a blank line in it is a note of another text.
                let signed = note.clone().with_those_of(&self.key, &read);
                signed.verify(&self.key)?;
                Ok(signed)
            }) {
                Ok(signed) => Ok(Answer::Signed(signed)),
                Err(error) => Ok(Answer::Refused(format!("its answer has no signature: {error}"))),
            };
        }
        let has_size = kind.is_some_and(|kind| kind.as_bytes().starts_with(SIZE_TYPE.as_bytes()));
        if status == StatusCode::CONFLICT && has_size {
            return match body.strip_suffix('\n').unwrap_or(&body).parse() {
                Ok(size) => Ok(Answer::Signs(size)),
                Err(_) => Ok(Answer::Refused("it answers 409 with a size that is none".into())),
            };
        }
        let why = body.lines().next().unwrap_or_default().escape_debug();
        if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            return Ok(Answer::Refused(format!("it answers {status} {why}")));
        }
        Err(format!("it answers {status} {why}"))
    }
}

async fn body(mut answer: Response) -> Result<String, String> {
    let mut bytes = vec![];
    while let Some(chunk) = answer.chunk().await.map_err(told)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > BYTES_MAX {
            return Err(format!("its answer has more than {BYTES_MAX} bytes"));
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// An error without the witness's URL: the line that tells of it has the witness's name.
fn told(error: reqwest::Error) -> String {
    event_store::with_causes(&error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_its_key_and_its_address() {
        let key = VerifierKey::of_kind(KeyKind::Witness, "witness.example/w1", [7; 32]);
        let key = key.expect("a key");
        let witness: Witness = format!("{key}=https://witness.example/a=b/").parse().expect("one");
        assert_eq!(witness.key(), &key);
        assert_eq!(witness.to_string(), format!("{key}=https://witness.example/a=b"));
        let of_log = VerifierKey::new("witness.example/w1", [7; 32]).expect("a key");
        for text in [
            key.to_string(),
            format!("{key}=witness.example"),
            format!("{key} https://witness.example"),
            format!("{of_log}=https://witness.example"),
            "=https://witness.example".into(),
            format!("{key}=https://witness.example/ x"),
        ] {
            text.parse::<Witness>().expect_err(&text);
        }
    }
}
