//! Where objects are retained, as a person would write it: `__main__.server.sockets`.

use crate::model::{LeakContainer, LeakRetainer};
use crate::report::quantity::counted;
use crate::report::width::cut_middle;

/// Most columns of a place: three lines.
const MOST: usize = 190;

/// The place with the container that is there: `app.SERVER.sockets: dict, 2,120 items, grew at 12 of 12
/// snapshots`.
pub fn of(retainer: &LeakRetainer) -> String {
    let place = cut_middle(&written(&retainer.path), MOST);
    match &retainer.container {
        Some(container) => format!("{place}: {}", contents(container)),
        None => place,
    }
}

fn contents(container: &LeakContainer) -> String {
    let mut text = container.class.clone();
    if let Some(length) = container.length {
        text.push_str(&format!(", {}", counted(length, "item", "items")));
    }
    if let Some(grew) = container.grew {
        text.push_str(&format!(", grew at {} of {} snapshots", grew.times, grew.of));
    }
    text
}

/// A path in words as one expression where it is one; `→` before what no expression says. A local variable
/// begins anew: what runs it is said behind.
fn written(path: &[String]) -> String {
    let Some((root, hops)) = path.split_first() else { return String::new() };
    let (mut text, mut runs) = match root.strip_prefix("module ") {
        Some(module) => (module.to_owned(), None),
        None => match root.split_once(", frame ").filter(|_| root.starts_with("thread ")) {
            Some((_, frame)) => (String::new(), Some(frame)),
            None => (root.clone(), None),
        },
    };
    let mut before = "";
    for hop in hops {
        let via = via(hop);
        match (via.strip_prefix("local "), code(before)) {
            (Some(name), Some(code)) => (text, runs) = (name.to_owned(), Some(code)),
            (Some(name), None) if text.is_empty() => text.push_str(name),
            _ if via.starts_with(['.', '[']) => text.push_str(via),
            _ => text.push_str(&format!(" → {via}")),
        }
        before = hop;
    }
    match runs {
        Some(runs) => format!("{text} in {runs}"),
        None => text,
    }
}

/// What a coroutine or another frame runs, of a hop to one: `main (driver.py:30)`.
fn code(hop: &str) -> Option<&str> {
    let (_, rest) = hop.split_once(": ")?;
    let (class, detail) = rest.split_once(" (")?;
    let runs = matches!(class, "coroutine" | "generator" | "async_generator" | "frame");
    detail.strip_suffix(')').filter(|_| runs)
}

/// How a hop refers, without what it leads to.
fn via(hop: &str) -> &str {
    let end = match hop.starts_with('[') {
        true => hop.find("]: ").map(|end| end + 1),
        false => hop.find(": "),
    };
    end.map_or(hop, |end| &hop[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written_of(path: &[&str]) -> String {
        written(&path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn places_are_written_as_expressions() {
        let module =
            ["module app", ".SERVER: app.Server", ".rooms: dict (9 items)", "['a: b']: set"];
        assert_eq!(written_of(&module), "app.SERVER.rooms['a: b']");
        let thread = "thread 12 (work), frame Worker.run (svc.py:77)";
        let frame = [thread, "local self: Worker", ".cache: Cache"];
        assert_eq!(written_of(&frame), "self.cache in Worker.run (svc.py:77)");
        let coroutine = [
            "thread 1 (main), frame run (r.py:1)",
            "local coro: coroutine (main (d.py:30))",
            "local s: S",
        ];
        assert_eq!(written_of(&coroutine), "s in main (d.py:30)");
        let cell = ["module app", ".hook: function", "closure cell done: list (3 items)"];
        assert_eq!(written_of(&cell), "app.hook → closure cell done");
        assert_eq!(
            written_of(&["C code, or what was not found: dict"]),
            "C code, or what was not found: dict"
        );
    }
}
