//! A network between a ledger and its database, which can swallow everything: connections stay
//! open, and nothing comes through until the host is back.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long a packet waits until it is looked again whether it may pass.
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// The network; it goes on for as long as the test does.
pub(crate) struct Network {
    port: u16,
    is_gone: Arc<AtomicBool>,
}

impl Network {
    /// One that leads to a port of this machine.
    pub(crate) fn to(server_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has one").port();
        let is_gone = Arc::new(AtomicBool::new(false));
        let gone = Arc::clone(&is_gone);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let gone = Arc::clone(&gone);
                std::thread::spawn(move || lead(client, server_port, &gone));
            }
        });
        Self { port, is_gone }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// From now on nothing passes, nor is it refused.
    pub(crate) fn swallows(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    /// What was sent meanwhile passes, too, as it is sent again.
    pub(crate) fn is_back(&self) {
        self.is_gone.store(false, Ordering::Release);
    }
}

fn lead(client: TcpStream, server_port: u16, gone: &Arc<AtomicBool>) {
    wait(gone);
    let Ok(server) = TcpStream::connect(("127.0.0.1", server_port)) else { return };
    let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let on_the_way_back = Arc::clone(gone);
    std::thread::spawn(move || pass(from_server, client, &on_the_way_back));
    pass(from_client, server, gone);
}

/// Passes on what comes until one end is closed, and then closes the other.
fn pass(mut from: TcpStream, mut to: TcpStream, gone: &AtomicBool) {
    let mut packet = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut packet) {
        wait(gone);
        if to.write_all(&packet[..length]).is_err() {
            break;
        }
    }
    wait(gone);
    drop(to.shutdown(std::net::Shutdown::Both));
    drop(from.shutdown(std::net::Shutdown::Both));
}

fn wait(gone: &AtomicBool) {
    while gone.load(Ordering::Acquire) {
        std::thread::sleep(LOOK_AGAIN);
    }
}
