//! How far a long work is, on standard error: a bar that moves where a person looks, and elsewhere,
//! as in a service manager's log, a line now and then.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;

/// How often a line is written where nobody looks.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// How often a bar without a known end moves.
const TICK: Duration = Duration::from_millis(120);

const BAR: &str = "{wide_bar} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left";
const SPINNER: &str = "{spinner} {human_pos} {msg}, {elapsed}";

/// A work under way. Clones tell of the same work; with the last of them, the bar goes away.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Told>);

#[derive(Debug)]
struct Told {
    bar: ProgressBar,
    what: &'static str,
    /// When a line was written last; nothing where none is.
    last_line: Option<Mutex<Instant>>,
}

impl Progress {
    /// Begins to tell; `all` is how many there are, where that is known.
    pub(crate) fn new(what: &'static str, all: Option<u64>) -> Self {
        let is_watched = std::io::stderr().is_terminal();
        let bar = if is_watched { ProgressBar::no_length() } else { ProgressBar::hidden() };
        bar.set_message(what);
        let last_line = (!is_watched).then(|| Mutex::new(Instant::now()));
        let progress = Self(Arc::new(Told { bar, what, last_line }));
        match all {
            Some(all) => progress.set_all(all),
            None if is_watched => {
                progress.style(SPINNER);
                progress.0.bar.enable_steady_tick(TICK);
            }
            None => {}
        }
        progress
    }

    /// Counts, and tells nobody.
    pub(crate) fn untold() -> Self {
        Self(Arc::new(Told { bar: ProgressBar::hidden(), what: "", last_line: None }))
    }

    /// How many there are.
    pub(crate) fn set_all(&self, all: u64) {
        self.0.bar.set_length(all);
        self.style(BAR);
    }

    /// So many are done by now.
    pub(crate) fn set(&self, done: u64) {
        self.0.bar.set_position(done);
        self.tell();
    }

    /// So many more are done.
    pub(crate) fn inc(&self, more: u64) {
        self.0.bar.inc(more);
        self.tell();
    }

    /// Prints a line of the result without a bar in it.
    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        self.0.bar.suspend(|| println!("{text}"));
    }

    fn style(&self, template: &str) {
        // A template is a constant; were it wrong, the bar would have the library's own style.
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.bar.set_style(style);
        }
    }

    fn tell(&self) {
        if let Some(line) = self.line_at(Instant::now()) {
            eprintln!("{line}");
        }
    }

    /// The line that is due by now, where nobody looks.
    fn line_at(&self, now: Instant) -> Option<String> {
        let Told { bar, what, last_line } = &*self.0;
        let mut last = last_line.as_ref()?.lock();
        if now.saturating_duration_since(*last) < TELL_EVERY {
            return None;
        }
        *last = now;
        Some(match bar.length() {
            Some(all) => format!("{} of {all} {what}", bar.position()),
            None => format!("{} {what}", bar.position()),
        })
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in a service manager's log.
    fn unwatched(all: Option<u64>) -> Progress {
        let (bar, last_line) = (ProgressBar::hidden(), Some(Mutex::new(Instant::now())));
        let progress = Progress(Arc::new(Told { bar, what: "events", last_line }));
        if let Some(all) = all {
            progress.set_all(all);
        }
        progress
    }

    #[test]
    fn where_nobody_looks_a_line_comes_every_five_seconds() {
        let progress = unwatched(Some(30));
        let begun = Instant::now();
        let at = |seconds: u64| progress.line_at(begun + Duration::from_secs(seconds));
        progress.set(7);
        assert_eq!(at(1), None);
        assert_eq!(at(6).as_deref(), Some("7 of 30 events"));
        progress.inc(2);
        assert_eq!(at(8), None);
        assert_eq!(at(12).as_deref(), Some("9 of 30 events"));
        let endless = unwatched(None);
        endless.inc(3);
        assert_eq!(endless.line_at(begun + TELL_EVERY * 2).as_deref(), Some("3 events"));
        assert_eq!(Progress::untold().line_at(begun + TELL_EVERY * 2), None);
    }
}
