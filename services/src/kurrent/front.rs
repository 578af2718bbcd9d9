//! What clients connect to: it passes bytes on to the server behind it, and cuts every connection
//! when it is told to, as a network does.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The connections that there are.
#[derive(Clone, Debug, Default)]
pub(super) struct Front {
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Front {
    /// Passes on until it is dropped with its runtime.
    pub(super) async fn serve(self, listener: TcpListener, behind: SocketAddr) {
        while let Ok((mut client, _)) = listener.accept().await {
            let passing = async move {
                let Ok(mut server) = TcpStream::connect(behind).await else { return };
                drop(client.set_nodelay(true));
                drop(server.set_nodelay(true));
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            };
            self.connections.lock().unwrap_or_else(PoisonError::into_inner).spawn(passing);
        }
    }

    /// Cuts every connection; new ones are taken as before.
    pub(super) fn cut(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}
