//! The options about connections. Each field's text is the operator's manual.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use query_api::FollowersMax;

use crate::duration::some_time;

/// How many connections a ledger has, and for how long it waits for what comes over them.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectionConfig {
    /// A second address, for the keys of operators and auditors and for health checks. It has
    /// connections of its own, so it answers however many connections the first address has. Choose
    /// one that strangers can't reach.
    #[arg(long, env = "GUERDON_OPERATORS_LISTEN", value_parser = address)]
    pub(crate) operators_listen: Option<SocketAddr>,

    /// The most connections to --listen. One more takes the place of the connection that has kept
    /// the server waiting longest. There are fewer if the limit on open files (ulimit -n) is too
    /// low.
    #[arg(
        long,
        env = "GUERDON_CONNECTIONS_MAX",
        default_value_t = 4_096,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) connections_max: u32,

    /// The most connections to --operators-listen.
    #[arg(
        long,
        env = "GUERDON_OPERATORS_CONNECTIONS_MAX",
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) operators_connections_max: u32,

    /// The time in which a request's header must arrive, from its first byte on; for the first
    /// request of a connection, from the connection's beginning on.
    #[arg(long, env = "GUERDON_HEADER_TIMEOUT", default_value = "10s", value_parser = some_time)]
    pub(crate) header_timeout: Duration,

    /// The most bytes of a request's header, with its first line.
    #[arg(
        long,
        env = "GUERDON_HEADER_BYTES_MAX",
        default_value_t = 16_384,
        value_parser = clap::value_parser!(u32).range(1_024..=65_536),
        allow_negative_numbers = true
    )]
    pub(crate) header_bytes_max: u32,

    /// The time in which a request's body must arrive, apart from what --body-bytes-per-second
    /// adds for its size.
    #[arg(long, env = "GUERDON_BODY_TIMEOUT", default_value = "10s", value_parser = some_time)]
    pub(crate) body_timeout: Duration,

    /// Each time that this many bytes of a body have arrived, it has a second more.
    #[arg(
        long,
        env = "GUERDON_BODY_BYTES_PER_SECOND",
        default_value_t = 8_192,
        value_parser = clap::value_parser!(u32).range(1..),
        allow_negative_numbers = true
    )]
    pub(crate) body_bytes_per_second: u32,

    /// How long a connection stays open between two requests.
    #[arg(long, env = "GUERDON_IDLE_TIMEOUT", default_value = "75s", value_parser = some_time)]
    pub(crate) idle_timeout: Duration,

    /// The most streams of shipping messages, pages of them that wait and exports of expiring
    /// credit, of all keys together.
    #[arg(
        long,
        env = "GUERDON_FOLLOWERS_MAX",
        default_value_t = 1_024,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) followers_max: u32,

    /// The most streams of shipping messages, pages of them that wait and exports of expiring
    /// credit, with one key.
    #[arg(
        long,
        env = "GUERDON_FOLLOWERS_PER_KEY_MAX",
        default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000),
        allow_negative_numbers = true
    )]
    pub(crate) followers_per_key_max: u32,

    /// How long a client may read nothing of an answer that waits to be sent.
    #[arg(long, env = "GUERDON_WRITE_TIMEOUT", default_value = "30s", value_parser = some_time)]
    pub(crate) write_timeout: Duration,
}

impl ConnectionConfig {
    /// How many may follow shipping messages at once.
    pub(crate) fn followers(&self) -> FollowersMax {
        let Self { followers_per_key_max, followers_max, .. } = self;
        FollowersMax { of_key: *followers_per_key_max as usize, of_all: *followers_max as usize }
    }
}

/// An address to listen on.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let why = "it is not an IP address with a port, such as 127.0.0.1:8080 or 0.0.0.0:8080";
    text.parse().map_err(|_| why.into())
}
