//! What the tests of documents share: a request is sent as a document shows it, and what comes is
//! compared with what the document shows.
//!
//! Of what a document shows
//! - a time, a month and the header `date` may be different ones,
//! - `…` stands for any text.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::Range;
use std::path::Path;

use crate::ledger::PATIENCE;

/// A request as a document shows it.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<&'a str>,
    pub(crate) body: &'a str,
}

/// What came: the lines of its head, and its body.
pub(crate) struct Reply {
    pub(crate) head: Vec<String>,
    pub(crate) body: String,
}

impl Request<'_> {
    pub(crate) fn send(&self, url: &str) -> Reply {
        let address = url.strip_prefix("http://").expect("a URL");
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let Self { method, path, headers, body } = self;
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
        for header in headers {
            write!(request, "{header}\r\n").expect("a text grows");
        }
        if !body.is_empty() {
            write!(request, "content-length: {}\r\n", body.len()).expect("a text grows");
        }
        write!(request, "connection: close\r\n\r\n{body}").expect("a text grows");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        let (head, body) = answer.split_once("\r\n\r\n").expect("headers and a body");
        let head = head.lines().filter(|line| *line != "connection: close");
        Reply { head: head.map(ToOwned::to_owned).collect(), body: body.to_owned() }
    }
}

/// Whether what comes is to be written into the documents.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration but this")]
pub(crate) fn is_to_be_written() -> bool {
    std::env::var("GUERDON_TOUR").is_ok_and(|word| word == "write")
}

/// Writes what came into a document, in place of the lines that show something else.
pub(crate) fn write_edits(path: &Path, text: &str, edits: &[(Range<usize>, String)]) {
    let mut lines: Vec<&str> = text.lines().collect();
    for (old, came) in edits.iter().rev() {
        lines.splice(old.clone(), came.lines());
    }
    fs::write(path, lines.join("\n") + "\n").expect("it can be written");
}

/// Whether a document shows what was printed.
pub(crate) fn is_shown(shown: &str, printed: &str) -> bool {
    let printed = steady(printed);
    let mut rest = printed.as_str();
    let shown = steady(shown);
    let mut parts = shown.split('…');
    let Some(start) = parts.next().and_then(|first| rest.strip_prefix(first)) else {
        return false;
    };
    rest = start;
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || shown.ends_with('…')
}

/// An id in hexadecimal digits.
pub(crate) const ID: &str = "########-####-####-####-############";

/// A time without what is smaller than a second.
pub(crate) const TIME: &str = "0000-00-00T00:00:00";

/// The shapes of what differs from run to run.
const VARYING: [(&str, &str); 4] = [
    (TIME, "TIME"),
    ("\"month\":\"0000-00", "MONTH"),
    ("\ndate: ", "DATE"),
    ("\nx-request-id: ", "REQUEST"),
];

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
            "DATE" | "REQUEST" => rest = rest.trim_start_matches(|c: char| c != '\n'),
            _ => {}
        }
    }
    steady
}

/// Whether a text begins with a shape: `0` is a digit, `#` a digit in hexadecimal, `*` a digit or a
/// small letter.
pub(crate) fn has_shape(text: &str, shape: &str) -> bool {
    let mut bytes = text.bytes();
    shape.bytes().all(|shape| {
        bytes.next().is_some_and(|byte| match shape {
            b'0' => byte.is_ascii_digit(),
            b'#' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            b'*' => byte.is_ascii_digit() || byte.is_ascii_lowercase(),
            _ => byte == shape,
        })
    })
}

/// The texts of a shape, in their order.
pub(crate) fn all_of_shape<'a>(text: &'a str, shape: &'a str) -> impl Iterator<Item = &'a str> {
    let starts = text.char_indices().map(|(at, _)| at);
    starts.filter(|at| has_shape(&text[*at..], shape)).map(|at| &text[at..at + shape.len()])
}

pub(crate) fn first_id(text: &str) -> Option<String> {
    all_of_shape(text, ID).next().map(ToOwned::to_owned)
}
