//! A client of KurrentDB, and what it lives in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eventstore::{Client, ClientSettings};
use tokio::runtime::Runtime;

/// A client with a number, so that a failure of an old one doesn't close its successor.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) number: u64,
    pub(super) client: Client,
    _home: Arc<Home>,
}

/// The client's own task holds what would tell it that nobody needs it any more: it ends with the
/// runtime that it is in, and the connection that it has made with it.
struct Home(Option<Runtime>);

impl Open {
    /// Reads the certificates that the URL names, or else the system's.
    pub(super) fn new(settings: ClientSettings) -> Result<Self, String> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("kurrent-client")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let client = Client::with_runtime_handle(runtime.handle().clone(), settings);
        let home = Arc::new(Home(Some(runtime)));
        let client = client.map_err(|error| format!("{error:#}"))?;
        Ok(Self { number: NUMBERS.fetch_add(1, Ordering::Relaxed), client, _home: home })
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Whoever drops it may be in a task, which can't wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
