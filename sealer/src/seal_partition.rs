//! Sealing one partition: reads on, adds to the tree, signs.

use std::path::PathBuf;
use std::time::Duration;

use event_store::{EventStore, Follower};
use log_record::{LogId, Partition, Place, Position, RecordedEvent};
use tokio::sync::watch;
use tokio::time::Instant;
use transparency::{Checkpoint, Note, Origin, SigningKey, TreeHash};

use crate::folder::{TreeFolder, read, replace};
use crate::sealed::Sealed;
use crate::tree_files::TreeFiles;
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
    log_id: LogId,
    folder: SealFolder,
    publish: Option<Publishing>,
    origin: Origin,
    in_folder: TreeFolder,
    tree: TreeFiles,
    /// What was signed before, until the tree has reached it again.
    signed: Option<Checkpoint>,
    /// Up to where the log reached at the start: nothing is signed before.
    start: Position,
    /// How many keys have handed over.
    handed_over: usize,
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
        let signed = blocking(move || last_signed(&folder, &origin, &of_tree)).await?;
        let (mut tree, mut follower, mut kept) = (None, None, signed);
        if let Some(checkpoint) = kept.take_if(|it| it.size > 0) {
            let place = Place { partition, position: Position(checkpoint.size) };
            let forked = || SealError::Forked { place, file: in_folder.checkpoint() };
            if self.store.head_past(partition, place.position).await?.position < place.position {
                return Err(forked());
            }
            let last = self.store.read_one(place).await?;
            let leaf = TreeHash::of_leaf(&last.fixed_record(log_id));
            let of_tree = in_folder.clone();
            let signed = checkpoint.clone();
            let opened = blocking(move || Ok(open_at(&of_tree, &signed, leaf))).await?;
            match opened {
                Ok(Some(opened)) => {
                    follower = Some(self.store.follow_from(place, last.checksum)?);
                    tree = Some(opened);
                }
                Ok(None) => return Err(forked()),
                // Whatever the files lack is in the log; what was signed is compared then.
                Err(why) => {
                    tracing::warn!(%origin, why, "a tree's files are damaged; they are made anew");
                    kept = Some(checkpoint);
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
        let of_tree = in_folder.clone();
        let handed_over = blocking(move || Ok(handovers(&of_tree))).await?;
        let growing = Growing {
            log_id,
            folder: self.folder.clone(),
            publish: self.publish.clone().map(|folder| Publishing { folder, is_failing: false }),
            origin,
            in_folder,
            tree,
            signed: kept,
            start: head.position,
            handed_over,
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
            of_this.map(|it| TreeHash::of_leaf(&it.fixed_record(self.log_id))).collect();
        self.add(&leaves)?;
        if !is_all || self.tree.size() < self.start.0 || self.tree.size() == 0 {
            return Ok((self, None));
        }
        let keys = SigningKeys::load(&self.folder)?;
        let hands_over = self.hand_over(keys.all())?;
        if self.is_shown && leaves.is_empty() && !hands_over {
            return Ok((self, None));
        }
        let sealed = self.sign(keys.all())?;
        self.is_shown = true;
        Ok((self, Some(sealed)))
    }

    fn add(&mut self, leaves: &[TreeHash]) -> Result<(), SealError> {
        let unwritten = |folder: &TreeFolder| {
            let folder = folder.path().to_owned();
            move |source| SealError::File { file: folder, source }
        };
        let mut rest = leaves;
        // The root is compared when the tree is as large as what was signed before.
        if let Some(signed) = &self.signed {
            let to = usize::try_from(signed.size.saturating_sub(self.tree.size()));
            let (before, after) = rest.split_at(to.unwrap_or(usize::MAX).min(rest.len()));
            self.tree.append(before).map_err(unwritten(&self.in_folder))?;
            rest = after;
            if self.tree.size() >= signed.size {
                if self.tree.root() != signed.root {
                    let Origin { partition, .. } = self.origin;
                    let place = Place { partition, position: Position(signed.size) };
                    return Err(SealError::Forked { place, file: self.in_folder.checkpoint() });
                }
                self.signed = None;
            }
        }
        self.tree.append(rest).map_err(unwritten(&self.in_folder))
    }

    /// Lets each key but the last sign its last checkpoint, which names the next key.
    fn hand_over(&mut self, keys: &[SigningKey]) -> Result<bool, SealError> {
        let mut any = false;
        while let Some([key, next]) = keys.get(self.handed_over..self.handed_over + 2) {
            let name = self.origin.to_string();
            let next_key = Some(next.verifier(&name)?);
            let last = Checkpoint { next_key, ..self.checkpoint() };
            let note = key.sign(&name, last.to_string())?;
            let number = u32::try_from(self.handed_over + 1).unwrap_or(u32::MAX);
            let path = self.in_folder.handover(number);
            replace(&path, &note.to_string(), true).map_err(SealError::file(&path))?;
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
        replace(&path, &text, false).map_err(SealError::file(&path))?;
        if let Some(publishing) = &mut self.publish {
            publishing.publish(&self.origin, &text);
        }
        let sealed = Sealed::read(self.in_folder.clone())?.ok_or(SealError::Closed)?;
        sealed.with_keys(&keys.iter().map(SigningKey::public).collect::<Vec<_>>())
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
        let Origin { log_id, generation, partition } = origin;
        let file = self.folder.join(format!("{log_id}-{generation}-{partition}.checkpoint"));
        let failed = replace(&file, note, true).err();
        if let Some(error) = failed.as_ref().filter(|_| !self.is_failing) {
            let (file, error) = (file.display(), error as &dyn std::error::Error);
            tracing::warn!(%file, error, "checkpoints can't be published there");
        }
        self.is_failing = failed.is_some();
    }
}

/// The checkpoint that was signed last, if it is there and one of the keys signed it.
fn last_signed(
    folder: &SealFolder,
    origin: &Origin,
    in_folder: &TreeFolder,
) -> Result<Option<Checkpoint>, SealError> {
    let path = in_folder.checkpoint();
    let Some(text) = read(&path).map_err(SealError::file(&path))? else { return Ok(None) };
    let keys = SigningKeys::load(folder)?;
    let name = origin.to_string();
    let is_signed = |note: &Note| {
        let keys = keys.all().iter().map(|key| key.verifier(&name));
        keys.flatten().any(|key| note.verify(&key).is_ok())
    };
    let note = text.parse::<Note>().ok().filter(is_signed);
    let checkpoint = note.and_then(|note| Checkpoint::of(&note).ok());
    let checkpoint = checkpoint.filter(|it| it.origin == *origin);
    if checkpoint.is_none() {
        // A machine that lost its power may leave half a file.
        tracing::warn!(file = %path.display(), "the last checkpoint is damaged; it is made anew");
    }
    Ok(checkpoint)
}

/// The tree of a checkpoint; `None` if the log has another event where it ends. If the files don't
/// give its root, why.
fn open_at(
    in_folder: &TreeFolder,
    checkpoint: &Checkpoint,
    leaf: TreeHash,
) -> Result<Option<TreeFiles>, String> {
    let tree = TreeFiles::open(in_folder, checkpoint.size).map_err(|it| it.to_string())?;
    let is_whole = crate::tree_files::are_whole(in_folder, checkpoint.size);
    if !is_whole.map_err(|it| it.to_string())? || tree.root() != checkpoint.root {
        return Err("they don't give the root that was signed".into());
    }
    let last = crate::tree_files::subtree(in_folder, 0, checkpoint.size - 1);
    let last = last.map_err(|it| it.to_string())?;
    Ok((last == leaf).then_some(tree))
}

/// How many keys have handed over in a tree.
fn handovers(in_folder: &TreeFolder) -> usize {
    (1_u32..).take_while(|number| in_folder.handover(*number).exists()).count()
}

/// Does work that hashes and waits for the disk, apart from the tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SealError> + Send + 'static,
) -> Result<T, SealError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| SealError::Closed)?
}
