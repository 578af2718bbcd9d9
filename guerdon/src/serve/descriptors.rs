//! How many connections fit into the limit on open files: the log, the read model, PostgreSQL,
//! Kafka and the archive need some of them, too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::connection_config::ConnectionConfig;

/// The descriptors that are no connection of a client's.
const RESERVED: u64 = 256;

/// How many connections each address may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) clients: usize,
    pub(super) operators: usize,
}

/// Raises the limit on open files as far as the options need it and the system allows; gives how
/// many connections fit.
pub(super) fn make_room(config: &ConnectionConfig) -> Room {
    let operators = config.operators_listen.map_or(0, |_| config.operators_connections_max);
    let wanted = u64::from(config.connections_max) + u64::from(operators) + RESERVED;
    let limit = getrlimit(Resource::Nofile);
    let mut allowed = limit.current.unwrap_or(u64::MAX);
    if allowed < wanted {
        let raised = wanted.min(limit.maximum.unwrap_or(u64::MAX));
        let limit = Rlimit { current: Some(raised), ..limit };
        match setrlimit(Resource::Nofile, limit) {
            Ok(()) => allowed = raised,
            Err(error) => tracing::debug!(%error, "the limit on open files stays as it is"),
        }
    }
    let room = fit(allowed, config.connections_max, operators);
    if room.clients < config.connections_max as usize {
        tracing::warn!(
            "the limit on open files (ulimit -n) is {allowed}: --listen has {} connections at most, \
             and not the {} of --connections-max",
            room.clients,
            config.connections_max
        );
    }
    room
}

/// What fits into so many descriptors: of the clients' connections, if not all do, as few are left
/// out as can be.
fn fit(allowed: u64, clients: u32, operators: u32) -> Room {
    let free = allowed.saturating_sub(RESERVED).max(allowed / 4);
    let operators = u64::from(operators).min(free / 4).max(1);
    let clients = u64::from(clients).min(free.saturating_sub(operators)).max(1);
    let number = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Room { clients: number(clients), operators: number(operators) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out() {
        assert_eq!(fit(1 << 20, 4_096, 64), Room { clients: 4_096, operators: 64 });
        assert_eq!(fit(1_024, 4_096, 64), Room { clients: 704, operators: 64 });
        assert_eq!(fit(1_024, 4_096, 0), Room { clients: 767, operators: 1 });
        assert_eq!(fit(64, 4_096, 64), Room { clients: 12, operators: 4 });
        assert_eq!(fit(0, 4_096, 64), Room { clients: 1, operators: 1 });
    }
}
