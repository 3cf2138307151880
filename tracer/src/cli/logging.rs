//! What libraries and rooms have to say to developers, on standard error, when asked with `-v`.

use log::{LevelFilter, Log, Metadata, Record};

use crate::report::escape;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            eprintln!("{} {}: {}", record.level(), record.target(), escape::terminal(&text));
        }
    }

    fn flush(&self) {}
}

/// Begins to listen: warnings with one `-v`, everything with four.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Off,
        1 => LevelFilter::Warn,
        2 => LevelFilter::Info,
        3 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // Fails only when somebody else listens already, as in tests.
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(level);
    }
}
