//! Values of fields that say that an object has done what it was for.

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalState {
    /// The type; empty for any.
    pub class: &'static str,
    /// The field, without underscores before it.
    pub field: &'static str,
    /// The value in words, as [`FieldContrast::value`](super::FieldContrast::value) has it, in any case.
    pub value: &'static str,
    /// Whether such objects are of no more use. What is only finished may be kept for its result.
    pub is_useless: bool,
}

const fn useless(field: &'static str, value: &'static str) -> TerminalState {
    TerminalState { class: "", field, value, is_useless: true }
}

const fn finished(field: &'static str, value: &'static str) -> TerminalState {
    TerminalState { class: "", field, value, is_useless: false }
}

const fn of(class: &'static str, field: &'static str, value: &'static str) -> TerminalState {
    TerminalState { class, field, value, is_useless: true }
}

const ROWS: &[TerminalState] = &[
    useless("closed", "True"),
    useless("is_closed", "True"),
    useless("disconnected", "True"),
    useless("is_disconnected", "True"),
    useless("connected", "False"),
    useless("is_connected", "False"),
    useless("destroyed", "True"),
    useless("is_destroyed", "True"),
    useless("disposed", "True"),
    useless("is_disposed", "True"),
    useless("finalized", "True"),
    useless("detached", "True"),
    useless("shutdown", "True"),
    useless("is_shutdown", "True"),
    useless("alive", "False"),
    useless("is_alive", "False"),
    // Of files and sockets, also of `_socket.socket` and `_io.FileIO` in C.
    useless("fd", "-1"),
    useless("fileno", "-1"),
    useless("sock", "None"),
    useless("socket", "None"),
    // Protocols of asyncio, after `connection_lost`.
    useless("transport", "None"),
    useless("state", "closed"),
    useless("state", "disconnected"),
    useless("state", "destroyed"),
    useless("state", "dead"),
    useless("status", "closed"),
    useless("status", "disconnected"),
    // `run` deletes it when the thread ends (`Lib/threading.py`).
    of("threading.Thread", "target", "not set"),
    of("threading.Thread", "is_stopped", "True"),
    of("_asyncio.Task", "coro", "finished"),
    of("asyncio.tasks.Task", "coro", "finished"),
    of("uvloop.loop.TCPTransport", "conn_lost", "1"),
    finished("done", "True"),
    finished("is_done", "True"),
    finished("finished", "True"),
    finished("is_finished", "True"),
    finished("complete", "True"),
    finished("completed", "True"),
    finished("ended", "True"),
    finished("stopped", "True"),
    finished("cancelled", "True"),
    finished("expired", "True"),
    finished("active", "False"),
    finished("running", "False"),
    finished("state", "done"),
    finished("state", "finished"),
    finished("state", "completed"),
    finished("state", "stopped"),
    finished("status", "done"),
    finished("status", "finished"),
    finished("status", "completed"),
];

impl TerminalState {
    /// The row for a value of a field.
    pub fn of(class: &str, field: &str, value: &str) -> Option<&'static Self> {
        let field = plain(field);
        ROWS.iter().find(|row| {
            row.field.eq_ignore_ascii_case(field)
                && row.value.eq_ignore_ascii_case(value)
                && (row.class.is_empty() || row.class == class)
        })
    }

    /// Whether some value of a field of that name may be one.
    pub fn has_field(field: &str) -> bool {
        let field = plain(field);
        ROWS.iter().any(|row| row.field.eq_ignore_ascii_case(field))
    }

    /// A word of the table, where a text is one: texts of the target are not reported otherwise.
    pub fn word(text: &str) -> Option<&'static str> {
        let words = ROWS.iter().filter(|row| matches!(row.field, "state" | "status"));
        words.map(|row| row.value).find(|word| word.eq_ignore_ascii_case(text))
    }
}

/// `closed` of `_closed` and of `_Session__closed`.
fn plain(field: &str) -> &str {
    let field = field.trim_start_matches('_');
    field.rsplit_once("__").map_or(field, |(_, field)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_however_they_are_spelled() {
        let useless =
            |class, field, value| TerminalState::of(class, field, value).map(|row| row.is_useless);
        assert_eq!(useless("app.Session", "_closed", "True"), Some(true));
        assert_eq!(useless("app.Session", "_Session__closed", "True"), Some(true));
        assert_eq!(useless("app.Session", "state", "CLOSED"), Some(true));
        assert_eq!(useless("app.Job", "done", "True"), Some(false));
        assert_eq!(useless("app.Session", "closed", "False"), None);
        assert_eq!(useless("app.Job", "_target", "not set"), None, "of threads alone");
        assert!(TerminalState::has_field("_fd") && !TerminalState::has_field("fds"));
        assert_eq!(TerminalState::word("Closed"), Some("closed"));
        assert_eq!(TerminalState::word("secret"), None);
    }
}
