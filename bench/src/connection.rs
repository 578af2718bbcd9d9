//! A kept-alive connection, one request at a time. Requests are written and answers parsed by
//! hand, so that the client costs little beside the server.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Files that are open beside connections.
const OTHER_FILES: u64 = 256;

#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
    body_starts: usize,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: &'a str,
    /// Empty where none is needed.
    pub(crate) key: &'a str,
    /// Further ones, each with its line's end.
    pub(crate) headers: &'a str,
    /// JSON, or nothing.
    pub(crate) body: &'a str,
}

/// What the client reads of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Of `Guerdon-Position`, without the partition; 0 without the header.
    pub(crate) position: u64,
}

/// Raises the limit on open files, so that this process may have so many connections.
pub(crate) fn allow_connections(connections: usize) -> anyhow::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    ensure!(
        connections as u64 + OTHER_FILES <= most,
        "{connections} connections need more open files than the {most} that are allowed; raise \
         ulimit -Hn, or ask for fewer"
    );
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .context("can't raise the limit on open files")
}

impl<'a> Ask<'a> {
    pub(crate) const fn get(path: &'a str, key: &'a str) -> Self {
        Self { method: "GET", path, key, headers: "", body: "" }
    }

    pub(crate) const fn put(path: &'a str, key: &'a str, body: &'a str) -> Self {
        Self { method: "PUT", path, key, headers: "", body }
    }

    pub(crate) const fn post(path: &'a str, key: &'a str, body: &'a str) -> Self {
        Self { method: "POST", path, key, headers: "", body }
    }

    pub(crate) const fn with(self, headers: &'a str) -> Self {
        Self { headers, ..self }
    }
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, request: vec![], buffer: vec![], body_starts: 0 })
    }

    /// Asks what must be answered so.
    pub(crate) async fn must(&mut self, status: u16, ask: Ask<'_>) -> anyhow::Result<Answer> {
        let answer = self.ask(ask).await?;
        if answer.status != status {
            let (Ask { method, path, .. }, body) = (ask, self.body());
            bail!("{method} {path} was answered {}: {body}", answer.status);
        }
        Ok(answer)
    }

    pub(crate) async fn ask(&mut self, ask: Ask<'_>) -> anyhow::Result<Answer> {
        use std::io::Write as _;
        let Ask { method, path, key, headers, body } = ask;
        self.request.clear();
        write!(self.request, "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{headers}")?;
        if !key.is_empty() {
            write!(self.request, "authorization: Bearer {key}\r\n")?;
        }
        if body.is_empty() {
            self.request.extend_from_slice(b"\r\n");
        } else {
            write!(
                self.request,
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )?;
        }
        self.stream.write_all(&self.request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                bail!("the connection was closed");
            }
            if let Some((answer, body_starts)) = parse(&self.buffer)? {
                self.body_starts = body_starts;
                return Ok(answer);
            }
        }
    }

    /// What the last answer said.
    pub(crate) fn body(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.buffer.get(self.body_starts..).unwrap_or_default())
    }
}

/// The answer and where its body starts, once all of it is there.
fn parse(bytes: &[u8]) -> anyhow::Result<Option<(Answer, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end])?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let (mut length, mut position) = (0, 0);
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { continue };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse()?;
        } else if name.eq_ignore_ascii_case("guerdon-position") {
            position = value.rsplit(':').next().unwrap_or_default().parse()?;
        }
    }
    let body_starts = end + 4;
    let is_whole = bytes.len() >= body_starts + length;
    Ok(is_whole.then_some((Answer { status: status.parse()?, position }, body_starts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_with_its_last_byte() {
        let whole =
            b"HTTP/1.1 201 Created\r\nguerdon-position: 0:42\r\ncontent-length: 2\r\n\r\n{}";
        let (answer, body) = parse(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.position, &whole[body..]), (201, 42, &b"{}"[..]));
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "at {end}");
        }
    }
}
