//! The main job on a leak of our own: start a leaking server, watch it, say what leaks, draw what
//! is live.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, bail};

use crate::command::{as_root, command, output, root, run, target_dir};
use crate::setup;

/// Options of `cargo xtask demo`.
#[derive(clap::Args)]
pub struct Options {
    /// How long to watch: verdicts need a minute at least.
    #[arg(long, default_value_t = 90)]
    seconds: u32,
    /// The interpreter that runs the server [default: python3, which is installed where it is
    /// missing].
    #[arg(long)]
    python: Option<PathBuf>,
}

/// Runs the task.
pub fn run_task(options: &Options) -> Result<()> {
    let leakspy = target_dir().join("release/leakspy");
    // What is lacking is said before anything is built.
    let mut watch = as_root(&leakspy)?;
    if options.python.is_none() {
        setup::python3()?;
    }
    let python = options.python.as_deref().unwrap_or(Path::new("python3"));
    run(command("cargo").args(["build", "--release", "--package", "leakspy"]))?;
    let recording = target_dir().join("demo.leakspy");
    let picture = target_dir().join("demo.svg");
    let server = Server::start(python)?;
    println!("A leaking server runs as process {}: demo/leaky_server.py\n", server.pid());

    let pid = server.pid().to_string();
    let duration = format!("{}s", options.seconds);
    run(watch
        .args(["leaks", "--pid", &pid, "--duration", &duration, "--force", "--save"])
        .arg(&recording))?;
    drop(server);

    run(command(&leakspy)
        .arg("report")
        .arg(&recording)
        .args(["--format", "svg", "--force", "--output"])
        .arg(&picture))?;
    println!("\nAll that is live, as a flame graph: {}", picture.display());
    println!("The same as a page: {} report {}", leakspy.display(), recording.display());
    println!("On your own server: sudo {} leaks -p PID", leakspy.display());
    Ok(())
}

/// The server; it stops when its standard input closes, so it cannot outlive us.
struct Server(Child);

impl Server {
    fn start(python: &Path) -> Result<Self> {
        // The interpreter itself: a wrapper in front of it would have another process id.
        let real = output(command(python).args(["-c", "import sys; print(sys.executable)"]))
            .context("the demo's server needs a python3")?;
        let mut child = command(real.trim())
            .arg(root().join("demo/leaky_server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", real.trim()))?;
        let stdout = child.stdout.take().expect("invariant: stdout is a pipe");
        let server = Self(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).context("cannot read from the server")?;
        if !line.starts_with("ready ") {
            bail!("the server did not start: {line:?}");
        }
        Ok(server)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is collected.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
