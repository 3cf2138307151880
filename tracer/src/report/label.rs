//! What to call a frame. Names are raw here; whoever prints them escapes them for the medium.

use std::borrow::Cow;

use super::width::{columns, cut_middle};
use super::{escape, origin};
use crate::model::{Frame, FrameKind};

/// The function; without a symbol the module and the offset in it.
pub fn name(frame: &Frame) -> Cow<'_, str> {
    match (&frame.function, &frame.module, frame.offset) {
        (Some(function), _, _) if !function.is_empty() => Cow::Borrowed(function),
        (_, Some(module), Some(offset)) => {
            Cow::Owned(format!("{}+{offset:#x}", origin::base_name(module)))
        }
        (_, Some(module), None) => Cow::Borrowed(origin::base_name(module)),
        (_, None, Some(offset)) => Cow::Owned(format!("{offset:#x}")),
        (_, None, None) => Cow::Borrowed("?"),
    }
}

/// The same in at most so many columns, harmless to print.
pub fn cut(frame: &Frame, limit: usize) -> String {
    cut_name(&escape::terminal(&name(frame)), limit)
}

/// A name in at most so many columns: of a long one both ends say something (`alloc::raw_vec::…grow_one`), and an
/// offset in a module is told whole.
pub fn cut_name(name: &str, limit: usize) -> String {
    let offset = name.rfind("+0x").filter(|at| *at > 0 && columns(&name[*at..]) < limit);
    match offset {
        Some(at) => cut_middle(&name[..at], limit - columns(&name[at..])) + &name[at..],
        None => cut_middle(name, limit),
    }
}

/// `app.py:12`, or nothing when the file is not known.
pub fn source(frame: &Frame) -> Option<String> {
    let file = frame.file.as_deref().filter(|file| !file.is_empty())?;
    let file = origin::short_file(file);
    Some(match frame.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    })
}

/// Where the frame is, for a column of its own: source for Python; `in library`, with the source
/// when it is known, for native frames. Empty when the name says it already. Of native sources only
/// the last part: the rest is the folder of whoever built the library.
pub fn place(frame: &Frame) -> String {
    let source = source(frame).map(|source| match frame.kind {
        FrameKind::Python => source,
        FrameKind::Native => origin::base_name(&source).to_owned(),
    });
    let module = frame.module.as_deref().filter(|_| frame.function.is_some());
    match (source, module.map(origin::base_name)) {
        (Some(source), Some(module)) => format!("{source} in {module}"),
        (Some(source), None) => source,
        (None, Some(module)) => format!("in {module}"),
        (None, None) => String::new(),
    }
}

/// Where the frame is, for a sentence: `app.py:12`, or the library. The last part of the path is
/// enough there, because a list of frames has all of it. Nothing when the name says it already.
pub fn brief_place(frame: &Frame) -> Option<String> {
    match (frame.kind, &frame.file, &frame.module, &frame.function) {
        (_, Some(file), _, _) if !file.is_empty() => Some(match frame.line {
            Some(line) => format!("{}:{line}", origin::base_name(file)),
            None => origin::base_name(file).to_owned(),
        }),
        (FrameKind::Native, _, Some(module), Some(_)) => Some(origin::base_name(module).to_owned()),
        _ => None,
    }
}

/// A frame of a folded stack: `function (path/file.py:12)`, native `symbol (library.so)`. Always
/// ends with a bracket, so that no name can pass for the weight of the stack, and never starts with
/// what collapsers take for a comment.
pub fn folded(frame: &Frame) -> String {
    let place = match frame.kind {
        FrameKind::Python => source(frame),
        FrameKind::Native => frame.module.as_deref().map(|m| origin::base_name(m).to_owned()),
    };
    let place = place.unwrap_or_else(|| "unknown".to_owned());
    let name = name(frame);
    let name = match name.trim_start_matches(|c: char| c == '#' || c.is_whitespace()) {
        "" => "?",
        name => name,
    };
    format!("{} ({})", escape::folded(name), escape::folded(&place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn native(function: Option<&str>, file: Option<&str>) -> Frame {
        Frame {
            kind: FrameKind::Native,
            function: function.map(Into::into),
            file: file.map(Into::into),
            line: file.map(|_| 7),
            module: Some("/opt/libx.so.1".into()),
            offset: Some(0x12ab),
            inlined: false,
            is_runtime: false,
        }
    }

    #[test]
    fn python_frames_have_a_source() {
        let frame = Frame::python("A.keep", "/v/site-packages/a/b.py", Some(12));
        assert_eq!(name(&frame), "A.keep");
        assert_eq!(place(&frame), "a/b.py:12");
        assert_eq!(folded(&frame), "A.keep (a/b.py:12)");
        assert_eq!(folded(&Frame { file: None, line: None, ..frame }), "A.keep (unknown)");
    }

    #[test]
    fn native_frames_have_a_module() {
        assert_eq!(place(&native(Some("f"), None)), "in libx.so.1");
        assert_eq!(place(&native(Some("f"), Some("/src/x.c"))), "x.c:7 in libx.so.1");
        assert_eq!(folded(&native(Some("f"), Some("/src/x.c"))), "f (libx.so.1)");
        assert_eq!(name(&native(None, None)), "libx.so.1+0x12ab");
        assert_eq!(place(&native(None, None)), "");
        assert_eq!(folded(&native(None, None)), "libx.so.1+0x12ab (libx.so.1)");
    }

    #[test]
    fn long_names_are_cut_where_they_say_least() {
        let rust = "alloc::raw_vec::RawVec<T,A>::reserve::do_reserve_and_handle";
        let cut = cut_name(rust, 30);
        assert!(cut.starts_with("alloc::raw_vec") && cut.ends_with("_and_handle"), "{cut}");
        let module = "_very_long_extension_module.cpython-312-x86_64-linux-gnu.so+0x12ab40";
        let cut = cut_name(module, 30);
        assert!(cut.starts_with("_very") && cut.ends_with(".so+0x12ab40"), "{cut}");
        assert_eq!(columns(&cut), 30);
    }

    #[test]
    fn hostile_names_stay_frames() {
        assert_eq!(folded(&Frame::python("# a;b\n9 9", "x;y.py", None)), "a:b\\n9 9 (x:y.py)");
        assert_eq!(folded(&Frame::python("##", "", Some(1))), "? (unknown)");
        // inferno trims every kind of blank, and would find the sorted lines out of order.
        assert_eq!(folded(&Frame::python("\u{a0} f", "", None)), "f (unknown)");
    }
}
