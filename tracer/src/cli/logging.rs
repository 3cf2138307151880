//! Log messages of libraries and of our own modules, for developers, on standard error with `-v`.

use std::fmt;
use std::io;

use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
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

/// Begins to listen: warnings with one `-v`, everything with four. Also to `log`, through which
/// messages of the eBPF programs come.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::OFF,
        1 => LevelFilter::WARN,
        2 => LevelFilter::INFO,
        3 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let listener = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        .event_format(Line)
        .finish();
    // Fails only when somebody else listens already, as in tests.
    let _ = tracing_subscriber::util::SubscriberInitExt::try_init(listener);
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
