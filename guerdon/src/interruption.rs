//! A tool that is told to stop: it ends at once, and says what stands and how to go on.
//!
//! Nothing is half written by that. What a tool writes is a transaction, or a file that is put in
//! its place whole; each was made to survive `kill -9`, and the next run goes on from there.

use crate::Tool;
use crate::exit::Interrupted;
use crate::serve::shutdown::Signals;

/// Runs a tool to its end or to a signal, whichever comes first.
pub(crate) async fn or_interrupted(
    tool: impl Future<Output = anyhow::Result<()>>,
    what_stands: &'static str,
) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        done = tool => done,
        name = signals.next() => {
            let signal = match name {
                "SIGHUP" => 1,
                "SIGINT" => 2,
                _ => 15,
            };
            Err(Interrupted { signal, what_stands }.into())
        }
    }
}

impl Tool {
    /// What stands when the tool was interrupted, and how to go on. Nothing for the server, which
    /// ends in order by itself.
    pub(crate) const fn what_stands(&self) -> Option<&'static str> {
        Some(match self {
            Self::Serve(_) => return None,
            Self::Config(_)
            | Self::Check(_)
            | Self::Audit(_)
            | Self::Verify(_)
            | Self::Completions(_)
            | Self::Man(_) => "nothing was changed",
            Self::Import(_) | Self::Adopt(_) => {
                "the ledger has what it answered by now; run the same command again to continue"
            }
            Self::ConfirmClock(_) => {
                "the ledger may have the confirmation; GET /health/ready shows whether its clock \
                 is in doubt"
            }
            Self::Keys(_) => {
                "a change that had begun may be made; guerdon keys list shows all keys"
            }
            Self::Mark(_) => "the mark may be set or removed; guerdon mark list shows all marks",
            Self::Erase(_) => {
                "the erasure may be recorded, and then it goes on; guerdon erase status shows it"
            }
            Self::Migrate(_) => {
                "each schema is as it was or up to date; run the same command again to continue"
            }
            Self::CopyLog(_) => {
                "the copy has the beginning of the log; run the same command again to continue"
            }
            Self::Log(_) => {
                "an export has whole files, and nothing opens a log whose import isn't finished; run \
                 the same command again to continue"
            }
            Self::Archive(_) => {
                "no event is lost, and each can be read; run the same command again to continue"
            }
            Self::Transparency(_) => {
                "a key may have been added: GET /log/keys shows it. An export has whole files and \
                 its old checkpoint; run the same export again to continue"
            }
            Self::ForkLog(_) => {
                "the fork may have been declared; run the same command again: it declares no fork \
                 twice"
            }
            Self::Rebuild(_) => {
                "the read model is as it was; run the same command again, which begins anew"
            }
            Self::Shipping(_) => {
                "what was printed is done, and perhaps one act more; run the same command again: \
                 it does nothing twice"
            }
            Self::Publish(_) => "the ledger goes on with the replay by itself",
            Self::Balances(_) => "each tree is as it was or whole; nothing is sealed by it",
            Self::Snapshot(_) => "the snapshots are as they were",
        })
    }
}
