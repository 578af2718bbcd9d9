//! Sealing one partition: reads on, adds to the tree, signs.

use std::path::PathBuf;
use std::time::Duration;

use event_store::{EventStore, Followed, Follower};
use log_record::{Partition, Place, Position};
use tokio::sync::watch;
use tokio::time::Instant;
use transparency::{Checkpoint, Frontier, Origin, SigningKey, TreeHash};

use crate::blocking::blocking;
use crate::folder::{Readers, TreeFolder, read, replace};
use crate::sealed::{Sealed, earlier_keys};
use crate::signed::{Before, Signed, signed_by};
use crate::tree_files::{TreeFiles, open_at, root_at};
use crate::{KeyRange, SealError, SealFolder, SealStatus, SigningKeys};

/// How long a checkpoint stays the newest at least. Each costs a signature and two syncs, for which
/// the log's own may wait; two a second keep events unsealed for less than one.
const SIGN_EVERY: Duration = Duration::from_millis(500);

/// How often what was appended is read, and added to the tree: while it is still in memory.
const ADD_EVERY: Duration = Duration::from_millis(200);

/// How many events are read at once. A follower reads one more, the last that it knows.
const READ_EVENTS: usize = 8_192;

/// How often the file of keys is looked at while nothing is appended.
const LOOK_FOR_KEYS_EVERY: Duration = Duration::from_secs(1);

/// How often the log is read while this process appends nothing: another may have, such as an
/// operator's tool.
const READ_EVERY: Duration = Duration::from_secs(5);

/// How many leaves a tree that is made anew gets before it is noted how far it has come.
const NOTE_EVERY: u64 = 32_768;

/// A partition on its way into its tree.
pub(crate) struct Sealing {
    pub(crate) store: EventStore,
    pub(crate) partition: Partition,
    pub(crate) folder: SealFolder,
    /// Where copies of checkpoints are.
    pub(crate) copies: Option<PathBuf>,
    pub(crate) shown: watch::Sender<Option<Sealed>>,
    pub(crate) status: watch::Sender<SealStatus>,
}

/// A tree of one generation that grows.
struct Growing {
    folder: SealFolder,
    origin: Origin,
    in_folder: TreeFolder,
    tree: TreeFiles,
    /// What was signed before and the tree hasn't reached yet, the smallest last.
    expected: Vec<Signed>,
    /// Up to where the log reached at the start: nothing is signed before.
    start: Position,
    /// The size of the tree when it was last noted without a signature.
    noted: u64,
    /// How many keys have handed over.
    handed_over: usize,
    /// The public keys. Others may come after them.
    keys: Vec<[u8; 32]>,
    /// What keys signed in earlier generations.
    earlier_keys: Vec<KeyRange>,
    /// The size of the tree that is served, which this process has signed.
    shown: Option<u64>,
}

impl Sealing {
    /// Seals what is appended, until something is wrong.
    pub(crate) async fn run(&self) -> SealError {
        loop {
            if let Err(error) = self.seal_generation().await {
                return error;
            }
        }
    }

    /// Shows what was signed before, where nothing can be sealed from the start on: an auditor
    /// needs it most then.
    pub(crate) async fn show_what_stands(&self) {
        if self.shown.borrow().is_some() {
            return;
        }
        let Ok(head) = self.store.head(self.partition).await else { return };
        let (log_id, partition) = (self.store.log_id(), self.partition);
        let origin = Origin { log_id, generation: head.generation, partition };
        let folder = self.folder.clone();
        // What can't be read is the reason that is told.
        if let Ok(Some(sealed)) = blocking(move || what_stands(&folder, &origin)).await {
            self.shown.send_replace(Some(sealed));
        }
    }

    async fn seal_generation(&self) -> Result<(), SealError> {
        let (growing, follower) = self.open().await?;
        self.grow(growing, follower).await
    }

    /// Opens the tree of the log's generation, and begins after what is in it.
    async fn open(&self) -> Result<(Growing, Follower), SealError> {
        let (log_id, partition) = (self.store.log_id(), self.partition);
        let head = self.store.head(partition).await?;
        let origin = Origin { log_id, generation: head.generation, partition };
        let in_folder = self.folder.of_tree(&origin);
        let (folder, of_tree) = (self.folder.clone(), in_folder.clone());
        let copies = self.copies.clone();
        let read = move || Before::read(&folder, &origin, &of_tree, copies.as_deref());
        let Before { signed, handed_over, keys } = blocking(read).await?;
        if let Some(newest) = signed.first() {
            let last = Position(newest.checkpoint.size);
            if self.store.head_past(partition, last).await?.position < last {
                return Err(newest.forked());
            }
        }
        let begun = self.go_on(&origin, &in_folder, signed.first()).await?;
        let (tree, follower) = match begun {
            Some(begun) => begun,
            None => {
                if in_folder.has_hashes() {
                    self.check_log(&signed).await?;
                }
                let folder = in_folder.clone();
                let open =
                    move || TreeFiles::open(&folder, 0).map_err(SealError::file(folder.path()));
                (blocking(open).await?, self.store.follow(partition, Position::START)?)
            }
        };
        let (size, folder) = (tree.size(), in_folder.clone());
        let compare = move || still_expected(&folder, size, signed);
        let (folder, public) = (self.folder.clone(), keys.clone());
        let earlier = move || earlier_keys(&folder, &origin, &public);
        let growing = Growing {
            folder: self.folder.clone(),
            origin,
            in_folder,
            tree,
            expected: blocking(compare).await?,
            start: head.position,
            noted: size,
            handed_over,
            keys,
            earlier_keys: blocking(earlier).await?,
            shown: None,
        };
        Ok((growing, follower))
    }

    /// The tree as it was when it was signed last or, where its files are damaged, when it was last
    /// noted while it was made anew. Whatever the files lack is in the log.
    async fn go_on(
        &self,
        origin: &Origin,
        in_folder: &TreeFolder,
        newest: Option<&Signed>,
    ) -> Result<Option<(TreeFiles, Follower)>, SealError> {
        let from = newest.map(|signed| signed.checkpoint.clone());
        let (of, folder) = (*origin, in_folder.clone());
        let noted = blocking(move || unsigned(&of, &folder)).await?;
        for (from, is_signed) in [(from, true), (noted, false)] {
            let Some(from) = from else { continue };
            let place = Place { partition: self.partition, position: Position(from.size) };
            if self.store.head(self.partition).await?.position < place.position {
                continue;
            }
            let last = self.store.read_one(place).await?;
            let leaf = TreeHash::of_leaf(&last.fixed_record(self.store.log_id()));
            let of_tree = in_folder.clone();
            match blocking(move || open_at(&of_tree, &from, leaf)).await? {
                Ok(Some(tree)) => {
                    return Ok(Some((tree, self.store.follow_from(place, last.checksum)?)));
                }
                Ok(None) => {
                    if let Some(signed) = newest.filter(|_| is_signed) {
                        return Err(signed.forked());
                    }
                }
                Err(why) => {
                    tracing::warn!(%origin, why, "a tree's files are damaged; they are made anew");
                }
            }
        }
        Ok(None)
    }

    /// Compares the log with what was signed, before damaged files are written over: what is left
    /// of them may be what shows that the log is another.
    async fn check_log(&self, signed: &[Signed]) -> Result<(), SealError> {
        let (mut tree, mut expected) = (Frontier::default(), signed.to_vec());
        let mut follower = self.store.follow(self.partition, Position::START)?;
        let log_id = self.store.log_id();
        while let Some(next) = expected.last() {
            let events = follower.available(READ_EVENTS).await?;
            if events.is_empty() {
                return Err(next.forked());
            }
            let compare = move || {
                for event in events.iter() {
                    tree.append(TreeHash::of_leaf(&event.fixed_record(log_id)));
                    while let Some(signed) = expected.pop_if(|it| it.checkpoint.size <= tree.size())
                    {
                        if tree.root() != signed.checkpoint.root {
                            return Err(signed.forked());
                        }
                    }
                }
                Ok((tree, expected))
            };
            (tree, expected) = blocking(compare).await?;
        }
        Ok(())
    }

    /// Lets the tree grow until an event begins another generation.
    async fn grow(&self, mut growing: Growing, mut follower: Follower) -> Result<(), SealError> {
        // What was sealed before is served before anything is read.
        let mut events = Followed::default();
        let (mut last_read, mut last_signed) = (None, None);
        loop {
            let was_full = events.len() >= READ_EVENTS;
            let generation = growing.origin.generation;
            let ends = events.iter().any(|event| event.generation > generation);
            let rest = rest_of(SIGN_EVERY, last_signed);
            let may_sign = ends || (!was_full && rest.is_zero());
            let (grown, sealed) = blocking(move || growing.take(&events, may_sign)).await?;
            growing = grown;
            if let Some(sealed) = sealed {
                last_signed = Some(Instant::now());
                self.shown.send_replace(Some(sealed));
                self.status.send_if_modified(|status| {
                    let was_failing = *status != SealStatus::Sealing;
                    *status = SealStatus::Sealing;
                    was_failing
                });
            }
            if ends {
                return Ok(());
            }
            if !was_full {
                tokio::time::sleep(ADD_EVERY).await;
            }
            let wait = if growing.is_to_be_signed() {
                rest_of(SIGN_EVERY, last_signed)
            } else {
                LOOK_FOR_KEYS_EVERY
            };
            events = if was_full || Self::is_to_be_read(&mut follower, last_read, wait).await {
                last_read = Some(Instant::now());
                follower.available(READ_EVENTS).await?
            } else {
                Followed::default()
            };
        }
    }

    /// Waits for events, but no longer than until keys are looked for, or the tree is to be signed.
    async fn is_to_be_read(
        follower: &mut Follower,
        last_read: Option<Instant>,
        wait: Duration,
    ) -> bool {
        if last_read.is_none_or(|at| at.elapsed() >= READ_EVERY) {
            return true;
        }
        tokio::time::timeout(wait, follower.appended()).await.is_ok()
    }
}

impl Growing {
    /// Adds events, and signs the tree where it may and something has changed. Gives what is to
    /// be served then.
    fn take(
        mut self,
        events: &Followed,
        may_sign: bool,
    ) -> Result<(Self, Option<Sealed>), SealError> {
        // The fork begins the tree of its own generation.
        let of_this = events.iter().take_while(|it| it.generation <= self.origin.generation);
        let leaves: Vec<TreeHash> =
            of_this.map(|it| TreeHash::of_leaf(&it.fixed_record(self.origin.log_id))).collect();
        self.add(&leaves)?;
        if !may_sign || self.tree.size() < self.start.0 || self.tree.size() == 0 {
            self.note_progress()?;
            return Ok((self, None));
        }
        let keys = SigningKeys::load(&self.folder)?;
        let public = keys.all_public();
        if !public.starts_with(&self.keys) {
            let (file, keys) = (self.in_folder.checkpoint(), self.folder.keys());
            return Err(SealError::OtherKeys { file, keys });
        }
        self.keys = public;
        let hands_over = self.hand_over(keys.all())?;
        if !self.is_to_be_signed() && !hands_over {
            return Ok((self, None));
        }
        let sealed = self.sign(keys.all())?;
        self.shown = Some(sealed.size);
        Ok((self, Some(sealed)))
    }

    /// Whether it has events that this process hasn't signed.
    fn is_to_be_signed(&self) -> bool {
        self.tree.size() > 0 && self.shown != Some(self.tree.size())
    }

    /// Adds leaves. The root is compared wherever it was signed before.
    fn add(&mut self, mut leaves: &[TreeHash]) -> Result<(), SealError> {
        let reached = self.tree.size() + leaves.len() as u64;
        while let Some(signed) = self.expected.pop_if(|it| it.checkpoint.size <= reached) {
            let to = usize::try_from(signed.checkpoint.size.saturating_sub(self.tree.size()));
            let (before, after) = leaves.split_at(to.unwrap_or_default().min(leaves.len()));
            self.append(before)?;
            leaves = after;
            if self.tree.root() != signed.checkpoint.root {
                return Err(signed.forked());
            }
        }
        self.append(leaves)
    }

    fn append(&mut self, leaves: &[TreeHash]) -> Result<(), SealError> {
        self.tree.append(leaves).map_err(SealError::file(self.in_folder.path()))
    }

    /// Notes how far a tree has come that is not to be signed yet, so that a process which is ended
    /// before needn't begin again.
    fn note_progress(&mut self) -> Result<(), SealError> {
        if self.tree.size() < self.noted + NOTE_EVERY {
            return Ok(());
        }
        let (file, text) = (self.in_folder.unsigned(), self.checkpoint().to_string());
        replace(&file, &text, Readers::Owner)?;
        self.noted = self.tree.size();
        Ok(())
    }

    /// Lets each key but the last sign its last checkpoint, which names the next key. It is kept
    /// beside the keys before it stands in the tree: a key signs only one.
    fn hand_over(&mut self, keys: &[SigningKey]) -> Result<bool, SealError> {
        let mut any = false;
        while let Some([key, next]) = keys.get(self.handed_over..self.handed_over + 2) {
            let name = self.origin.to_string();
            let next_key = Some(next.verifier(&name)?);
            let last = Checkpoint { next_key, ..self.checkpoint() };
            let note = key.sign(&name, last.to_string())?;
            let number = u32::try_from(self.handed_over + 1).unwrap_or(u32::MAX);
            let text = note.to_string();
            for path in
                [self.folder.handover(&self.origin, number), self.in_folder.handover(number)]
            {
                replace(&path, &text, Readers::Owner)?;
            }
            tracing::info!(
                origin = %self.origin, size = last.size,
                "the transparency log's key has handed over to the next"
            );
            self.handed_over += 1;
            any = true;
        }
        Ok(any)
    }

    fn sign(&mut self, keys: &[SigningKey]) -> Result<Sealed, SealError> {
        let key = keys.last().ok_or(SealError::Closed)?;
        let note = key.sign(&self.origin.to_string(), self.checkpoint().to_string())?;
        let (path, text) = (self.in_folder.checkpoint(), note.to_string());
        // On the disk before anybody sees it: the next process begins from it, and must never sign
        // less.
        replace(&path, &text, Readers::Owner)?;
        let mut sealed = Sealed::read(self.in_folder.clone())?.ok_or(SealError::Closed)?;
        sealed.keys.clone_from(&self.earlier_keys);
        sealed.keys.extend(sealed.key_ranges(&self.keys)?);
        Ok(sealed)
    }

    fn checkpoint(&self) -> Checkpoint {
        let (size, root) = (self.tree.size(), self.tree.root());
        Checkpoint { origin: self.origin, size, root, next_key: None }
    }
}

/// How much of a time is left that began then.
fn rest_of(time: Duration, begun: Option<Instant>) -> Duration {
    begun.map_or(Duration::ZERO, |begun| time.saturating_sub(begun.elapsed()))
}

/// The tree that was signed last, with the keys that signed it, if they are those of the folder.
fn what_stands(folder: &SealFolder, origin: &Origin) -> Result<Option<Sealed>, SealError> {
    let Some(mut sealed) = Sealed::read(folder.of_tree(origin))? else { return Ok(None) };
    if let (Ok(note), Ok(keys)) = (sealed.note.parse(), SigningKeys::load(folder))
        && signed_by(&note, origin, keys.all())?
    {
        sealed.keys = earlier_keys(folder, origin, &keys.all_public())?;
        sealed.keys.extend(sealed.key_ranges(&keys.all_public())?);
    }
    Ok(Some(sealed))
}

/// How far a tree had come that was made anew.
fn unsigned(origin: &Origin, in_folder: &TreeFolder) -> Result<Option<Checkpoint>, SealError> {
    let file = in_folder.unsigned();
    let text = read(&file)?;
    let noted = text.and_then(|text| text.parse::<Checkpoint>().ok());
    Ok(noted.filter(|noted| noted.origin == *origin && noted.size > 0))
}

/// Compares the tree with what was signed before; gives what it hasn't reached yet.
fn still_expected(
    folder: &TreeFolder,
    size: u64,
    mut signed: Vec<Signed>,
) -> Result<Vec<Signed>, SealError> {
    let reached = signed.iter().position(|it| it.checkpoint.size <= size);
    for signed in signed.drain(reached.unwrap_or(signed.len())..) {
        if root_at(folder, signed.checkpoint.size)? != signed.checkpoint.root {
            return Err(signed.forked());
        }
    }
    Ok(signed)
}
