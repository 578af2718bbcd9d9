//! Sealing one partition: reads on, adds to the tree, signs.

use std::path::PathBuf;
use std::time::Duration;

use event_store::{EventStore, Follower};
use log_record::{Partition, Place, Position, RecordedEvent};
use tokio::sync::watch;
use tokio::time::Instant;
use transparency::{Checkpoint, Origin, SigningKey, TreeHash};

use crate::folder::{Readers, TreeFolder, replace};
use crate::sealed::Sealed;
use crate::signed::{Before, Signed, published};
use crate::tree_files::{TreeFiles, open_at};
use crate::{SealError, SealFolder, SealStatus, SigningKeys};

/// How long a checkpoint stays the newest at least. Several a second keep events unsealed for less
/// than one, and cost nothing beside what is appended meanwhile.
const SEAL_EVERY: Duration = Duration::from_millis(200);

/// How many events are read at once. A follower reads one more, the last that it knows.
const READ_EVENTS: usize = 8_192;

/// How often the file of keys is looked at while nothing is appended.
const LOOK_FOR_KEYS_EVERY: Duration = Duration::from_secs(1);

/// How often the log is read while this process appends nothing: another may have, such as an
/// operator's tool.
const READ_EVERY: Duration = Duration::from_secs(5);

/// A partition on its way into its tree.
pub(crate) struct Sealing {
    store: EventStore,
    partition: Partition,
    folder: SealFolder,
    publish: Option<PathBuf>,
    shown: watch::Sender<Option<Sealed>>,
    status: watch::Sender<SealStatus>,
}

/// A tree of one generation that grows.
struct Growing {
    folder: SealFolder,
    publish: Option<Publishing>,
    origin: Origin,
    in_folder: TreeFolder,
    tree: TreeFiles,
    /// What was signed before, until the tree has reached it again.
    signed: Option<Signed>,
    /// Up to where the log reached at the start: nothing is signed before.
    start: Position,
    /// How many keys have handed over.
    handed_over: usize,
    /// The public keys. Others may come after them.
    keys: Vec<[u8; 32]>,
    /// Whether the tree is served, as it was when this process began.
    is_shown: bool,
}

/// Where somebody else keeps checkpoints, too.
struct Publishing {
    folder: PathBuf,
    is_failing: bool,
}

impl Sealing {
    pub(crate) const fn new(
        store: EventStore,
        partition: Partition,
        folder: SealFolder,
        publish: Option<PathBuf>,
        shown: watch::Sender<Option<Sealed>>,
        status: watch::Sender<SealStatus>,
    ) -> Self {
        Self { store, partition, folder, publish, shown, status }
    }

    /// Seals what is appended, until something is wrong.
    pub(crate) async fn run(&self) -> SealError {
        loop {
            if let Err(error) = self.seal_generation().await {
                return error;
            }
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
        let publish = self.publish.clone();
        let read = move || Before::read(&folder, &origin, &of_tree, publish.as_deref());
        let before = blocking(read).await?;
        let (mut tree, mut follower, mut kept) = (None, None, before.newest);
        if let Some(signed) = kept.take_if(|it| it.checkpoint.size > 0) {
            let place = Place { partition, position: Position(signed.checkpoint.size) };
            let forked = || SealError::Forked { place, file: signed.file.clone() };
            if self.store.head_past(partition, place.position).await?.position < place.position {
                return Err(forked());
            }
            let last = self.store.read_one(place).await?;
            let leaf = TreeHash::of_leaf(&last.fixed_record(log_id));
            let of_tree = in_folder.clone();
            let checkpoint = signed.checkpoint.clone();
            let opened = blocking(move || open_at(&of_tree, &checkpoint, leaf)).await?;
            match opened {
                Ok(Some(opened)) => {
                    follower = Some(self.store.follow_from(place, last.checksum)?);
                    tree = Some(opened);
                }
                Ok(None) => return Err(forked()),
                // Whatever the files lack is in the log; what was signed is compared then.
                Err(why) => {
                    tracing::warn!(%origin, why, "a tree's files are damaged; they are made anew");
                    kept = Some(signed);
                }
            }
        }
        let follower = match follower {
            Some(follower) => follower,
            None => self.store.follow(partition, Position::START)?,
        };
        let of_tree = in_folder.clone();
        let tree = match tree {
            Some(tree) => tree,
            None => {
                blocking(move || {
                    TreeFiles::open(&of_tree, 0).map_err(SealError::file(of_tree.path()))
                })
                .await?
            }
        };
        let growing = Growing {
            folder: self.folder.clone(),
            publish: self.publish.clone().map(|folder| Publishing { folder, is_failing: false }),
            origin,
            in_folder,
            tree,
            signed: kept,
            start: head.position,
            handed_over: before.handed_over,
            keys: before.keys,
            is_shown: false,
        };
        Ok((growing, follower))
    }

    /// Lets the tree grow until an event begins another generation.
    async fn grow(&self, mut growing: Growing, mut follower: Follower) -> Result<(), SealError> {
        // What was sealed before is served before anything is read.
        let mut events: Vec<RecordedEvent> = vec![];
        let mut last_read = None;
        loop {
            let was_full = events.len() >= READ_EVENTS;
            let generation = growing.origin.generation;
            let ends = events.iter().any(|event| event.generation > generation);
            let (grown, sealed) = blocking(move || growing.take(&events, !was_full)).await?;
            growing = grown;
            if let Some(sealed) = sealed {
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
                tokio::time::sleep(SEAL_EVERY).await;
            }
            events = if was_full || Self::is_to_be_read(&mut follower, last_read).await {
                last_read = Some(Instant::now());
                follower.available(READ_EVENTS).await?
            } else {
                vec![]
            };
        }
    }

    /// Waits for events, but no longer than until keys are looked for.
    async fn is_to_be_read(follower: &mut Follower, last_read: Option<Instant>) -> bool {
        if last_read.is_none_or(|at| at.elapsed() >= READ_EVERY) {
            return true;
        }
        tokio::time::timeout(LOOK_FOR_KEYS_EVERY, follower.appended()).await.is_ok()
    }
}

impl Growing {
    /// Adds events, and signs the tree unless more are at hand. Gives what is to be served, where
    /// that has changed.
    fn take(
        mut self,
        events: &[RecordedEvent],
        is_all: bool,
    ) -> Result<(Self, Option<Sealed>), SealError> {
        // The fork begins the tree of its own generation.
        let of_this = events.iter().take_while(|it| it.generation <= self.origin.generation);
        let leaves: Vec<TreeHash> =
            of_this.map(|it| TreeHash::of_leaf(&it.fixed_record(self.origin.log_id))).collect();
        self.add(&leaves)?;
        if !is_all || self.tree.size() < self.start.0 || self.tree.size() == 0 {
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
        if self.is_shown && leaves.is_empty() && !hands_over {
            return Ok((self, None));
        }
        let sealed = self.sign(keys.all())?;
        self.is_shown = true;
        Ok((self, Some(sealed)))
    }

    fn add(&mut self, leaves: &[TreeHash]) -> Result<(), SealError> {
        let mut rest = leaves;
        // The root is compared when the tree is as large as what was signed before.
        if let Some(Signed { checkpoint: signed, file }) = &self.signed {
            let to = usize::try_from(signed.size.saturating_sub(self.tree.size()));
            let (before, after) = rest.split_at(to.unwrap_or(usize::MAX).min(rest.len()));
            self.tree.append(before).map_err(SealError::file(self.in_folder.path()))?;
            rest = after;
            if self.tree.size() >= signed.size {
                if self.tree.root() != signed.root {
                    let Origin { partition, .. } = self.origin;
                    let place = Place { partition, position: Position(signed.size) };
                    return Err(SealError::Forked { place, file: file.clone() });
                }
                self.signed = None;
            }
        }
        self.tree.append(rest).map_err(SealError::file(self.in_folder.path()))
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
                replace(&path, &text, Readers::Owner).map_err(SealError::file(&path))?;
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
        replace(&path, &text, Readers::Owner).map_err(SealError::file(&path))?;
        if let Some(publishing) = &mut self.publish {
            publishing.publish(&self.origin, &text);
        }
        let sealed = Sealed::read(self.in_folder.clone())?.ok_or(SealError::Closed)?;
        sealed.with_keys(&self.keys)
    }

    fn checkpoint(&self) -> Checkpoint {
        let (size, root) = (self.tree.size(), self.tree.root());
        Checkpoint { origin: self.origin, size, root, next_key: None }
    }
}

impl Publishing {
    /// Puts a copy of the checkpoint there. Nothing waits for that folder, and a copy that fails is
    /// made with the next checkpoint.
    fn publish(&mut self, origin: &Origin, note: &str) {
        let file = published(&self.folder, origin);
        let failed = replace(&file, note, Readers::Everybody).err();
        if let Some(error) = failed.as_ref().filter(|_| !self.is_failing) {
            let (file, error) = (file.display(), error as &dyn std::error::Error);
            tracing::warn!(%file, error, "checkpoints can't be published there");
        }
        self.is_failing = failed.is_some();
    }
}

/// Does work that hashes and waits for the disk, apart from the tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, SealError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SealError::Closed)?
}
