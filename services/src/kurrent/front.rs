//! What clients connect to: it passes bytes on to the server behind it, and cuts every connection
//! on request, as a network does.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The connections that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    connections: Arc<Mutex<JoinSet<()>>>,
    /// How many there were.
    count: Arc<AtomicU64>,
    is_closed: Arc<AtomicBool>,
}

impl Front {
    /// Passes on until it is dropped with its runtime.
    pub(super) async fn serve(self, listener: TcpListener, behind: SocketAddr) {
        while let Ok((mut client, _)) = listener.accept().await {
            if self.is_closed.load(Ordering::Relaxed) {
                continue;
            }
            self.count.fetch_add(1, Ordering::Relaxed);
            let passing = async move {
                let Ok(mut server) = TcpStream::connect(behind).await else { return };
                drop(client.set_nodelay(true));
                drop(server.set_nodelay(true));
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            };
            self.connections.lock().unwrap_or_else(PoisonError::into_inner).spawn(passing);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Whether it takes connections, or ends each, also those that there are.
    pub(super) fn be_reachable(&self, reachable: bool) {
        self.is_closed.store(!reachable, Ordering::Relaxed);
        if !reachable {
            self.cut();
        }
    }

    /// Cuts every connection; new ones are taken as before.
    pub(super) fn cut(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
