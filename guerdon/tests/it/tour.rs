//! The commands of README.md and docs/TOUR.md, run in their order against a ledger that is started
//! for each document: what a command prints is what the document shows under it.
//!
//! Run are the lines that begin with `$ ` in blocks of `console`; what follows a command there is
//! what it prints. A shell runs them, with a `curl` that hands its arguments to this test, so no
//! curl need be installed. Of what is printed
//! - a time, a month and the header `date` may be different ones,
//! - `…` in the document stands for any text,
//! - the port is 8080 in the document, and a free one here,
//! - the log's id is the first id that the document shows, also in commands.
//!
//! A read is tried again until it shows what the document shows, as read tables follow the log.
//!
//! `GUERDON_TOUR=write cargo test -p guerdon tour` writes what was printed into the documents.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::ledger::{Ledger, PATIENCE, ends};

/// A shell's `curl` that says what it was asked.
const CURL: &str = "curl() { printf 'curl\\0'; printf '%s\\0' \"$@\"; }\n\
                    guerdon() { \"$GUERDON\" \"$@\"; }\n";

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
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
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
        for (old, printed) in edits.into_iter().rev() {
            lines.splice(old, printed.lines().map(ToOwned::to_owned));
        }
        return std::fs::write(&path, lines.join("\n") + "\n").expect("it can be written");
    }
    assert!(differences.is_empty(), "{differences}");
}

#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
fn is_to_be_written() -> bool {
    std::env::var("GUERDON_TOUR").is_ok_and(|word| word == "write")
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
                Request::of_curl(&words).answer(self.url())
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
#[derive(Default)]
struct Request<'a> {
    method: Option<&'a str>,
    path: &'a str,
    headers: Vec<&'a str>,
    body: &'a str,
    shows_headers: bool,
}

impl<'a> Request<'a> {
    fn of_curl(words: &[&'a str]) -> Self {
        let mut request = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || *words.next().expect("the option has a value");
            match *word {
                "-s" => {}
                "-si" => request.shows_headers = true,
                "-X" => request.method = Some(value()),
                "-H" => request.headers.push(value()),
                "-d" => request.body = value(),
                url => {
                    let path = url.strip_prefix("localhost:8080");
                    request.path = path.unwrap_or_else(|| panic!("the test can't send {url}"));
                }
            }
        }
        request
    }

    /// What `curl` prints of the answer.
    fn answer(&self, url: &str) -> String {
        let address = url.strip_prefix("http://").expect("a URL");
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let method = self.method.unwrap_or(if self.body.is_empty() { "GET" } else { "POST" });
        let mut request = format!("{method} {} HTTP/1.1\r\nhost: {address}\r\n", self.path);
        for header in &self.headers {
            write!(request, "{header}\r\n").expect("a text grows");
        }
        if !self.body.is_empty() {
            write!(request, "content-length: {}\r\n", self.body.len()).expect("a text grows");
        }
        write!(request, "connection: close\r\n\r\n{}", self.body).expect("a text grows");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("headers and a body");
        let mut printed = String::new();
        if self.shows_headers {
            for line in head.lines().filter(|line| *line != "connection: close") {
                writeln!(printed, "{line}").expect("a text grows");
            }
            printed.push('\n');
        }
        writeln!(printed, "{body}").expect("a text grows");
        printed
    }
}

/// Whether a document shows what was printed.
fn is_shown(shown: &str, printed: &str) -> bool {
    let printed = steady(printed);
    let mut rest = printed.as_str();
    let shown = steady(shown);
    let mut parts = shown.split('…');
    let Some(start) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
        return false;
    };
    rest = start;
    let mut is_open = false;
    for part in parts {
        is_open = true;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || (is_open && shown.ends_with('…'))
}

/// An id in hexadecimal digits (`#`).
const ID: &str = "########-####-####-####-############";

/// The shapes of what differs from run to run; `0` is a digit.
const VARYING: [(&str, &str); 3] =
    [("0000-00-00T00:00:00", "TIME"), ("\"month\":\"0000-00", "MONTH"), ("\ndate: ", "DATE")];

/// The text without what differs from run to run.
fn steady(text: &str) -> String {
    let mut steady = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let found = VARYING.iter().find(|(shape, _)| has_shape(rest, shape));
        let Some((shape, word)) = found else {
            steady.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        };
        steady.push_str(word);
        rest = &rest[shape.len()..];
        match *word {
            "TIME" => rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()),
            "DATE" => rest = rest.trim_start_matches(|c: char| c != '\n'),
            _ => {}
        }
    }
    steady
}

fn has_shape(text: &str, shape: &str) -> bool {
    let mut bytes = text.bytes();
    shape.bytes().all(|shape| {
        bytes.next().is_some_and(|byte| match shape {
            b'0' => byte.is_ascii_digit(),
            b'#' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            _ => byte == shape,
        })
    })
}

fn first_id(text: &str) -> Option<String> {
    let mut starts = text.char_indices().map(|(at, _)| at);
    let start = starts.find(|at| has_shape(&text[*at..], ID))?;
    Some(text[start..start + ID.len()].to_owned())
}
