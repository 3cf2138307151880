//! Which line of a stack to name first, and whose code lies between it and the allocator.

use super::origin::{self, Origin};
use crate::model::{Frame, FrameKind};

/// The frame to name, and the way from there to the allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame<'a> {
    /// The application's innermost own Python line; without one the innermost Python line outside
    /// the standard library, then any Python line, then the innermost frame.
    pub frame: &'a Frame,
    /// Packages and libraries that were called from there, outermost first, without repeats.
    pub through: Vec<&'a str>,
}

/// Whom to name for `frames` (root first); nobody without frames.
pub fn of<'a>(frames: &[&'a Frame]) -> Option<Blame<'a>> {
    let index = innermost(frames, |origin| origin == Origin::Application)
        .or_else(|| innermost(frames, |origin| matches!(origin, Origin::Package(_))))
        .or_else(|| innermost(frames, |_| true))
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

/// The innermost Python frame whose origin is `wanted`.
fn innermost(frames: &[&Frame], wanted: impl Fn(Origin<'_>) -> bool) -> Option<usize> {
    frames
        .iter()
        .rposition(|frame| frame.kind == FrameKind::Python && wanted(origin::of_frame(frame)))
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
    fn native_stacks_name_their_innermost_frame() {
        let frames = [native("/opt/a.so"), native("/opt/b.so")];
        let blame = of(&frames.iter().collect::<Vec<_>>()).expect("frames");
        assert_eq!(blame.frame.module.as_deref(), Some("/opt/b.so"));
        assert_eq!(of(&[]), None);
    }
}
