//! `guerdon keys`: lists, creates, revokes and rotates API keys, right in the log's store. It needs
//! no key, so it also helps those who have lost theirs; the ledger may be running.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use command_api::{Key, KeyBook, MadeKey, NewKey};
use domain::{AccountId, Timestamp};
use event_store::{Access, with_causes};
use wire::{Role, Scopes};

use crate::data_config::DataConfig;
use crate::duration::duration;
use crate::first_keys;
use crate::key_file::{KeyFile, put_in_place};

/// Who does it, for the program's log.
const BY: &str = "the command line";

/// What to do about keys. The options of the data may come before or after the name of an act.
#[derive(Args, Clone, Debug)]
#[command(mut_args(|option| option.global(true)))]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    data: DataConfig,
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

pub(crate) async fn run(KeysArgs { data, act }: KeysArgs) -> anyhow::Result<()> {
    match act {
        Act::List => {
            for key in open(&data).await?.list().await? {
                println!("{}", line(&key));
            }
            Ok(())
        }
        Act::Create(new) => {
            let book = open(&data).await?;
            let made = book.create(new.key()?, BY).await?;
            print_made(&made);
            note(&book, format!("keys create {}", made.key.id)).await;
            Ok(())
        }
        Act::Revoke { key_id } => {
            let book = open(&data).await?;
            let (_, is_news) = book.revoke(&key_id, BY).await?;
            if is_news {
                note(&book, format!("keys revoke {key_id}")).await;
                println!("revoked {key_id}; within 5 seconds every process refuses it");
            } else {
                println!("{key_id} was already revoked");
            }
            Ok(())
        }
        Act::Rotate { key_id, grace } => rotate(&data, &key_id, grace).await,
        Act::ReplaceAll => {
            let (file, book) = (data.api_keys(), open(&data).await?);
            first_keys::make(&book, &file).await?;
            note(&book, "keys replace-all".to_owned()).await;
            println!("new API keys are in {}; all other keys are revoked", file.display());
            Ok(())
        }
    }
}

async fn rotate(data: &DataConfig, key_id: &str, grace: Duration) -> anyhow::Result<()> {
    let book = open(data).await?;
    let made = book.rotate(key_id, grace, BY).await?;
    print_made(&made);
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

/// The id goes to stderr, so that the key itself can be piped.
fn print_made(MadeKey { text, key }: &MadeKey) {
    eprintln!("key {} with the role {}; it can't be shown again:", key.id, key.role);
    println!("{text}");
}

fn line(key: &Key) -> String {
    let mut parts = vec![
        key.id.clone(),
        key.role.to_string(),
        key.status_now().as_str().to_owned(),
        format!("{:?}", key.label),
    ];
    parts.extend(key.scopes.texts());
    let mut fact = |name: &str, value: Option<String>| {
        parts.extend(value.map(|value| format!("{name}={value}")));
    };
    fact("account", key.account_id.clone());
    fact("name", key.name.as_ref().map(|name| format!("{name:?}")));
    fact("created", Some(key.created_at.to_string()));
    fact("expires", key.expires_at.map(|at| at.to_string()));
    fact("revoked", key.revoked_at.map(|at| at.to_string()));
    fact("last-used", key.last_used_at.map(|at| at.to_string()));
    parts.join("  ")
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
