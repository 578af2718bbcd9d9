//! A line of the program's log for each route.

use wire::{About, Route, Routes};

/// Writes who may make which call into the program's log, with `RUST_LOG=routes=debug`.
pub(super) fn log_routes(routes: &Routes) {
    for Route { method, path, guard } in routes.table() {
        let roles = guard.map(|guard| guard.roles.iter().map(|role| role.as_str()));
        let roles = roles.map(|roles| roles.collect::<Vec<_>>().join(" "));
        let about = guard.and_then(|guard| guard.about).map(About::as_str);
        tracing::debug!(target: "routes", %method, path, roles, about, "route");
    }
}
