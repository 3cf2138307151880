//! `census` and `who`, as people run them.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::chance::Chance;
use crate::process::Process;
use crate::tracer;

/// What of a census matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Census {
    /// How the snapshot was taken.
    #[serde(rename = "look")]
    pub snapshot: Snapshot,
    /// Types.
    pub types: Vec<TypeRow>,
    /// How full its pools are.
    pub pools: Option<Pools>,
    /// What grew.
    pub growth: Option<Vec<Growth>>,
}

/// What of its pools matters here.
#[derive(Clone, Debug, Deserialize)]
pub struct Pools {
    /// Those less than a quarter in use.
    pub nearly_empty: NearlyEmpty,
    /// Types in them.
    #[serde(rename = "kept_by")]
    pub retained_by: Vec<PoolRetainer>,
}

/// Nearly empty pools.
#[derive(Clone, Debug, Deserialize)]
pub struct NearlyEmpty {
    /// How many.
    pub pools: u64,
}

/// A type in nearly empty pools.
#[derive(Clone, Debug, Deserialize)]
pub struct PoolRetainer {
    /// Its name.
    pub name: String,
    /// How many it is in.
    pub pools: u64,
}

/// How a heap was looked at.
#[derive(Clone, Debug, Deserialize)]
pub struct Snapshot {
    /// Seconds that the process stood still.
    pub paused_seconds: Option<f64>,
    /// Interpreters.
    pub interpreters: u32,
    /// Left out.
    pub skipped: Vec<(String, u64)>,
    /// Codes of what was left out, in the same order.
    pub skipped_codes: Vec<String>,
}

/// One type.
#[derive(Clone, Debug, Deserialize)]
pub struct TypeRow {
    /// Its name.
    pub name: String,
    /// Objects.
    pub count: u64,
    /// Tracked objects.
    pub tracked: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A type that changed.
#[derive(Clone, Debug, Deserialize)]
pub struct Growth {
    /// Its name.
    pub name: String,
    /// At the first snapshot.
    pub first_count: u64,
    /// At the last snapshot.
    pub last_count: u64,
}

/// The answer of `who`.
#[derive(Clone, Debug, Deserialize)]
pub struct Retainers {
    /// What was found.
    pub subject: String,
    /// Objects.
    pub count: u64,
    /// Kinds of paths.
    pub groups: Vec<Group>,
}

/// One kind of path.
#[derive(Clone, Debug, Deserialize)]
pub struct Group {
    /// Objects.
    pub count: u64,
    /// `module`, `frame`, `static-type`, `native`, `garbage`.
    pub root: String,
    /// In words.
    pub root_name: String,
    /// From the root on.
    #[serde(rename = "chain")]
    pub path: Vec<Link>,
}

/// One reference.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// How.
    pub via: String,
    /// Whether it is certain.
    pub certain: bool,
    /// To what.
    pub address: String,
    /// Of which type.
    pub class: String,
}

impl Census {
    /// Of a process, with more flags.
    pub fn of(pid: u32, flags: &[&str]) -> Result<Self> {
        let pid = pid.to_string();
        let words = [&["census", "-q", "-f", "json", "-p", &pid], flags].concat();
        serde_json::from_str(&output(&words)?).context("a census")
    }

    /// A type by its name; one without objects has zeros.
    pub fn row(&self, name: &str) -> TypeRow {
        let known = self.types.iter().find(|row| row.name == name).cloned();
        known.unwrap_or(TypeRow { name: name.to_owned(), count: 0, tracked: 0, bytes: 0 })
    }

    /// Tracked objects by type.
    pub fn tracked(&self) -> BTreeMap<String, u64> {
        let tracked = self.types.iter().filter(|row| row.tracked > 0);
        tracked.map(|row| (row.name.clone(), row.tracked)).collect()
    }
}

impl Retainers {
    /// Of what is asked for in a process.
    pub fn of(pid: u32, asked: &str, flags: &[&str]) -> Result<Self> {
        let pid = pid.to_string();
        let words = [&["who", "-f", "json", "-p", &pid, asked], flags].concat();
        serde_json::from_str(&output(&words)?).context("holders")
    }

    /// The kind of path that keeps most.
    pub fn first(&self) -> Result<&Group> {
        self.groups.first().with_context(|| format!("no chain: {self:?}"))
    }
}

impl Group {
    /// The path as one line of words: `.a [0] closure cell b`.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.path.iter().map(|link| link.via.as_str()).collect();
        words.join(" ")
    }
}

/// What leakspy prints when it goes well.
pub fn output(words: &[&str]) -> Result<String> {
    let ending = tracer::run(words)?;
    ensure!(ending.code() == Some(0), "{words:?}: {ending}");
    Ok(ending.stdout.join("\n"))
}

/// Starts a census that pauses the process, and kills it at some moment of its work.
pub fn killed_census(pid: u32, chance: &mut Chance) -> Result<()> {
    let mut command = Command::new(tracer::binary()?);
    command.args(["census", "-q", "--pause", "--every", "100ms", "-p", &pid.to_string()]);
    let census = Process::start("leakspy census".to_owned(), &mut command)?;
    chance.moment(Duration::from_millis(300));
    census.kill().map(|_| ())
}
