//! Listening as the ledger does it, for the contenders beside it.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;

/// A port of this machine that nothing listens on.
pub(crate) fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

pub(crate) async fn serve(listen: SocketAddr, router: Router) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await?.tap_io(|connection| {
        // Answers are small and whole. Without it the connection would only be slower.
        drop(connection.set_nodelay(true));
    });
    axum::serve(listener, router).await.context("it can't serve")
}
