//! Log messages of libraries and of our own modules, for developers, on standard error: with `-v`, or
//! as `RUST_LOG` says.

use std::fmt;
use std::io;

use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::report::escape;

/// `WARN leakspy::probe: what happened`: one line, and nothing in it that a terminal would obey.
struct Line;

impl<S, F> FormatEvent<S, F> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    F: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, F>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // Those that come through `log` have their level and target among the fields.
        let normal = event.normalized_metadata();
        let metadata = normal.as_ref().unwrap_or(event.metadata());
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let text = escape::terminal(&text);
        writeln!(writer, "{} {}: {text}", metadata.level(), metadata.target())
    }
}

/// The variable that says which messages are wanted, as everywhere in Rust: `debug`, or
/// `leakspy::probe=trace,warn`.
const VARIABLE: &str = "RUST_LOG";

/// Begins to listen: warnings with one `-v`, everything with four; without any, what `RUST_LOG`
/// says. Also to `log`, through which messages of the eBPF programs come.
pub fn start(verbose: u8) {
    let (wanted, wrong) = wanted(verbose, std::env::var(VARIABLE).ok().as_deref());
    if let Some(wrong) = wrong {
        eprintln!("leakspy: {}", escape::terminal(&wrong));
    }
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).event_format(Line);
    let listener = tracing_subscriber::registry().with(lines.with_filter(wanted));
    // Fails only when somebody else listens already, as in tests.
    let _ = tracing_subscriber::util::SubscriberInitExt::try_init(listener);
}

/// Which messages are wanted, and what is wrong with what was said of it. A flag is newer than an
/// environment.
fn wanted(verbose: u8, variable: Option<&str>) -> (Targets, Option<String>) {
    let level = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::WARN,
        2 => LevelFilter::INFO,
        3 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let by_flag = Targets::new().with_default(level);
    match variable.filter(|said| verbose == 0 && !said.trim().is_empty()) {
        None => (by_flag, None),
        Some(said) => match said.parse() {
            Ok(targets) => (targets, None),
            Err(error) => {
                let wrong =
                    format!("{VARIABLE}={said} is not used, because it is no filter: {error}");
                (by_flag, Some(wrong))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Memory {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    #[test]
    fn the_usual_variable_is_understood() {
        use tracing::Level;
        let enabled = |filter: &Targets, level| filter.would_enable("leakspy::probe", &level);
        let (filter, wrong) = wanted(0, Some("leakspy::probe=debug,warn"));
        assert!(
            enabled(&filter, Level::DEBUG) && !enabled(&filter, Level::TRACE) && wrong.is_none()
        );
        assert!(
            filter.would_enable("aya", &Level::WARN) && !filter.would_enable("aya", &Level::INFO)
        );
        // A flag says more than the environment.
        assert!(!enabled(&wanted(1, Some("trace")).0, Level::INFO));
        let quiet = [None, Some(""), Some("leakspy=loud")].map(|said| wanted(0, said));
        assert!(quiet.iter().all(|(filter, _)| !enabled(filter, Level::ERROR)));
        assert!(quiet[2].1.as_ref().is_some_and(|wrong| wrong.contains("RUST_LOG=leakspy=loud")));
    }

    #[test]
    fn a_message_is_one_harmless_line() {
        let memory = Memory::default();
        let listener =
            tracing_subscriber::fmt().with_writer(memory.clone()).event_format(Line).finish();
        tracing::subscriber::with_default(listener, || {
            tracing::warn!(target: "here", "a\u{1b}[31m{}", "b\nc");
            tracing::trace!("not asked for");
        });
        let text = String::from_utf8(memory.0.lock().expect("no panic").clone()).expect("text");
        assert_eq!(text, "WARN here: a\\x1b[31mb\\nc\n");
    }
}
