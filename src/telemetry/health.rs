//! Health: what the worker is doing, told over plain HTTP at /livez and /readyz, and the metrics at
//! /metrics.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::metrics::{MEDIA_TYPE, metrics};

/// How long a probe may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the worker says of itself.
#[derive(Debug, Default)]
pub struct Health {
    connected: AtomicBool,
    pulling: AtomicBool,
    /// An output stream was not there when it was last looked for.
    lost: AtomicBool,
    /// The last thing that was to go out did not.
    failing: AtomicBool,
    draining: AtomicBool,
}

impl Health {
    /// Whether a server is there.
    pub fn set_connected(&self, is_connected: bool) {
        self.connected.store(is_connected, Ordering::Relaxed);
    }

    /// Whether streams and consumer are there and messages are pulled.
    pub fn set_pulling(&self, is_pulling: bool) {
        self.pulling.store(is_pulling, Ordering::Relaxed);
    }

    /// Whether the streams of results, alerts and dead letters are there.
    pub fn set_outputs_there(&self, are_there: bool) {
        self.lost.store(!are_there, Ordering::Relaxed);
    }

    /// Whether what was to go out last did.
    pub fn set_publishing(&self, is_publishing: bool) {
        self.failing.store(!is_publishing, Ordering::Relaxed);
    }

    /// Whether results can go out, as far as is known.
    pub fn has_outputs(&self) -> bool {
        !self.lost.load(Ordering::Relaxed) && !self.failing.load(Ordering::Relaxed)
    }

    /// Whether the worker is on its way out.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether new reports are worked on.
    pub fn is_ready(&self) -> bool {
        let of = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        of(&self.connected) && of(&self.pulling) && self.has_outputs() && !of(&self.draining)
    }
}

/// One line for people.
impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |is_so: bool| if is_so { "yes" } else { "no" };
        let of = |flag: &AtomicBool| word(flag.load(Ordering::Relaxed));
        write!(
            f,
            "connected: {}, pulling: {}, outputs: {}, draining: {}",
            of(&self.connected),
            of(&self.pulling),
            word(self.has_outputs()),
            of(&self.draining)
        )
    }
}

/// Listens on an address and answers probes until dropped; returns the address in use.
pub async fn serve(address: &str, health: Arc<Health>) -> io::Result<Server> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(answer_in_time(stream, health.clone()))),
                // Out of file descriptors, most likely: let others close some.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    Ok(Server { address, task })
}

/// The listener; stops when dropped.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer_in_time(stream: TcpStream, health: Arc<Health>) {
    // A probe that hangs or breaks off is its own trouble.
    let _ = tokio::time::timeout(PATIENCE, answer(stream, &health)).await;
}

/// Answers one request and closes.
async fn answer(mut stream: TcpStream, health: &Health) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < 4096 {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, media_type, body) = response(&request, health);
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// The status, the media type and the body for a request.
fn response(request: &[u8], health: &Health) -> (&'static str, &'static str, String) {
    const TEXT: &str = "text/plain";
    let path = request.split(|&byte| byte == b' ').nth(1).unwrap_or_default();
    match path.split(|&byte| byte == b'?').next().unwrap_or_default() {
        b"/livez" => ("200 OK", TEXT, "alive\n".into()),
        b"/readyz" if health.is_ready() => ("200 OK", TEXT, format!("ready; {health}\n")),
        b"/readyz" => ("503 Service Unavailable", TEXT, format!("not ready; {health}\n")),
        b"/metrics" => {
            metrics().ready.set(health.is_ready().into());
            ("200 OK", MEDIA_TYPE, metrics().text())
        }
        _ => ("404 Not Found", TEXT, "there is /livez, /readyz and /metrics\n".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn readiness_tells_the_truth() {
        let health = Arc::new(Health::default());
        let server = serve("127.0.0.1:0", health.clone()).await.expect("a free port");
        assert!(ask(server.address, "/livez").await.starts_with("HTTP/1.1 200"));
        assert!(ask(server.address, "/readyz").await.starts_with("HTTP/1.1 503"));
        health.set_connected(true);
        health.set_pulling(true);
        assert!(ask(server.address, "/readyz").await.starts_with("HTTP/1.1 200"));
        health.set_outputs_there(false);
        assert!(ask(server.address, "/readyz").await.contains("outputs: no"));
        health.set_outputs_there(true);
        health.set_publishing(false);
        assert!(ask(server.address, "/readyz").await.starts_with("HTTP/1.1 503"));
        health.set_publishing(true);
        assert!(ask(server.address, "/readyz").await.starts_with("HTTP/1.1 200"));
        health.set_draining();
        assert!(ask(server.address, "/readyz?verbose").await.starts_with("HTTP/1.1 503"));
        assert!(ask(server.address, "/").await.starts_with("HTTP/1.1 404"));
    }

    async fn ask(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.expect("listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answers");
        answer
    }
}
