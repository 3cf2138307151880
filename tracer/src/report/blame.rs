//! Which line of a stack to name first, and whose code lies between it and the allocator.

use super::origin::{self, Origin};
use crate::model::{Frame, FrameKind};

/// The frame to name, and the way from there to the allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame<'a> {
    /// The application's innermost own Python line; without one the innermost Python line outside
    /// the standard library, then any Python line, then the innermost frame of a library, then the innermost.
    pub frame: &'a Frame,
    /// Packages and libraries that were called from there, outermost first, without repeats.
    pub through: Vec<&'a str>,
}

/// Whom to name for `frames` (root first); nobody without frames.
pub fn of<'a>(frames: &[&'a Frame]) -> Option<Blame<'a>> {
    // What an event loop or a thread runs is no work of the line that started the loop.
    let begin = frames.iter().rposition(|frame| runs_others(frame)).map_or(0, |last| last + 1);
    let behind = &frames[begin..];
    let is_told = |frame: &&&Frame| frame.kind == FrameKind::Python || is_library(frame);
    if behind.iter().any(|frame| is_told(&frame)) {
        return of_those(behind);
    }
    // It was the loop itself, whoever started it.
    match begin.checked_sub(1) {
        Some(loop_at) => Some(Blame { frame: frames[loop_at], through: Vec::new() }),
        None => of_those(frames),
    }
}

/// Functions of the standard library that run what others gave them, by file.
const RUNNERS: [(&str, &[&str]); 8] = [
    ("asyncio/base_events.py", &["run_forever", "run_until_complete", "_run_once"]),
    ("asyncio/events.py", &["_run"]),
    ("asyncio/runners.py", &["run"]),
    ("threading.py", &["_bootstrap", "_bootstrap_inner", "run"]),
    ("concurrent/futures/thread.py", &["_worker", "run"]),
    ("multiprocessing/process.py", &["_bootstrap", "run"]),
    (
        "socketserver.py",
        &["serve_forever", "_handle_request_noblock", "process_request", "process_request_thread"],
    ),
    ("sched.py", &["run"]),
];

fn runs_others(frame: &Frame) -> bool {
    let function = frame.function.as_deref().and_then(|name| name.rsplit('.').next());
    let Some(file) = frame.file.as_deref().filter(|_| frame.kind == FrameKind::Python) else {
        return false;
    };
    let file = origin::short_file(file);
    RUNNERS
        .iter()
        .any(|(of, names)| *of == file && function.is_some_and(|name| names.contains(&name)))
}

fn of_those<'a>(frames: &[&'a Frame]) -> Option<Blame<'a>> {
    let is_own =
        |frame: &Frame| !is_launcher(frame) && origin::of_frame(frame) == Origin::Application;
    let is_package = |frame: &Frame| matches!(origin::of_frame(frame), Origin::Package(_));
    let index = innermost(frames, is_own)
        .or_else(|| innermost(frames, is_package))
        .or_else(|| innermost(frames, |_| true))
        .or_else(|| frames.iter().rposition(|frame| is_library(frame)))
        .or(frames.len().checked_sub(1))?;
    let own = origin::of_frame(frames[index]);
    let mut through = Vec::new();
    for frame in &frames[index + 1..] {
        let whose = origin::of_frame(frame);
        if let Origin::Package(name) = whose
            && whose != own
            && !through.contains(&name)
        {
            through.push(name);
        }
    }
    Some(Blame { frame: frames[index], through })
}

/// Whether it is a function of a library that somebody wrote.
fn is_library(frame: &Frame) -> bool {
    let is_made = frame.function.as_deref().is_none_or(|name| name.starts_with("__Pyx_"));
    !is_made && matches!(origin::of_frame(frame), Origin::Package(_))
}

/// Whether it is a script that a package installs to be started by: `/venv/bin/panel`.
fn is_launcher(frame: &Frame) -> bool {
    let Some((folder, name)) = frame.file.as_deref().and_then(|file| file.rsplit_once('/')) else {
        return false;
    };
    let is_script = folder.ends_with("/bin") && !name.contains('.');
    is_script && frame.function.as_deref() == Some("<module>")
}

/// The innermost Python frame that is `wanted`.
fn innermost(frames: &[&Frame], wanted: impl Fn(&Frame) -> bool) -> Option<usize> {
    frames.iter().rposition(|frame| frame.kind == FrameKind::Python && wanted(frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMPY: &str = "/v/lib/python3.11/site-packages/numpy/core/numeric.py";
    const JSON: &str = "/usr/lib/python3.11/json/decoder.py";

    fn native(module: &str) -> Frame {
        Frame {
            kind: FrameKind::Native,
            module: Some(module.into()),
            ..Frame::python("f", "f.c", None)
        }
    }

    #[test]
    fn the_applications_own_line_is_named() {
        let frames = [
            Frame::python("serve", "/srv/app.py", Some(1)),
            Frame::python("keep", "/srv/app.py", Some(2)),
            Frame::python("full", NUMPY, Some(3)),
            native("/v/lib/python3.11/site-packages/numpy/core/umath.so"),
            native("/opt/libarrow.so"),
            native("/usr/lib/libc.so.6"),
        ];
        let blame = of(&frames.iter().collect::<Vec<_>>()).expect("frames");
        assert_eq!(blame.frame.line, Some(2));
        assert_eq!(blame.through, ["numpy", "libarrow.so"]);
    }

    #[test]
    fn without_an_application_the_innermost_package_is_named() {
        let frames = [Frame::python("full", NUMPY, None), Frame::python("load", JSON, None)];
        let blame = of(&frames.iter().collect::<Vec<_>>()).expect("frames");
        assert_eq!(blame.frame.function.as_deref(), Some("full"));
        assert!(blame.through.is_empty());
    }

    #[test]
    fn a_line_that_runs_an_event_loop_is_not_named_for_what_that_runs() {
        let library = |path: &str| format!("/usr/lib/python3.12/{path}");
        let mut frames = vec![
            Frame::python("<module>", "/srv/driver.py", Some(53)),
            Frame::python("Runner.run", library("asyncio/runners.py"), Some(118)),
            Frame::python("BaseEventLoop._run_once", library("asyncio/base_events.py"), Some(1987)),
            Frame::python("Handle._run", library("asyncio/events.py"), Some(88)),
        ];
        let named = |frames: &[Frame]| {
            let blame = of(&frames.iter().collect::<Vec<_>>()).expect("frames");
            blame.frame.function.as_deref().map(str::to_owned)
        };
        assert_eq!(named(&frames).as_deref(), Some("Handle._run"), "it is the loop itself");
        let mut with_library = frames.clone();
        with_library.push(native("/v/lib/python3.12/site-packages/orjson/orjson.so"));
        assert_eq!(named(&with_library).as_deref(), Some("f"), "a library that the loop calls");
        let package = "/v/lib/python3.12/site-packages/aiohttp/client.py";
        frames.push(Frame::python("ClientSession._request", package, Some(7)));
        assert_eq!(named(&frames).as_deref(), Some("ClientSession._request"));
        frames.push(Frame::python("on_event", "/srv/hooks.py", Some(3)));
        assert_eq!(named(&frames).as_deref(), Some("on_event"));
    }

    #[test]
    fn a_script_that_a_package_installs_is_nobodys_own() {
        let mut frames = vec![Frame::python("<module>", "/v/bin/panel", Some(8))];
        let named =
            |frames: &[Frame]| of(&frames.iter().collect::<Vec<_>>()).expect("frames").frame.line;
        assert_eq!(named(&frames), Some(8), "there is nothing else");
        let package = "/v/lib/python3.12/site-packages/panel/command.py";
        frames.push(Frame::python("main", package, Some(7)));
        assert_eq!(named(&frames), Some(7));
        frames[0].function = Some("work".into());
        assert_eq!(named(&frames), Some(8), "a program of somebody's own");
    }

    #[test]
    fn native_stacks_name_their_innermost_frame() {
        let frames = [native("/opt/a.so"), native("/opt/b.so")];
        let blame = of(&frames.iter().collect::<Vec<_>>()).expect("frames");
        assert_eq!(blame.frame.module.as_deref(), Some("/opt/b.so"));
        assert_eq!(of(&[]), None);
    }
}
