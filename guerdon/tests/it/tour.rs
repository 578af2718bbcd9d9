//! The commands of README.md and docs/TOUR.md, run in their order against a ledger that is started
//! for each document: what a command prints is what the document shows under it.
//!
//! Run are the lines that begin with `$ ` in blocks of `console`; what follows a command there is
//! what it prints. A shell runs them, with a `curl` that hands its arguments to this test, so no
//! curl need be installed. What may differ of what is printed, `document.rs` says; besides,
//! - the port is 8080 in the document, and a free one here,
//! - the log's id is the first id that the document shows, also in commands.
//!
//! A read is tried again until it shows what the document shows, as read tables follow the log.
//!
//! `GUERDON_TOUR=write cargo test -p guerdon tour` writes what was printed into the documents.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::document::{Request, first_id, is_shown, is_to_be_written, write_edits};
use crate::ledger::{Ledger, PATIENCE, ends};

/// A shell's `curl` that says what it was asked.
const CURL: &str = "curl() { printf 'curl\\0'; printf '%s\\0' \"$@\"; }\n\
                    guerdon() { \"$GUERDON\" \"$@\" 2>&1; }\n";

#[test]
fn the_readme_shows_what_its_commands_print() {
    run("README.md");
}

#[test]
fn the_tour_shows_what_its_commands_print() {
    run("docs/TOUR.md");
}

/// A command of a document, and what the document shows that it prints.
struct Step {
    command: String,
    shown: String,
    /// The first line that it prints, counted from 0.
    shown_at: usize,
}

/// The folder that a reader works in, and the ledger that was started there.
struct Reader {
    folder: tempfile::TempDir,
    ledger: Option<Ledger>,
    /// Shell functions that the document has defined.
    functions: String,
    /// The log's id in the document, and here, once it was printed.
    shown_id: Option<String>,
    log_id: Option<String>,
}

fn run(document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document);
    let text = std::fs::read_to_string(&path).expect("the document can be read");
    let mut reader = Reader::new(first_id(&text));
    let mut differences = String::new();
    let mut edits = vec![];
    for step in steps(&text) {
        let printed = reader.takes(&step);
        if is_shown(&step.shown, &printed) {
            continue;
        }
        let Step { command, shown, shown_at } = &step;
        writeln!(
            differences,
            "{document}:{shown_at}: {command}\nshows\n{shown}but prints\n{printed}"
        )
        .expect("a text grows");
        edits.push((*shown_at..shown_at + shown.lines().count(), printed));
    }
    if is_to_be_written() {
        return write_edits(&path, &text, &edits);
    }
    assert!(differences.is_empty(), "{differences}");
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = vec![];
    let mut is_console = false;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            is_console = line == "```console";
        } else if let (true, Some(command)) = (is_console, line.strip_prefix("$ ")) {
            let command = command.to_owned();
            steps.push(Step { command, shown: String::new(), shown_at: index + 1 });
        } else if let (true, Some(step)) = (is_console, steps.last_mut()) {
            if step.command.ends_with('\\') {
                step.command.push('\n');
                step.command.push_str(line);
                step.shown_at = index + 1;
            } else {
                step.shown.push_str(line);
                step.shown.push('\n');
            }
        }
    }
    steps
}

impl Reader {
    fn new(shown_id: Option<String>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, ledger: None, functions: CURL.to_owned(), shown_id, log_id: None }
    }

    /// Runs a step, and gives what it prints.
    fn takes(&mut self, step: &Step) -> String {
        let mut command = step.command.clone();
        if let (Some(shown), Some(log_id)) = (&self.shown_id, &self.log_id) {
            command = command.replace(shown, log_id);
        }
        if command.starts_with("cargo run") {
            return self.starts();
        }
        if command.starts_with("cargo xtask test") {
            return step.shown.clone();
        }
        if command.contains("() {") {
            self.functions.push_str(&command);
            self.functions.push('\n');
            return String::new();
        }
        let started = Instant::now();
        loop {
            let printed = self.runs(&command);
            let printed = self.with_shown_id(printed);
            let is_read = command.starts_with("curl") && !command.contains(" -X ");
            if !is_read || is_shown(&step.shown, &printed) || started.elapsed() > PATIENCE / 10 {
                return printed;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn starts(&mut self) -> String {
        self.ledger = Some(Ledger::start(&self.data()));
        "guerdon listens on http://127.0.0.1:8080\n".to_owned()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("guerdon-data")
    }

    fn url(&self) -> &str {
        &self.ledger.as_ref().expect("the document starts a ledger first").client.url
    }

    fn runs(&self, command: &str) -> String {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("{}{command}", self.functions)])
            .env("GUERDON", env!("CARGO_BIN_EXE_guerdon"))
            .env("GUERDON_URL", self.url())
            .env("RUST_LOG", "warn")
            .current_dir(self.folder.path());
        let done = ends(shell);
        assert!(done.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        let printed = String::from_utf8(done.stdout).expect("UTF-8");
        match printed.strip_prefix("curl\0") {
            Some(words) => {
                let words: Vec<&str> = words.split_terminator('\0').collect();
                Curl::new(&words).prints(self.url(), self.folder.path())
            }
            None => printed.replace(self.url(), "http://127.0.0.1:8080"),
        }
    }

    /// What was printed, with the document's id of the log.
    fn with_shown_id(&mut self, printed: String) -> String {
        if self.log_id.is_none() {
            self.log_id = first_id(&printed);
        }
        match (&self.shown_id, &self.log_id) {
            (Some(shown), Some(log_id)) => printed.replace(log_id, shown),
            _ => printed,
        }
    }
}

/// What a `curl` is asked to send.
struct Curl<'a> {
    request: Request<'a>,
    shows_headers: bool,
    /// The file that gets what is answered.
    file: Option<&'a str>,
}

impl<'a> Curl<'a> {
    fn new(words: &[&'a str]) -> Self {
        let (mut method, mut path, mut headers, mut body) = (None, "", vec![], "");
        let (mut shows_headers, mut file) = (false, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || *words.next().expect("the option has a value");
            match *word {
                "-s" => {}
                "-si" => shows_headers = true,
                "-X" => method = Some(value()),
                "-H" => headers.push(value()),
                "-d" => body = value(),
                "-o" => file = Some(value()),
                url => {
                    let of_url = url.strip_prefix("localhost:8080");
                    path = of_url.unwrap_or_else(|| panic!("the test can't send {url}"));
                }
            }
        }
        let method = method.unwrap_or(if body.is_empty() { "GET" } else { "POST" });
        Self { request: Request { method, path, headers, body }, shows_headers, file }
    }

    /// What it prints of the answer; `folder` is where it is called.
    fn prints(&self, url: &str, folder: &Path) -> String {
        let reply = self.request.send(url);
        let mut printed = String::new();
        if let Some(file) = self.file {
            let is_there = reply.head.first().is_some_and(|line| line.contains(" 200 "));
            // Tried again: what was just recorded is sealed within a second.
            let why_not = if is_there { String::new() } else { reply.body.clone() };
            std::fs::write(folder.join(file), reply.body).expect("written");
            return why_not;
        }
        if self.shows_headers {
            for line in reply.head {
                writeln!(printed, "{line}").expect("a text grows");
            }
            printed.push('\n');
        }
        writeln!(printed, "{}", reply.body).expect("a text grows");
        printed
    }
}
