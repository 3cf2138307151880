//! Where objects are retained, as a person would write it: `__main__.server.sockets`.

use crate::model::{Hop, LeakContainer, LeakRetainer};
use crate::report::path::{Chosen, chosen};
use crate::report::quantity::{count, counted};
use crate::report::width::{columns, cut_middle};

/// Most columns of a place: three lines.
const MOST: usize = 190;

/// The place with the container that is there: `app.SERVER.sockets: dict, 2,120 items, grew at 12 of 12
/// snapshots`.
pub fn of(retainer: &LeakRetainer) -> String {
    let place = fitting(&retainer.path);
    match &retainer.container {
        Some(container) => format!("{place}: {}", contents(container)),
        None => place,
    }
}

/// How an item of the container leads to what leaks, where that is more than attributes: `method → .__self__`,
/// `_asyncio.Task → coroutine job (app.py:30) → local session`.
pub fn through(retainer: &LeakRetainer) -> Option<String> {
    // Which one of the containers below it is, is chance.
    let below = retainer.container.as_ref().and_then(|container| container.below.as_ref());
    let skipped = below.map_or(0, |below| 1 + usize::from(below.attribute.is_some()));
    let through = retainer.through.iter().skip(skipped);
    let hops: Option<Vec<Hop<'_>>> = through.map(|words| Hop::parse(words)).collect();
    let hops = hops.filter(|hops| hops.len() > 1)?;
    let (last, between) = hops.split_last()?;
    let is_worth = between.iter().chain([last]).any(|hop| hop.via.starts_with("closure cell"))
        || between.iter().any(Hop::may_decide);
    let (first, rest) = hops.split_first().filter(|_| is_worth)?;
    let mut text = named(first);
    let mut is_open = false;
    for hop in rest {
        let is_plain = hop.via.starts_with(['.', '[']);
        let shown = match code(hop).is_some() {
            true => named(hop),
            false => hop.via.to_owned(),
        };
        let is_joined = is_open && is_plain && code(hop).is_none();
        text.push_str(&if is_joined { shown } else { format!(" → {shown}") });
        is_open = is_plain && code(hop).is_none();
    }
    Some(cut_middle(&text, MOST))
}

/// What a hop leads to: `method`, `function make.<locals>.done (app.py:21)`.
fn named(hop: &Hop<'_>) -> String {
    match code(hop) {
        Some(code) => format!("{} {code}", hop.class),
        None => hop.class.to_owned(),
    }
}

/// The code of a function or a frame.
fn code<'a>(hop: &Hop<'a>) -> Option<&'a str> {
    hop.detail.filter(|_| hop.items().is_none() && hop.awaits().is_none())
}

/// What tasks that leak, or that retain what leaks, wait for: `job (app.py:30) → read (app.py:12) → _asyncio.Future`.
pub fn awaits(retainer: &LeakRetainer) -> Option<String> {
    let hops = retainer.through.iter().chain(retainer.path.last());
    let awaits = hops.filter_map(|words| Hop::parse(words)?.awaits()).next()?;
    Some(cut_middle(awaits, MOST))
}

/// A path that is no longer than there is room for: what decides nothing is left out first.
fn fitting(path: &[String]) -> String {
    let mut shorter = (1..=path.len()).rev().map(|most| written(path, most));
    let fits = shorter.find(|text| columns(text) <= MOST);
    fits.unwrap_or_else(|| cut_middle(&written(path, 1), MOST))
}

fn contents(container: &LeakContainer) -> String {
    let mut text = container.class.clone();
    if let Some(length) = container.length {
        text.push_str(&format!(", {}", counted(length, "item", "items")));
    }
    if let Some(below) = &container.below {
        let (count, items) = (count(below.count), counted(below.items, "item", "items"));
        let by = below.attribute.as_ref().map_or_else(String::new, |name| format!(" in .{name}"));
        text.push_str(&format!(", whose {count} {}{by} hold {items}", below.name()));
    } else if let Some(grew) = container.grew {
        text.push_str(&format!(", grew at {} of {} snapshots", grew.times, grew.of));
    }
    text
}

/// A path in words as one expression where it is one, with about `most` references; `→` before what no expression
/// says. A local variable begins anew: what runs it is said behind.
fn written(path: &[String], most: usize) -> String {
    let Some((root, words)) = path.split_first() else { return String::new() };
    let hops: Vec<Option<Hop<'_>>> = words.iter().map(|words| Hop::parse(words)).collect();
    let runs_at = |at: usize| hops[at].and_then(|hop| hop.runs());
    let is_local = |at: usize| hops[at].is_some_and(|hop| hop.local().is_some());
    let anew = (1..hops.len()).rev().find(|at| is_local(*at) && runs_at(at - 1).is_some());
    let (mut text, runs) = match (anew, root.strip_prefix("module ")) {
        (Some(at), _) => (String::new(), runs_at(at - 1)),
        (None, Some(module)) => (module.to_owned(), None),
        (None, None) => match root.split_once(", frame ").filter(|_| root.starts_with("thread ")) {
            Some((_, frame)) => (String::new(), Some(frame)),
            None => (root.clone(), None),
        },
    };
    let (hops, words) = (&hops[anew.unwrap_or(0)..], &words[anew.unwrap_or(0)..]);
    let decides = |at: usize| hops[at].is_some_and(|hop| hop.may_decide());
    for one in chosen(hops.len(), most, decides) {
        let Chosen::One(at) = one else {
            text.push_str(" … ");
            continue;
        };
        let via = hops[at].map_or(words[at].as_str(), |hop| hop.via);
        match hops[at].and_then(|hop| hop.local()).filter(|_| text.is_empty()) {
            Some(name) => text.push_str(name),
            None if via.starts_with(['.', '[']) => text.push_str(via),
            None => text.push_str(&format!(" → {via}")),
        }
    }
    match runs {
        Some(runs) => format!("{text} in {runs}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ContainersBelow;

    fn written_of(path: &[&str]) -> String {
        fitting(&path.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>())
    }

    fn through_of(path: &[&str]) -> Option<String> {
        let through = path.iter().map(|step| (*step).to_owned()).collect();
        super::through(&LeakRetainer { through, ..LeakRetainer::default() })
    }

    #[test]
    fn the_reference_that_should_have_been_let_go_is_never_left_out() {
        let attributes =
            |from: usize| (from..from + 12).map(|n| format!(".attribute_number_{n}: app.Part"));
        let mut path = vec!["module app".to_owned()];
        path.extend(attributes(0));
        path.push(".callbacks: dict (2120 items)".to_owned());
        path.push("['changed']: functools.partial".to_owned());
        path.extend(attributes(20));
        path.push(".sessions: list (9 items)".to_owned());
        let text = fitting(&path);
        assert!(columns(&text) <= MOST, "{text}");
        for part in ["app.attribute_number_0", " … .callbacks['changed']", ".sessions"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn what_an_item_is_and_how_it_leads_on_is_told() {
        let method = ["[0]: method", ".__self__: app.Session"];
        assert_eq!(through_of(&method).as_deref(), Some("method → .__self__"));
        let partial = ["[9]: functools.partial", ".args: tuple (1 item)", "[0]: app.Session"];
        assert_eq!(through_of(&partial).as_deref(), Some("functools.partial → .args[0]"));
        let closure = ["[0]: function (make.<locals>.done (a.py:21))", "closure cell s: app.S"];
        let text = "function make.<locals>.done (a.py:21) → closure cell s";
        assert_eq!(through_of(&closure).as_deref(), Some(text));
        let task =
            ["a member: _asyncio.Task", "._coro: coroutine (job (a.py:3))", "local s: app.S"];
        let text = "_asyncio.Task → coroutine job (a.py:3) → local s";
        assert_eq!(through_of(&task).as_deref(), Some(text));
        let waiting = "a member: _asyncio.Task (job (a.py:3) → read (a.py:9) → _asyncio.Future)";
        let through = vec![waiting.to_owned(), "._coro: coroutine (job (a.py:3))".to_owned()];
        let by = LeakRetainer { through, ..LeakRetainer::default() };
        assert_eq!(awaits(&by).as_deref(), Some("job (a.py:3) → read (a.py:9) → _asyncio.Future"));
        assert_eq!(super::through(&by).as_deref(), Some("_asyncio.Task → coroutine job (a.py:3)"));
        assert_eq!(through_of(&["[0]: app.Session", ".data: list (9 items)"]), None, "attributes");
        assert_eq!(through_of(&["[0]: method"]), None, "what leaks");
    }

    #[test]
    fn containers_below_are_told_as_one() {
        let below = ContainersBelow {
            class: "collections.deque".into(),
            attribute: Some("history".into()),
            count: 400,
            items: 9_000,
            ..ContainersBelow::default()
        };
        let container = LeakContainer {
            class: "list".into(),
            length: Some(400),
            below: Some(below),
            ..LeakContainer::default()
        };
        let words = |path: &[&str]| path.iter().map(|step| (*step).to_owned()).collect();
        let by = LeakRetainer {
            path: words(&["module app", ".sessions: list (400 items)"]),
            through: words(&[
                "[7]: app.Session",
                ".history: collections.deque (40 items)",
                "[3]: app.Event",
            ]),
            container: Some(container),
            ..LeakRetainer::default()
        };
        let text = "app.sessions: list, 400 items, whose 400 deques in .history hold 9,000 items";
        assert_eq!(of(&by), text);
        assert_eq!(through(&by), None, "any of them");
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
