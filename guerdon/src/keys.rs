//! `guerdon keys`: lists, creates, revokes and rotates API keys, right in the log's store. It needs
//! no key, so it also helps those who have lost theirs; the ledger may be running.

use std::fmt::{Display, Formatter};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use command_api::{Key, KeyBook, MadeKey, NewKey};
use domain::{AccountId, Timestamp};
use event_store::{Access, with_causes};
use serde::Serialize;
use wire::body::KeyBody;
use wire::{Role, Scopes};

use crate::data_config::DataConfig;
use crate::duration::duration;
use crate::first_keys;
use crate::key_file::{KeyFile, put_in_place};
use crate::printing::Printing;

/// Who does it, for the program's log.
const BY: &str = "the command line";

/// What to do about keys. The options of the data may come before or after the name of an act.
#[derive(Args, Clone, Debug)]
#[command(mut_args(|option| option.global(true)))]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    data: DataConfig,
    #[command(flatten)]
    printing: Printing,
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand, Clone, Debug)]
enum Act {
    /// List all keys: id, role, status, label, scopes and times. The keys themselves are not
    /// stored.
    List,
    /// Create a key and print it. It can't be shown again.
    Create(CreateArgs),
    /// Revoke a key. Within 5 seconds every process of the ledger refuses it.
    Revoke {
        /// The key's id, such as k-7f3a9c21.
        key_id: String,
    },
    /// Create a key with the same role, label and scopes, and end the old key after --grace.
    ///
    /// If api-keys.json in the data folder contains the old key, the new key replaces it there.
    Rotate {
        /// The old key's id, such as k-7f3a9c21.
        key_id: String,
        /// How long the old key stays valid beside the new one: 0s, 15min, 24h, 7d.
        #[arg(long, default_value = "24h", value_parser = duration)]
        grace: Duration,
    },
    /// Revoke all keys, and write a new key for each role to api-keys.json in the data folder.
    ReplaceAll,
}

/// The key to create.
#[derive(Args, Clone, Debug)]
struct CreateArgs {
    /// The key's role: shopper, merchant, operator, warehouse or auditor.
    #[arg(long, value_parser = role)]
    role: Role,

    /// What the key is for, such as "Till 3".
    #[arg(long)]
    label: String,

    /// Restrict the key: read-only, offers (only calls about offers), or warehouses:ID,ID (only
    /// shipping requests of these warehouses). Repeat the option for several scopes.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,

    /// Restrict a shopper's key to this account.
    #[arg(long)]
    account_id: Option<AccountId>,

    /// The name of the person who holds the key. The log keeps it as private data.
    #[arg(long)]
    name: Option<String>,

    /// When the key expires, such as 2027-01-31T00:00:00Z. [default: never]
    #[arg(long, value_name = "TIME")]
    expires_at: Option<Timestamp>,
}

pub(crate) async fn run(KeysArgs { data, printing, act }: KeysArgs) -> anyhow::Result<()> {
    let store = data.store();
    match act {
        Act::List => list(&open(&data).await?.list().await?, printing),
        Act::Create(new) => {
            printing.about(format_args!("creating a key in {store}"));
            let book = open(&data).await?;
            let made = book.create(new.key()?, BY).await?;
            print_made(&made, printing)?;
            note(&book, format!("keys create {}", made.key.id)).await;
            Ok(())
        }
        Act::Revoke { key_id } => {
            printing.about(format_args!("revoking the key {key_id} in {store}"));
            let book = open(&data).await?;
            let (_, is_news) = book.revoke(&key_id, BY).await?;
            if is_news {
                note(&book, format!("keys revoke {key_id}")).await;
            }
            printing.one(&Revoked { key_id, is_news })
        }
        Act::Rotate { key_id, grace } => {
            let seconds = grace.as_secs();
            printing.about(format_args!(
                "making a key in {store} in place of {key_id}, which ends after {seconds} seconds"
            ));
            rotate(&data, &key_id, grace, printing).await
        }
        Act::ReplaceAll => {
            printing.about(format_args!("revoking all keys in {store}, and making new ones"));
            let (file, book) = (data.api_keys(), open(&data).await?);
            first_keys::make(&book, &file).await?;
            note(&book, "keys replace-all".to_owned()).await;
            printing.one(&Replaced { file })
        }
    }
}

/// A key that is let in no more.
#[derive(Serialize)]
struct Revoked {
    key_id: String,
    /// Whether it was let in until now.
    is_news: bool,
}

impl Display for Revoked {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { key_id, is_news } = self;
        if *is_news {
            write!(f, "revoked {key_id}; within 5 seconds every process refuses it")
        } else {
            write!(f, "{key_id} was already revoked")
        }
    }
}

/// All keys are new.
#[derive(Serialize)]
struct Replaced {
    file: PathBuf,
}

impl Display for Replaced {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "new API keys are in {}; all other keys are revoked", self.file.display())
    }
}

/// A key that was made now. Its text is shown here and nowhere else.
#[derive(Serialize)]
struct Made<'a> {
    key_id: &'a str,
    role: &'static str,
    label: &'a str,
    key: &'a str,
}

impl Display for Made<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.key)
    }
}

async fn rotate(
    data: &DataConfig,
    key_id: &str,
    grace: Duration,
    printing: Printing,
) -> anyhow::Result<()> {
    let book = open(data).await?;
    let made = book.rotate(key_id, grace, BY).await?;
    print_made(&made, printing)?;
    note(&book, format!("keys rotate {key_id}")).await;
    let file = data.api_keys();
    let Ok(mut keys) = KeyFile::read(&file) else { return Ok(()) };
    let text = keys.of_role(made.key.role);
    if book.id_of(text, made.key.role).await?.as_deref() == Some(key_id) {
        text.clone_from(&made.text);
        keys.write_beside(&file)?;
        put_in_place(&file)?;
        eprintln!("{} contains the new key now", file.display());
    }
    Ok(())
}

/// Notes what was done in the operators' log. The key has changed whether or not that succeeds.
async fn note(book: &KeyBook, act: String) {
    if let Err(error) = book.note_tool(act).await {
        eprintln!("this isn't in GET /v1/operations: {}", with_causes(&error));
    }
}

/// The keys of a log that was started before.
async fn open(data: &DataConfig) -> anyhow::Result<KeyBook> {
    let store = data.open(Access::Read).await?;
    let book = KeyBook::open(store).await?;
    ensure!(
        !book.list().await?.is_empty(),
        "the log has no API keys yet; start the ledger once, which makes them"
    );
    Ok(book)
}

/// In a table, the id goes to standard error, so that the key itself can be piped.
fn print_made(MadeKey { text, key }: &MadeKey, printing: Printing) -> anyhow::Result<()> {
    if !printing.is_json() {
        eprintln!("key {} with the role {}; it can't be shown again:", key.id, key.role);
    }
    let role = key.role.as_str();
    printing.one(&Made { key_id: &key.id, role, label: &key.label, key: text })
}

fn list(keys: &[Key], printing: Printing) -> anyhow::Result<()> {
    let items: Vec<KeyBody> = keys.iter().cloned().map(command_api::key_body).collect();
    let header = [
        "id",
        "role",
        "status",
        "label",
        "scopes",
        "account",
        "name",
        "created",
        "ends",
        "last used",
    ];
    printing.rows(header, &items, |key| {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        [
            key.key_id.clone(),
            key.role.to_owned(),
            key.status.to_owned(),
            key.label.clone(),
            key.scopes.join(" "),
            key.account_id.clone().unwrap_or_default(),
            key.name.clone().unwrap_or_default(),
            key.created_at.to_string(),
            time(key.revoked_at.or(key.expires_at)),
            time(key.last_used_at),
        ]
    })
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("a role is one of {}", Role::ALL_NAMES))
}

impl CreateArgs {
    fn key(self) -> anyhow::Result<NewKey> {
        let Self { role, label, scopes, account_id, name, expires_at } = self;
        let scopes = Scopes::parse(scopes.iter().map(String::as_str));
        let scopes = scopes.context("can't use --scope")?;
        Ok(NewKey { role, label, scopes, account_id, name, expires_at })
    }
}
