//! A connection that is kept for the next request, and answers read as they come.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::ANSWER_MAX;
use super::request::Sent;

/// The most headers of an answer.
const HEADERS_MAX: usize = 64;

/// How long the server may take to close after an answer that said so.
const CLOSING: Duration = Duration::from_secs(5);

/// A connection to the server.
pub(super) struct Connection {
    stream: TcpStream,
    /// What came and isn't read yet.
    buffer: Vec<u8>,
}

/// An answer.
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) retry_after: Option<String>,
    /// Whether it says that the connection ends.
    pub(super) announces_close: bool,
    /// Whether its body goes on; it isn't read.
    pub(super) is_stream: bool,
}

/// How long a body is.
enum Length {
    Bytes(usize),
    Chunked,
    ToTheEnd,
}

impl Heard {
    const fn nothing() -> Self {
        Self {
            status: 0,
            body: Vec::new(),
            retry_after: None,
            announces_close: true,
            is_stream: false,
        }
    }
}

impl Connection {
    pub(super) async fn to(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("a URL");
        let stream = TcpStream::connect(address).await.expect("connected");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends a request and reads its answer; the error says what was not as it must be.
    pub(super) async fn ask(&mut self, sent: &Sent) -> Result<Heard, String> {
        // A server that has answered already may not read the rest; its answer is there.
        let written = self.stream.write_all(&sent.bytes).await;
        if sent.is_cut {
            drop(self.stream.shutdown().await);
        }
        let heard = tokio::time::timeout(ANSWER_MAX, self.hear(sent.is_head)).await;
        let heard = heard.map_err(|_| format!("no answer within {ANSWER_MAX:?}"))?;
        let heard = match heard {
            // Who ends in the middle is owed no answer.
            Err(_) if sent.is_cut => return Ok(Heard::nothing()),
            heard => heard.map_err(|why| format!("{why} (sent: {written:?})"))?,
        };
        if heard.announces_close && !sent.is_cut {
            let closed = tokio::time::timeout(CLOSING, self.drain()).await;
            closed.map_err(|_| "it said that it closes, and doesn't".to_owned())?;
        }
        Ok(heard)
    }

    async fn hear(&mut self, is_head: bool) -> Result<Heard, String> {
        let (mut heard, length) = loop {
            match self.head()? {
                // 100 only says that the body may come.
                Some((Heard { status: 100, .. }, _)) => {}
                Some(head) => break head,
                None => self.more().await?,
            }
        };
        if heard.is_stream || is_head {
            return Ok(heard);
        }
        match length {
            Length::Bytes(bytes) => {
                while self.buffer.len() < bytes {
                    self.more().await?;
                }
                heard.body = self.buffer.drain(..bytes).collect();
            }
            Length::Chunked => loop {
                let line = self.line().await?;
                let bytes = usize::from_str_radix(line.trim(), 16).map_err(|e| e.to_string())?;
                while self.buffer.len() < bytes + 2 {
                    self.more().await?;
                }
                heard.body.extend(self.buffer.drain(..bytes));
                self.buffer.drain(..2);
                if bytes == 0 {
                    break;
                }
            },
            Length::ToTheEnd => {
                self.drain().await;
                heard.body = std::mem::take(&mut self.buffer);
            }
        }
        Ok(heard)
    }

    /// The head of the answer, once it is whole.
    fn head(&mut self) -> Result<Option<(Heard, Length)>, String> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.buffer).map_err(|e| e.to_string())?;
        let httparse::Status::Complete(bytes) = parsed else { return Ok(None) };
        let status = response.code.unwrap_or_default();
        let header = |name: &str| {
            let found = response.headers.iter().find(|it| it.name.eq_ignore_ascii_case(name));
            found.map(|it| String::from_utf8_lossy(it.value).into_owned())
        };
        let length = match (header("content-length"), header("transfer-encoding")) {
            _ if [100, 204, 304].contains(&status) => Length::Bytes(0),
            (Some(bytes), _) => Length::Bytes(bytes.parse().map_err(|_| "no length".to_owned())?),
            (None, Some(_)) => Length::Chunked,
            (None, None) => Length::ToTheEnd,
        };
        let heard = Heard {
            status,
            body: Vec::new(),
            retry_after: header("retry-after"),
            announces_close: header("connection").is_some_and(|it| it.contains("close"))
                || matches!(length, Length::ToTheEnd),
            is_stream: header("content-type").is_some_and(|it| it.contains("event-stream")),
        };
        self.buffer.drain(..bytes);
        Ok(Some((heard, length)))
    }

    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.drain(..end + 2).collect::<Vec<_>>();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), String> {
        let mut bytes = [0; 8_192];
        match self.stream.read(&mut bytes).await {
            Ok(0) => Err("the connection was closed and nobody had said so".into()),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(error) => Err(format!("the connection broke: {error}")),
        }
    }

    /// Reads to the end.
    async fn drain(&mut self) {
        while self.more().await.is_ok() {}
    }
}
