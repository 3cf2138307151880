//! The Panel server and its client.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::command::{command, output};

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it ends when this is dropped.
pub struct Server {
    process: Child,
    environment: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Server {
    /// Starts it on a free port of the loopback and waits until it listens.
    pub fn start(environment: &Path, folder: &Path) -> Result<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
        let port = free.local_addr().context("a port without a number")?.port();
        drop(free);
        let process = command(environment.join("bin/python"))
            .args(["-m", "panel", "serve"])
            .arg(folder.join("panel_app.py"))
            .args(["--address", "127.0.0.1", "--port", &port.to_string()])
            .args(["--check-unused-sessions", "1000", "--unused-session-lifetime", "2000"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the Panel server")?;
        let mut server =
            Self { process, environment: environment.to_owned(), folder: folder.to_owned(), port };
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Lets it import and compile what it needs. Its first session is so slow that the server may
    /// take it for an abandoned one.
    pub fn warm_up(&self) -> Result<()> {
        self.sessions(1).or_else(|_| self.sessions(1)).context("the server stays too slow")?;
        self.sessions(5).map(drop)
    }

    /// Opens and closes `count` sessions; returns the server's CPU milliseconds per session.
    pub fn sessions(&self, count: u32) -> Result<f64> {
        let url = format!("http://127.0.0.1:{}/panel_app", self.port);
        let said = output(
            command(self.environment.join("bin/python"))
                .arg(self.folder.join("panel_client.py"))
                .args([&url, &self.pid().to_string(), &count.to_string()])
                .stderr(Stdio::null()),
        )?;
        let figure = said
            .split_ascii_whitespace()
            .find_map(|word| word.strip_prefix("cpu_ms_per_session="))
            .with_context(|| format!("the client did not say cpu_ms_per_session: {said:?}"))?;
        figure.parse().with_context(|| format!("{figure:?} is no number"))
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.process.try_wait().context("cannot watch the server")? {
                bail!("the Panel server did not start ({status})");
            }
            if Instant::now() > end {
                bail!("the Panel server does not listen after {PATIENCE:?}");
            }
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is collected.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
