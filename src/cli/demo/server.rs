//! A NATS server of our own: JetStream, a free port, a store that is gone afterwards.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time,
};

use crate::cli::{Error, Result};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running server; it ends when this is dropped.
pub struct Server {
    // Dropped before the folder, whose files it has open.
    child: Child,
    folder: TempDir,
    program: PathBuf,
    url: String,
}

impl Server {
    /// Starts the server and waits until it says where it listens.
    pub async fn start(program: Option<PathBuf>) -> Result<Self> {
        let program = match program {
            Some(program) => program,
            None => find().ok_or_else(|| {
                Error::new(
                    "nats-server is not installed (looked in PATH, /usr/sbin and /usr/local/bin); \
                     install it (apt-get install nats-server) or name it with --nats-server PATH",
                )
            })?,
        };
        let folder = tempfile::Builder::new()
            .prefix("baocao-demo-")
            .tempdir()
            .map_err(|cause| Error::caused("cannot create a folder for the server's store", cause))?;
        let mut child = Command::new(&program)
            .args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir"])
            .arg(folder.path().join("store"))
            // The server picks a free port and writes it there: no other program can take it in between.
            .arg("--ports_file_dir")
            .arg(folder.path())
            .arg("--log")
            .arg(log_of(folder.path()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|cause| Error::caused(format!("cannot start {}", program.display()), cause))?;
        let url = listening(&mut child, &program, folder.path()).await?;
        Ok(Self {
            child,
            folder,
            program,
            url,
        })
    }

    /// The program that runs.
    pub fn program(&self) -> String {
        self.program.display().to_string()
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it and removes its store.
    pub async fn stop(mut self) {
        let _ = self.child.kill().await;
        let _ = self.folder.close();
    }
}

fn log_of(folder: &Path) -> PathBuf {
    folder.join("nats-server.log")
}

/// Waits until the server has written where it listens.
async fn listening(child: &mut Child, program: &Path, folder: &Path) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(url) = url_in(folder) {
            return Ok(url);
        }
        let why = match child.try_wait() {
            Ok(Some(status)) => format!("ended with {status}"),
            _ if Instant::now() >= deadline => format!("did not listen within {} s", PATIENCE.as_secs()),
            _ => {
                time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let log = fs::read_to_string(log_of(folder)).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it wrote no log").to_owned();
        return Err(Error::new(format!("{} {why}: {last}", program.display())));
    }
}

/// The address in the file `nats-server_<pid>.ports`, once it is complete.
fn url_in(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let path = entries
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "ports"))?;
    let ports: serde_json::Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    ports["nats"][0].as_str().map(str::to_owned)
}

/// The server in PATH or where Debian and others put it.
fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(usual)
        .map(|folder| folder.join("nats-server"))
        .find(|program| program.is_file())
}
