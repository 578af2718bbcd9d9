//! Connections, and what a server says beside its answers.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, CancelToken, Client};

use crate::tls::connector;
use crate::{PostgresError, PostgresUrl};

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

impl PostgresUrl {
    /// Connects to the server that takes writes.
    pub async fn connect(&self) -> Result<Connection, PostgresError> {
        let connector = connector(self.roots.as_ref())?;
        let connected = self.config.connect(connector).await;
        let (client, mut link) = connected.map_err(|source| self.failed(source))?;
        let warned = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&warned);
        // It ends with the client, or with the connection.
        tokio::spawn(async move {
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
        Ok(Connection { client, warned })
    }

    /// Up to `size` connections to the server that takes writes, made when they are needed.
    pub fn pool(&self, size: usize) -> Result<Pool, PostgresError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let connector = connector(self.roots.as_ref())?;
        let manager = Manager::from_config((*self.config).clone(), connector, recycling);
        Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|source| self.failed(source))
    }

    /// Asks the server to give up what the token's connection asked it for.
    pub async fn cancel(&self, token: CancelToken) -> Result<(), PostgresError> {
        let connector = connector(self.roots.as_ref())?;
        token.cancel_query(connector).await.map_err(|source| self.failed(source))
    }

    pub(crate) fn failed(
        &self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PostgresError {
        PostgresError::Connect { url: self.to_string(), source: source.into() }
    }
}
