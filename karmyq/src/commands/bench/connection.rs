//! A kept-alive HTTP/1.1 connection that costs the machine little: the server is what is measured.

use anyhow::{Context, Result, bail, ensure};
use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection with at most one request under way.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply<'a> {
    /// The status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: &'a [u8],
}

/// Where the parts of an answer are.
struct Head {
    status: u16,
    body_begins: usize,
    body_bytes: usize,
}

impl Connection {
    /// Connects to `host:port`.
    pub(super) async fn open(address: &str) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (request, answer) = (Vec::with_capacity(2_048), Vec::with_capacity(8_192));
        Ok(Self { stream, address: address.to_owned(), request, answer })
    }

    /// Sends a command with an idempotency key and reads the answer.
    pub(super) async fn command(
        &mut self,
        method: &Method,
        path: &str,
        token: &str,
        key: &str,
        body: &[u8],
    ) -> Result<Reply<'_>> {
        use std::io::Write as _;

        self.request.clear();
        write!(
            self.request,
            "{method} /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Idempotency-Key: {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len(),
        )?;
        self.request.extend_from_slice(body);
        self.stream.write_all(&self.request).await?;
        self.receive().await
    }

    /// Sends a query and reads the answer.
    pub(super) async fn query(&mut self, path: &str, token: &str) -> Result<Reply<'_>> {
        use std::io::Write as _;

        self.request.clear();
        write!(
            self.request,
            "GET /api/v1{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\r\n",
            self.address,
        )?;
        self.stream.write_all(&self.request).await?;
        self.receive().await
    }

    async fn receive(&mut self) -> Result<Reply<'_>> {
        self.answer.clear();
        let mut head = None;
        loop {
            let read = self.stream.read_buf(&mut self.answer).await?;
            ensure!(read > 0, "{} closed the connection", self.address);
            if head.is_none() {
                head = Head::parse(&self.answer)?;
            }
            if let Some(Head { status, body_begins, body_bytes }) = head
                && self.answer.len() >= body_begins + body_bytes
            {
                return Ok(Reply { status, body: &self.answer[body_begins..body_begins + body_bytes] });
            }
        }
    }
}

impl Head {
    /// The head, once it is complete.
    fn parse(answer: &[u8]) -> Result<Option<Self>> {
        let Some(end) = answer.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&answer[..end])?;
        let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.split(' ').nth(1).and_then(|it| it.parse().ok());
        let length = headers.lines().filter_map(|it| it.split_once(':')).find_map(|(name, value)| {
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
        });
        match (status, length) {
            (Some(status), Some(body_bytes)) => Ok(Some(Self { status, body_begins: end + 4, body_bytes })),
            _ => bail!("an answer without status or length: {head}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn an_answer_is_read_once_its_head_is_complete() {
        let answer = b"HTTP/1.1 201 Created\r\nETag: \"1\"\r\nContent-Length: 2\r\n\r\n{}";
        assert!(Head::parse(&answer[..30]).expect("a beginning").is_none());
        let head = Head::parse(answer).expect("an answer").expect("a complete head");
        assert_eq!((head.status, head.body_bytes), (201, 2));
        assert_eq!(&answer[head.body_begins..], b"{}");
    }

    #[test]
    fn an_answer_without_length_is_none() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n").is_err());
    }
}
