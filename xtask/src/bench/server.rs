//! The servers: a row each.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cost::children;
use super::load::Load;
use super::place;
use crate::command::{command, root, run};
use crate::setup::venv::{self, pyenv_python};

/// Tools that must lie beside the interpreter.
const TRACERS: [&str; 1] = ["memray==1.19.1"];
const MINOR: &str = "3.12";
const PATIENCE: Duration = Duration::from_secs(120);
const GLANCE: Duration = Duration::from_millis(100);

/// A server to measure on.
pub struct Server {
    /// What it is called.
    pub name: &'static str,
    /// What it does.
    pub what: &'static str,
    packages: &'static [&'static str],
    program: Program,
    client: Option<Client>,
    /// Seconds until it does the same all the time.
    pub warm_up: u64,
}

enum Program {
    /// Arguments of Python; `PORT` in them is its port.
    Python(&'static [&'static str]),
    /// A source file.
    C(&'static str),
}

/// Who counts what a server does; a worker counts for itself.
struct Client {
    file: &'static str,
    per_second: &'static str,
    /// Whether a process that the server started does the work.
    of_child: bool,
}

const fn client(file: &'static str, per_second: &'static str) -> Option<Client> {
    Some(Client { file, per_second, of_child: false })
}

/// All of them.
pub const SERVERS: &[Server] = &[
    Server {
        name: "panel",
        what: "Panel: 0.5 sessions a second, each a table and three plots",
        packages: &[
            "panel==1.9.4",
            "bokeh==3.9.2",
            "holoviews==1.23.2",
            "hvplot==0.12.2",
            "pandas==2.3.3",
        ],
        program: Program::Python(&[
            "-m",
            "panel",
            "serve",
            "panel_app.py",
            "--address",
            "127.0.0.1",
            "--port",
            "PORT",
            "--check-unused-sessions",
            "1000",
            "--unused-session-lifetime",
            "2000",
        ]),
        client: client("panel_client.py", "0.5"),
        warm_up: 30,
    },
    Server {
        name: "streamlit",
        what: "Streamlit: a session a second, whose script runs three times",
        packages: &["streamlit==1.41.1", "pandas==2.3.3"],
        program: Program::Python(&[
            "-m",
            "streamlit",
            "run",
            "streamlit_app.py",
            "--server.address",
            "127.0.0.1",
            "--server.port",
            "PORT",
            "--server.headless",
            "true",
            "--browser.gatherUsageStats",
            "false",
        ]),
        client: client("streamlit_client.py", "1"),
        warm_up: 20,
    },
    Server {
        name: "fastapi",
        what: "FastAPI on uvicorn: 100 requests a second with 50 lines each",
        packages: &["fastapi==0.115.6", "uvicorn==0.34.0"],
        program: Program::Python(&[
            "-m",
            "uvicorn",
            "fastapi_app:app",
            "--host",
            "127.0.0.1",
            "--port",
            "PORT",
            "--log-level",
            "error",
        ]),
        client: client("http_client.py", "100"),
        warm_up: 10,
    },
    Server {
        name: "django",
        what: "Django on gunicorn, one worker: 100 requests a second with 50 lines each",
        packages: &["django==5.1.4", "gunicorn==23.0.0"],
        program: Program::Python(&[
            "-m",
            "gunicorn",
            "--workers",
            "1",
            "--bind",
            "127.0.0.1:PORT",
            "--log-level",
            "error",
            "django_app:application",
        ]),
        client: Some(Client { file: "http_client.py", per_second: "100", of_child: true }),
        warm_up: 10,
    },
    Server {
        name: "pandas",
        what: "a worker that reads, groups and writes tables with pandas, 20 times a second",
        packages: &["pandas==2.3.3"],
        program: Program::Python(&["pandas_batch.py"]),
        client: None,
        warm_up: 10,
    },
    Server {
        name: "bytearray",
        what: "`bytearray(1000)` 200,000 times a second",
        packages: &[],
        program: Program::Python(&["bytearray_loop.py"]),
        client: None,
        warm_up: 5,
    },
    Server {
        name: "c-loop",
        what: "`free(malloc(n))` in C 400,000 times a second",
        packages: &[],
        program: Program::C("c_loop.c"),
        client: None,
        warm_up: 3,
    },
];

/// A server at work; it ends when this is dropped.
pub struct Live {
    /// What it and its client are.
    processes: Vec<Child>,
    /// The process to attach to.
    pub pid: u32,
    /// What it does.
    pub load: Load,
    /// Its interpreter, if it has one.
    pub python: Option<PathBuf>,
}

fn folder() -> PathBuf {
    root().join("xtask/bench")
}

impl Server {
    /// Whether it has an interpreter.
    pub const fn is_python(&self) -> bool {
        matches!(self.program, Program::Python(_))
    }

    /// Makes the environment with its packages; where a C program is, for that.
    pub fn environment(&self) -> Result<PathBuf> {
        let environment = place().join(self.name);
        match self.program {
            Program::C(file) => {
                let compiled = environment.with_extension("bin");
                run(command("cc").arg("-O2").arg(folder().join(file)).arg("-o").arg(&compiled))?;
                Ok(compiled)
            }
            Program::Python(_) => {
                let python =
                    pyenv_python(MINOR).with_context(|| format!("no CPython {MINOR} in pyenv"))?;
                let packages = [self.packages, &TRACERS].concat();
                venv::make(&environment, &python, &packages)?;
                Ok(environment)
            }
        }
    }

    /// Starts it, and who counts for it.
    pub fn start(&self, environment: &Path) -> Result<Live> {
        let port = free_port()?;
        let python = environment.join("bin/python");
        let mut program = match self.program {
            Program::C(_) => command(environment),
            Program::Python(arguments) => {
                let mut program = command(&python);
                program.args(arguments.iter().map(|word| word.replace("PORT", &port.to_string())));
                program
            }
        };
        let (process, own) = spawn(&mut program)?;
        let mut live = Live {
            pid: process.id(),
            processes: vec![process],
            load: Load::read(0, std::io::empty()),
            python: self.is_python().then_some(python.clone()),
        };
        let counts = match &self.client {
            None => own,
            Some(client) => {
                live.wait_until_it_listens(port)?;
                if client.of_child {
                    live.pid =
                        *children(live.pid).first().context("the server started no worker")?;
                }
                let arguments = [client.file, &port.to_string(), client.per_second];
                let (process, out) = spawn(command(&python).args(arguments))?;
                live.processes.push(process);
                out
            }
        };
        live.load = Load::read(live.pid, counts);
        Ok(live)
    }
}

fn spawn(program: &mut Command) -> Result<(Child, ChildStdout)> {
    let mut process = program
        .current_dir(folder())
        .env("PYTHONPATH", folder())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start the server")?;
    let out = process.stdout.take().context("a process without its output")?;
    Ok((process, out))
}

fn free_port() -> Result<u16> {
    let free = TcpListener::bind(("127.0.0.1", 0)).context("no free port")?;
    Ok(free.local_addr().context("a port without a number")?.port())
}

impl Live {
    /// Lets it work for so many seconds.
    pub fn warm_up(&self, seconds: u64) -> Result<()> {
        // Its first operation may take long.
        self.load.wait_until(Instant::now())?;
        self.load.wait_until(Instant::now() + Duration::from_secs(seconds))
    }

    fn wait_until_it_listens(&mut self, port: u16) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let process = self.processes.first_mut().context("no server")?;
            if let Some(status) = process.try_wait().context("cannot watch the server")? {
                bail!("the server did not start ({status})");
            }
            if Instant::now() > end {
                bail!("the server does not listen after {PATIENCE:?}");
            }
            sleep(GLANCE);
        }
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            // gunicorn ends its worker when it is asked to end, and not when it is killed.
            for child in children(process.id()) {
                let _ = run(command("kill").arg(child.to_string()));
            }
            // It may have ended by itself; either way it is collected.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
