//! What the program prints. A reader that is gone, or a disk that is full, ends nothing: the line
//! is lost, and counted.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing_subscriber::fmt::MakeWriter;

/// The lines that could not be written since the program began.
static LOST: AtomicU64 = AtomicU64::new(0);

/// In place of the standard library's, which ends the program where a line can't be printed.
macro_rules! println {
    ($($line:tt)*) => { $crate::output::line(format_args!($($line)*)) };
}

/// Likewise.
macro_rules! eprintln {
    ($($line:tt)*) => { $crate::output::error_line(format_args!($($line)*)) };
}

/// Prints a line to standard output.
pub(crate) fn line(text: impl Display) {
    count(write_line(&mut io::stdout().lock(), text));
}

/// Prints a line to standard error, where the log goes, too.
pub(crate) fn error_line(text: impl Display) {
    count(write_line(&mut io::stderr().lock(), text));
}

/// How many lines could not be written.
pub(crate) fn lost_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}

fn write_line(to: &mut impl Write, text: impl Display) -> io::Result<()> {
    to.write_all(format!("{text}\n").as_bytes())?;
    to.flush()
}

fn count(written: io::Result<()>) {
    if written.is_err() {
        LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes the log's lines to standard error. Tracing writes a line in one piece; if that fails, it
/// would say so on standard error, too, and end the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOutput;

impl<'a> MakeWriter<'a> for LogOutput {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

impl Write for LogOutput {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        count(io::stderr().lock().write_all(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
