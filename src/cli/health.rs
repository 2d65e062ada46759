//! `baocao health`: asks a running worker how it is; for the health checks of containers.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use clap::Args;

use super::{Error, Global, Result, Status};

/// Ask a worker on this machine whether it is ready; exit status 1 when it is not
#[derive(Debug, Args)]
pub struct Health {
    /// Where it listens [default: telemetry.http_listen of the settings]
    #[arg(long, value_name = "http://HOST:PORT/PATH")]
    url: Option<String>,
    /// Ask only whether it is alive, ready or not
    #[arg(long, conflicts_with = "url")]
    live: bool,
    /// How long it may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
}

impl Health {
    pub(super) fn run(self, global: &Global) -> Result {
        let path = if self.live { "/livez" } else { "/readyz" };
        let (host, path) = match &self.url {
            Some(url) => {
                let rest = url.strip_prefix("http://").unwrap_or(url);
                let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
                let path = if path.is_empty() {
                    "/readyz".to_owned()
                } else {
                    format!("/{path}")
                };
                (host.to_owned(), path)
            }
            None => (listening(&global.settings()?.telemetry.http_listen)?, path.to_owned()),
        };
        let patience = Duration::from_secs(self.timeout.max(1));
        match ask(&host, &path, patience) {
            Ok((200, body)) => {
                global.remark(body.trim());
                Ok(Status::Fine)
            }
            Ok((_, body)) => {
                eprintln!("baocao: {}", body.trim());
                Ok(Status::Findings)
            }
            Err(cause) => {
                eprintln!("baocao: http://{host}{path} does not answer: {cause}");
                Ok(Status::Findings)
            }
        }
    }
}

/// Where to ask a worker that listens on this address.
fn listening(listen: &str) -> Result<String> {
    let Ok(mut address) = listen.parse::<SocketAddr>() else {
        return Err(Error::new(
            "the worker does not listen: telemetry.http_listen is not set; name it with --url",
        ));
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    Ok(address.to_string())
}

/// The status and the body of an answer.
fn ask(host: &str, path: &str, patience: Duration) -> std::io::Result<(u16, String)> {
    let no_address = || std::io::Error::other("no such address");
    let address = host.to_socket_addrs()?.next().ok_or_else(no_address)?;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.take(64 << 10).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other("the answer is not HTTP"))?;
    Ok((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everywhere_is_here() {
        assert_eq!(listening("0.0.0.0:8080").unwrap(), "127.0.0.1:8080");
        assert_eq!(listening("[::]:8080").unwrap(), "[::1]:8080");
        assert_eq!(listening("10.0.0.1:8080").unwrap(), "10.0.0.1:8080");
        assert!(listening("").is_err());
    }
}
