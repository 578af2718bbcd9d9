//! Why a process isn't ready, or what doesn't work although it is. `docs/operations/runbooks.md`
//! says for each what to do.

/// A reason, which stays the same word in answers, metrics and alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum HealthReason {
    /// The writer finds out what the log holds, or the log takes no append at the moment.
    WriterRecovering,
    /// The writer has stopped; the process ends with the last one.
    WriterStopped,
    /// The wall clock can't be trusted until an operator confirms it.
    ClockUnconfirmed,
    /// What falls due is recorded only when somebody asks.
    SweepStopped,
    /// Commands wait too long for the writer, and some requests are refused for that.
    Overloaded,
    /// The log doesn't answer.
    LogUnreadable,
    /// The log takes nothing, again and again; commands are refused at once.
    LogUnwritable,
    /// What is appended isn't signed in the transparency log.
    LogUnsealed,
    /// No projector has filled the read tables yet.
    ReadModelNotBegun,
    /// The read tables don't have all yet that the log had at the start.
    ReadModelCatchingUp,
    /// The read tables don't answer.
    ReadModelUnreadable,
    /// A standby doesn't answer, lags or is of another log; reads go to the primary.
    ReplicaUnused,
    /// Projecting fails, and is tried again.
    ProjectionFailing,
    /// An event can't be applied; only an operator can make the projection go on.
    ProjectionStopped,
    /// The publisher holds the lease, and can't publish.
    PublisherWaiting,
    /// The publisher warns of something that could lose messages or holds them up.
    PublisherWarning,
    /// Warehouses didn't accept shipping requests in time.
    ShippingOverdue,
    /// The keys of tokens can't be read.
    TokenKeysUnreadable,
    /// An operator has turned a switch on.
    SwitchOn,
    /// The switches can't be read; they stay as they were.
    SwitchesUnreadable,
}

impl HealthReason {
    /// All of them.
    pub(super) const ALL: [Self; 20] = [
        Self::WriterRecovering,
        Self::WriterStopped,
        Self::ClockUnconfirmed,
        Self::SweepStopped,
        Self::Overloaded,
        Self::LogUnreadable,
        Self::LogUnwritable,
        Self::LogUnsealed,
        Self::ReadModelNotBegun,
        Self::ReadModelCatchingUp,
        Self::ReadModelUnreadable,
        Self::ReplicaUnused,
        Self::ProjectionFailing,
        Self::ProjectionStopped,
        Self::PublisherWaiting,
        Self::PublisherWarning,
        Self::ShippingOverdue,
        Self::TokenKeysUnreadable,
        Self::SwitchOn,
        Self::SwitchesUnreadable,
    ];

    /// As answers and metrics write it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::WriterRecovering => "writer-recovering",
            Self::WriterStopped => "writer-stopped",
            Self::ClockUnconfirmed => "clock-unconfirmed",
            Self::SweepStopped => "sweep-stopped",
            Self::Overloaded => "overloaded",
            Self::LogUnreadable => "log-unreadable",
            Self::LogUnwritable => "log-unwritable",
            Self::LogUnsealed => "log-unsealed",
            Self::ReadModelNotBegun => "read-model-not-begun",
            Self::ReadModelCatchingUp => "read-model-catching-up",
            Self::ReadModelUnreadable => "read-model-unreadable",
            Self::ReplicaUnused => "replica-unused",
            Self::ProjectionFailing => "projection-failing",
            Self::ProjectionStopped => "projection-stopped",
            Self::PublisherWaiting => "publisher-waiting",
            Self::PublisherWarning => "publisher-warning",
            Self::ShippingOverdue => "shipping-overdue",
            Self::TokenKeysUnreadable => "token-keys-unreadable",
            Self::SwitchOn => "switch-on",
            Self::SwitchesUnreadable => "switches-unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/operations/runbooks.md");

    #[test]
    fn the_runbooks_say_what_to_do_about_each_reason() {
        let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
        let told: Vec<&str> = rows.map(|(reason, _)| reason).collect();
        assert_eq!(told, HealthReason::ALL.map(HealthReason::as_str), "in this order");
    }
}
