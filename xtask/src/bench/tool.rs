//! The tools: a row each.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cost::{cpu_seconds_of_tree, map_mib, peak_mib};
use super::place;
use super::server::{Live, Server};
use crate::command::{command, find, output, run, target_dir};

/// What leaks in every server.
const PLANTED: &str = "remember_upload";
/// An answer is what one screen of the tool's words says.
const SCREEN: usize = 40;
/// How long a tool may take to attach, and to end.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

/// A tracer that attaches to a running process.
pub struct Tool {
    /// What it is called.
    pub name: &'static str,
    /// Where it comes from.
    pub from: &'static str,
    program: Program,
    /// Its arguments; `PID` and `OUT` in them are the process and the file of its words.
    arguments: &'static [&'static str],
    /// A word that it says when it is attached; one that says none has then ended, and works inside the server.
    ready: Option<&'static str>,
    /// Arguments that end it, where it works inside the server.
    detach: &'static [&'static str],
    /// The program and arguments that say what it found, if it does not say so by itself when it ends.
    answer: Option<&'static [&'static str]>,
}

/// All of them. Of each allocation and each free the stack is taken, and what is outstanding is told at the end.
pub const TOOLS: &[Tool] = &[
    Tool {
        name: "leakspy",
        from: "this repository",
        program: Program::Leakspy,
        arguments: &["record", "--pid", "PID", "--force", "--output", "OUT.leakspy"],
        ready: Some("recording "),
        detach: &[],
        answer: Some(&["leaks", "OUT.leakspy"]),
    },
    Tool {
        name: "leakspy --exact",
        from: "this repository",
        program: Program::Leakspy,
        arguments: &["record", "--exact", "--pid", "PID", "--force", "--output", "OUT.leakspy"],
        ready: Some("recording "),
        detach: &[],
        answer: Some(&["leaks", "OUT.leakspy"]),
    },
    Tool {
        name: "memray",
        from: "PyPI, in the server's environment, with gdb",
        program: Program::OfServer("memray"),
        arguments: &["attach", "--force", "--output", "OUT.memray", "PID"],
        ready: None,
        detach: &["detach", "PID"],
        answer: Some(&["summary", "OUT.memray"]),
    },
    Tool {
        name: "memleak",
        from: "libbpf-tools",
        program: Program::Installed("memleak"),
        arguments: &["--pid", "PID", "100000"],
        ready: Some("Attach"),
        detach: &[],
        answer: None,
    },
    Tool {
        name: "bpftrace",
        from: "Debian's bpftrace",
        program: Program::Installed("bpftrace"),
        arguments: &["-p", "PID", "-e", BPFTRACE],
        ready: Some("Attach"),
        detach: &[],
        answer: None,
    },
];

/// Where a tool is.
enum Program {
    /// Built from this repository.
    Leakspy,
    /// Where programs are installed.
    Installed(&'static str),
    /// Beside the server's interpreter.
    OfServer(&'static str),
}

/// What the shortest script does that finds what is outstanding.
const BPFTRACE: &str = "\
uprobe:libc:malloc { @size[tid] = arg0; } \
uretprobe:libc:malloc /@size[tid]/ { @live[retval] = (@size[tid], ustack(8)); delete(@size[tid]); } \
uprobe:libc:free { delete(@live[arg0]); }";

/// A tool at work.
pub struct Attached<'a> {
    tool: &'a Tool,
    live: &'a Live,
    process: Child,
    /// How long it took until it said that it is attached.
    pub attach: Duration,
    cpu: f64,
    began: Instant,
}

/// What a tool used, and whether it named what leaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Used {
    /// From its start until it was attached, seconds.
    pub attach: f64,
    /// Parts of a core while it was.
    pub cores: f64,
    /// Most resident memory, MiB.
    pub peak_mib: f64,
    /// Maps in the kernel, MiB.
    pub map_mib: f64,
    /// Whether the function that leaks is in the first screen of its words.
    pub named: bool,
}

fn words() -> PathBuf {
    place().join("out")
}

impl Tool {
    /// Whether it is there, as far as that can be known without a server.
    pub fn is_installed(&self) -> bool {
        match self.program {
            Program::Leakspy => true,
            Program::Installed(name) => find(name).is_some(),
            Program::OfServer(_) => find("gdb").is_some(),
        }
    }

    /// Whether it can trace a server of this kind.
    pub fn can_trace(&self, server: &Server) -> bool {
        server.is_python() || !matches!(self.program, Program::OfServer(_))
    }

    fn command(&self, arguments: &[&str], live: &Live) -> Result<Command> {
        let program = match self.program {
            Program::Leakspy => Some(target_dir().join("release/leakspy")),
            Program::Installed(name) => find(name),
            Program::OfServer(name) => {
                live.python.as_deref().and_then(Path::parent).map(|folder| folder.join(name))
            }
        };
        let mut started = command(program.context("the tool is not installed")?);
        let (pid, out) = (live.pid.to_string(), words().display().to_string());
        started.args(arguments.iter().map(|word| word.replace("PID", &pid).replace("OUT", &out)));
        Ok(started)
    }

    /// Starts it on a server, and waits until it is attached.
    pub fn attach<'a>(&'a self, live: &'a Live) -> Result<Attached<'a>> {
        let began = Instant::now();
        let file = |name: &str| {
            let path = words().with_extension(name);
            File::create(&path).with_context(|| format!("cannot write {}", path.display()))
        };
        let process = self
            .command(self.arguments, live)?
            .stdin(Stdio::null())
            .stdout(file("stdout")?)
            .stderr(file("stderr")?)
            .spawn()
            .with_context(|| format!("cannot start {}", self.name))?;
        let mut attached =
            Attached { tool: self, live, process, attach: Duration::ZERO, cpu: 0.0, began };
        attached.wait_until_ready()?;
        attached.attach = began.elapsed();
        attached.cpu = cpu_seconds_of_tree(attached.process.id());
        attached.began = Instant::now();
        Ok(attached)
    }
}

impl Attached<'_> {
    fn wait_until_ready(&mut self) -> Result<()> {
        loop {
            if self.tool.ready.is_some_and(said) {
                return Ok(());
            }
            if let Some(status) = self.process.try_wait().context("cannot watch the tool")? {
                if self.tool.ready.is_none() && status.success() {
                    return Ok(());
                }
                bail!("{} did not attach ({status}): {}", self.tool.name, last_words());
            }
            if self.began.elapsed() > PATIENCE {
                bail!("{} did not attach in {PATIENCE:?}", self.tool.name);
            }
            thread::sleep(GLANCE);
        }
    }

    /// Ends it as Ctrl-C does, and asks what it found.
    pub fn stop(mut self) -> Result<Used> {
        let pid = self.process.id();
        let seconds = self.began.elapsed().as_secs_f64();
        let cores = (cpu_seconds_of_tree(pid) - self.cpu) / seconds;
        let (peak, maps) = (peak_mib(pid).unwrap_or(f64::NAN), map_mib(pid));
        match self.tool.detach {
            [] => run(command("kill").args(["-INT", &pid.to_string()]))?,
            arguments => drop(output(&mut self.tool.command(arguments, self.live)?)?),
        }
        self.process.wait().context("cannot wait for the tool")?;
        let answer = match self.tool.answer {
            Some(arguments) => output(&mut self.tool.command(arguments, self.live)?)?,
            None => fs::read_to_string(words().with_extension("stdout")).unwrap_or_default(),
        };
        let named = answer.lines().take(SCREEN).any(|line| line.contains(PLANTED));
        let attach = self.attach.as_secs_f64();
        Ok(Used { attach, cores, peak_mib: peak, map_mib: maps, named })
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        // It has ended, unless something failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(path: &Path) -> Vec<String> {
    File::open(path).map_or_else(
        |_| Vec::new(),
        |file| BufReader::new(file).lines().map_while(Result::ok).collect(),
    )
}

fn said(word: &str) -> bool {
    ["stdout", "stderr"]
        .iter()
        .any(|name| lines(&words().with_extension(name)).iter().any(|line| line.contains(word)))
}

fn last_words() -> String {
    lines(&words().with_extension("stderr")).pop().unwrap_or_default()
}
