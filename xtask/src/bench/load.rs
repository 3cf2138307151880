//! What a server does, as whoever counts it tells every second.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Deserialize;

use super::cost::cpu_seconds;
use super::statistics::quantile;

/// How long a server may do nothing before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);
const GLANCE: Duration = Duration::from_millis(20);

#[derive(Deserialize)]
struct Line {
    operations: u64,
    milliseconds: Vec<f64>,
}

/// What was counted when a line came.
#[derive(Clone, Debug)]
struct Second {
    at: Instant,
    operations: u64,
    cpu: f64,
    milliseconds: Vec<f64>,
}

/// What a server did between two moments.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Operations a second.
    pub rate: f64,
    /// Processor time of the server, milliseconds an operation.
    pub cpu: f64,
    /// Processor time of the server, parts of a core.
    pub cores: f64,
    /// How long an operation took, milliseconds: the middle, and all but one in a hundred.
    pub latency: (f64, f64),
}

/// The counts of a server that works.
#[derive(Clone)]
pub struct Load {
    seconds: Arc<Mutex<Vec<Second>>>,
}

impl Load {
    /// Reads lines until there are no more. With each, the processor time of the server is read: then it has just ended
    /// an operation.
    pub fn read(pid: u32, from: impl Read + Send + 'static) -> Self {
        let load = Self { seconds: Arc::default() };
        let seconds = Arc::clone(&load.seconds);
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                let Ok(Line { operations, milliseconds }) = serde_json::from_str(&line) else {
                    continue;
                };
                let Ok(cpu) = cpu_seconds(pid) else { return };
                let second = Second { at: Instant::now(), operations, cpu, milliseconds };
                seconds.lock().unwrap_or_else(PoisonError::into_inner).push(second);
            }
        });
        load
    }

    /// Waits until something was done after `moment`.
    ///
    /// # Errors
    /// Nothing is done any more.
    pub fn wait_until(&self, moment: Instant) -> Result<()> {
        while self.last().is_none_or(|last| last < moment) {
            if Instant::now() > moment + PATIENCE {
                bail!("the server has done nothing for {PATIENCE:?}");
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    fn last(&self) -> Option<Instant> {
        self.seconds.lock().unwrap_or_else(PoisonError::into_inner).last().map(|second| second.at)
    }

    /// What was done from the first line after one moment to the last before another.
    ///
    /// # Errors
    /// That is nothing.
    pub fn between(&self, from: Instant, to: Instant) -> Result<Window> {
        let seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        let within: Vec<&Second> =
            seconds.iter().filter(|second| second.at >= from && second.at <= to).collect();
        window(&within)
    }
}

fn window(seconds: &[&Second]) -> Result<Window> {
    let ([first, .., last], Some((_, later))) = (seconds, seconds.split_first()) else {
        bail!("the server did too little to be measured");
    };
    let operations = last.operations.saturating_sub(first.operations) as f64;
    let time = last.at.duration_since(first.at).as_secs_f64();
    if operations < 1.0 {
        bail!("the server did nothing in {time:.0} s");
    }
    let cpu = last.cpu - first.cpu;
    let mut took: Vec<f64> =
        later.iter().flat_map(|second| &second.milliseconds).copied().collect();
    took.sort_by(f64::total_cmp);
    Ok(Window {
        rate: operations / time,
        cpu: cpu * 1000.0 / operations,
        cores: cpu / time,
        latency: (quantile(&took, 50), quantile(&took, 99)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_from_line_to_line() {
        let start = Instant::now();
        let second = |number: u32, cpu: f64| Second {
            at: start + Duration::from_secs(number.into()),
            operations: u64::from(number) * 100,
            cpu,
            milliseconds: vec![f64::from(number)],
        };
        let seconds = [second(1, 0.5), second(2, 0.6), second(3, 0.9)];
        let all: Vec<&Second> = seconds.iter().collect();
        let found = window(&all).expect("three lines");
        assert_eq!((found.rate, found.latency), (100.0, (2.5, 2.99)));
        assert!((found.cpu - 2.0).abs() < 1e-9 && (found.cores - 0.2).abs() < 1e-9);
        assert!(window(&all[..1]).is_err() && window(&[]).is_err());
    }
}
