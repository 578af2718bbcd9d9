//! Asking witnesses to sign a partition's checkpoints, too. Nothing waits for them.
//!
//! A round takes the newest checkpoint to each witness. Once enough have signed it, it is kept as
//! the tree's `cosigned` checkpoint, which auditors read beside the newest one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use transparency::{Checkpoint, Note, Origin, consistency};

use crate::SealError;
use crate::blocking::blocking;
use crate::folder::{Readers, read, replace};
use crate::metrics::WitnessAnswers;
use crate::sealed::Sealed;
use crate::tree_files::subtree;
use crate::witness::{Answer, Witness};

/// The longest time until a witness is asked again that didn't answer or refused.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(600);

/// The witnesses of a ledger, and how they are asked.
#[derive(Clone, Debug)]
pub struct Witnesses {
    /// The witnesses.
    pub witnesses: Vec<Witness>,
    /// How many signatures make a checkpoint a co-signed one.
    pub needed: usize,
    /// How long to wait at least between two checkpoints.
    pub every: Duration,
    /// What calls them.
    pub client: Client,
}

/// Asks for one partition.
pub(crate) struct Cosigning {
    pub(crate) witnesses: Arc<Witnesses>,
    pub(crate) shown: watch::Receiver<Option<Sealed>>,
    pub(crate) cosigned: watch::Sender<u64>,
    pub(crate) answers: WitnessAnswers,
}

/// What is known of a witness.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The size that it has signed last; `None` where it hasn't said.
    signed: Option<u64>,
    /// When it is asked again after it didn't sign.
    not_before: Option<Instant>,
    wait: Duration,
}

impl Cosigning {
    pub(crate) async fn run(self) {
        let every = self.witnesses.every;
        let new = Known { signed: None, not_before: None, wait: every };
        let mut known = vec![new; self.witnesses.witnesses.len()];
        let (mut shown, mut of_tree, mut done): (_, Option<Origin>, _) =
            (self.shown.clone(), None, String::new());
        loop {
            let newest = shown.borrow_and_update().clone();
            if let Some(sealed) = newest.filter(|sealed| sealed.note != done) {
                if of_tree != Some(sealed.origin) {
                    known.fill(new);
                    of_tree = Some(sealed.origin);
                    self.cosigned.send_replace(size_of_cosigned(&sealed).await);
                }
                if self.ask_all(&sealed, &mut known).await {
                    done = sealed.note;
                }
            }
            tokio::time::sleep(every).await;
            // Again where not all have signed, else when there is a newer one.
            let are_done = known.iter().all(|witness| witness.not_before.is_none());
            if are_done && !done.is_empty() && shown.changed().await.is_err() {
                return;
            }
        }
    }

    /// Asks all witnesses that are due; tells whether enough signed.
    async fn ask_all(&self, sealed: &Sealed, known: &mut [Known]) -> bool {
        let Ok(note) = sealed.note.parse::<Note>() else { return false };
        let mut asking = JoinSet::new();
        for (index, (witness, known)) in
            self.witnesses.witnesses.iter().zip(known.iter()).enumerate()
        {
            if known.not_before.is_some_and(|at| at > Instant::now()) {
                continue;
            }
            let (witness, client) = (witness.clone(), self.witnesses.client.clone());
            let (sealed, note, signed) = (sealed.clone(), note.clone(), known.signed);
            asking.spawn(
                async move { (index, ask(&witness, &client, &sealed, &note, signed).await) },
            );
        }
        let mut answers = BTreeMap::new();
        while let Some(Ok((index, answer))) = asking.join_next().await {
            answers.insert(index, answer);
        }
        let (mut signed_note, mut count) = (note, 0);
        for (index, (witness, known)) in self.witnesses.witnesses.iter().zip(known).enumerate() {
            let Some(answer) = answers.remove(&index) else { continue };
            let name = witness.key().name();
            let (counted, why) = match answer {
                Ok(Answer::Signed(note)) => {
                    self.answers.count(name, "signed");
                    signed_note = signed_note.with_those_of(witness.key(), &note);
                    count += 1;
                    let wait = self.witnesses.every;
                    *known = Known { signed: Some(sealed.size), not_before: None, wait };
                    continue;
                }
                Ok(Answer::Signs(size)) => {
                    known.signed = None;
                    let why = format!(
                        "it has signed a tree of {size} events, and this one has {}: another \
                         server signs this log, or the log was shortened since",
                        sealed.size
                    );
                    ("refused", why)
                }
                Ok(Answer::Refused(why)) => ("refused", why),
                Err(why) => ("failed", why),
            };
            self.answers.count(name, counted);
            known.tell(name, &why);
        }
        if count < self.witnesses.needed {
            return false;
        }
        self.keep(sealed, signed_note).await
    }

    /// Keeps what enough witnesses signed.
    async fn keep(&self, sealed: &Sealed, note: Note) -> bool {
        let file = sealed.folder.cosigned();
        let kept = blocking(move || Ok(replace(&file, &note.to_string(), Readers::Owner)?));
        if let Err(error) = kept.await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "the co-signed checkpoint can't be kept");
            return false;
        }
        self.cosigned.send_replace(sealed.size);
        true
    }
}

impl Known {
    /// Notes and tells that a witness didn't sign, once until it does.
    fn tell(&mut self, witness: &str, why: &str) {
        if self.not_before.is_none() {
            tracing::warn!(witness, why, "a witness doesn't sign the transparency log");
        }
        self.not_before = Some(Instant::now() + self.wait);
        self.wait = (self.wait * 2).min(ASK_AGAIN_MAX);
    }
}

/// Asks one witness. Which size it has signed it says when it is asked with another.
async fn ask(
    witness: &Witness,
    client: &Client,
    sealed: &Sealed,
    note: &Note,
    signed: Option<u64>,
) -> Result<Answer, String> {
    let mut old = signed.unwrap_or_default();
    // The second time with the size that the answer to the first has.
    for _ in 0..2 {
        let (folder, size) = (sealed.folder.clone(), sealed.size);
        let prove = blocking(move || {
            let proof = consistency(old, size, |level, index| subtree(&folder, level, index));
            proof.map_err(SealError::file(folder.path()))
        });
        let proof = prove.await.map_err(|error| event_store::with_causes(&error))?;
        let Some(proof) = proof else { return Ok(Answer::Signs(old)) };
        match witness.ask(client, old, &proof, note).await? {
            Answer::Signs(size) if size != old => old = size,
            // The same size, and another tree.
            Answer::Signs(size) => {
                return Ok(Answer::Refused(format!(
                    "it has signed another tree of {size} events: the log was rewritten, or the \
                     witness has mixed it up"
                )));
            }
            answer => return Ok(answer),
        }
    }
    Ok(Answer::Signs(old))
}

/// How many events the checkpoint has that enough witnesses signed before.
async fn size_of_cosigned(sealed: &Sealed) -> u64 {
    let file = sealed.folder.cosigned();
    let text = blocking(move || Ok(read(&file)?)).await;
    let note = text.ok().flatten().and_then(|text| text.parse::<Note>().ok());
    note.and_then(|note| Checkpoint::of(&note).ok()).map_or(0, |checkpoint| checkpoint.size)
}
