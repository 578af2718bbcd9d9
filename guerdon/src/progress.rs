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
        let Told { bar, what, last_line } = &*self.0;
        let Some(last) = last_line else { return };
        let mut last = last.lock();
        if last.elapsed() < TELL_EVERY {
            return;
        }
        *last = Instant::now();
        match bar.length() {
            Some(all) => eprintln!("{} of {all} {what}", bar.position()),
            None => eprintln!("{} {what}", bar.position()),
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
