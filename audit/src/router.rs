//! Every route that reads the log, and who may use it.

use wire::Routes;

use crate::AuditApi;

/// The routes of what auditors read.
pub fn routes() -> Routes<AuditApi> {
    Routes::new()
}
