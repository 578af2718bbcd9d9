//! Connections, and what a server says beside its answers.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use futures_util::future::BoxFuture;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, CancelToken, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::tls::connector;
use crate::{PostgresError, PostgresUrl, session};

/// A connection to the server that takes writes.
#[derive(Debug)]
pub struct Connection {
    /// To ask with.
    pub client: Client,
    warned: Arc<AtomicBool>,
}

impl Connection {
    /// Whether the server has warned since this was last asked. A commit whose wait for a standby
    /// was cancelled is answered as done, with no more than a warning that it may be on one server
    /// only; a warning comes before the answer that it belongs to.
    #[must_use]
    pub fn take_warning(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }
}

/// A pool of connections to the server that takes writes.
pub type Pool = deadpool::managed::Pool<Sessions>;

/// One of a pool's connections, lent.
pub type PooledClient = deadpool::managed::Object<Sessions>;

/// A pool has no connection to lend.
pub type PoolError = deadpool::managed::PoolError<PostgresError>;

/// Makes a pool's connections.
#[derive(Debug)]
pub struct Sessions(PostgresUrl);

impl Manager for Sessions {
    type Type = ClientWrapper;
    type Error = PostgresError;

    async fn create(&self) -> Result<ClientWrapper, PostgresError> {
        let (connection, link) = self.0.dial().await?;
        Ok(ClientWrapper::new(connection.client, link))
    }

    async fn recycle(
        &self,
        client: &mut ClientWrapper,
        _: &Metrics,
    ) -> RecycleResult<PostgresError> {
        if client.is_closed() { Err(RecycleError::message("it is closed")) } else { Ok(()) }
    }
}

impl PostgresUrl {
    /// Connects to the server that takes writes.
    pub async fn connect(&self) -> Result<Connection, PostgresError> {
        // The link ends with the client, or with the connection.
        self.dial().await.map(|(connection, _)| connection)
    }

    /// Up to `size` connections to the server that takes writes, made when they are needed.
    pub fn pool(&self, size: usize) -> Result<Pool, PostgresError> {
        Pool::builder(Sessions(self.clone()))
            .max_size(size)
            .build()
            .map_err(|source| self.failed(source))
    }

    /// Asks each server in turn. One that takes connections and then says nothing is passed over
    /// like one that takes none.
    fn dial(&self) -> BoxFuture<'_, Result<(Connection, JoinHandle<()>), PostgresError>> {
        Box::pin(async move {
            let (connector, mut refused) = (connector(self.roots.as_ref())?, vec![]);
            for server in &*self.each {
                let dialled = dial(server, connector.clone());
                let why = match timeout(self.connect_timeout(), dialled).await {
                    Ok(Ok(dialled)) => return Ok(dialled),
                    Ok(Err(error)) => why(&error),
                    Err(_) => io::Error::from(io::ErrorKind::TimedOut).to_string(),
                };
                if why != TAKES_NO_WRITES {
                    refused.push(format!("{}: {why}", name_of(server)));
                }
            }
            Err(if refused.is_empty() {
                PostgresError::NoPrimary { url: self.to_string() }
            } else {
                self.failed(refused.join("; "))
            })
        })
    }

    /// Asks the server to give up what the token's connection asked it for.
    pub async fn cancel(&self, token: CancelToken) -> Result<(), PostgresError> {
        let connector = connector(self.roots.as_ref())?;
        match timeout(self.connect_timeout(), token.cancel_query(connector)).await {
            Ok(cancelled) => cancelled.map_err(|source| self.failed(source)),
            Err(_) => Err(self.failed(io::Error::from(io::ErrorKind::TimedOut))),
        }
    }

    pub(crate) fn failed(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PostgresError {
        PostgresError::Connect { url: self.to_string(), source: source.into() }
    }
}

/// What the driver says of a standby.
const TAKES_NO_WRITES: &str = "database does not allow writes";

/// Connects to one server, and sets the session.
async fn dial(
    server: &Config,
    connector: MakeRustlsConnect,
) -> Result<(Connection, JoinHandle<()>), Error> {
    let (client, mut link) = server.connect(connector).await?;
    let warned = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&warned);
    let link = tokio::spawn(async move {
        loop {
            match poll_fn(|context| link.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notice(notice))) => {
                    // What the server calls NOTICE or INFO says nothing of what is at stake.
                    // The severity is translated; what was parsed of it isn't.
                    if notice.parsed_severity() == Some(Severity::Warning) {
                        tracing::warn!(%notice, "PostgreSQL warns");
                        told.store(true, Ordering::Release);
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    tracing::debug!(%error, "a connection to PostgreSQL is broken");
                    return;
                }
                None => return,
            }
        }
    });
    client.batch_execute(&session(&[])).await?;
    let connection = Connection { client, warned };
    // What came with the connection says nothing of a commit.
    let _ = connection.take_warning();
    Ok((connection, link))
}

fn name_of(server: &Config) -> String {
    let port = server.get_ports().first().copied().unwrap_or(5432);
    match server.get_hosts().first() {
        Some(Host::Tcp(name)) => format!("{name}:{port}"),
        Some(Host::Unix(folder)) => format!("{}:{port}", folder.display()),
        None => format!("port {port}"),
    }
}

/// Without the words around those of the server, or of the operating system.
fn why(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
