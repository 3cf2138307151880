//! Whose C code lost objects. The package whose type they are made them for whoever asked; what lost them is more
//! probably the extension that asked.

use crate::model::{Basis, Frame, FrameKind, Leak, LeakKind};
use crate::report::origin::{Origin, of_frame};

/// The extension that may have lost the objects of a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loser<'a> {
    /// Its file.
    pub module: &'a str,
    /// The package that made the objects for it, where that is another.
    pub maker: Option<&'a str>,
}

/// Of the stack that made most of the objects the innermost extension that is not of the package of their type; this
/// package's own where there is no other. `None` for what is no object, or where no extension made any.
pub fn of(leak: &Leak) -> Option<Loser<'_>> {
    let made = leak.created_at.first().filter(|_| leak.kind == LeakKind::LostObjects)?;
    let own = leak.name.split_once('.').map(|(package, _)| package);
    let extensions = || made.stack.iter().rev().filter_map(extension);
    let (innermost, module) = extensions().next()?;
    let other = extensions().find(|(package, _)| Some(*package) != own);
    // Stacks of arenas are guesses as it is.
    let other = other.filter(|_| made.basis != Basis::Arena && Some(innermost) == own);
    Some(match other {
        Some((_, module)) => Loser { module, maker: own },
        None => Loser { module, maker: None },
    })
}

/// Package and file of a native frame.
pub fn extension(frame: &Frame) -> Option<(&str, &str)> {
    let Origin::Package(package) = of_frame(frame) else { return None };
    let module = frame.module.as_deref().filter(|_| frame.kind == FrameKind::Native)?;
    Some((package, module))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, CreatedAt};
    use crate::report::leaks::samples;

    fn lost(name: &str, files: &[&str], basis: Basis) -> Leak {
        let mut leak = samples::leaks::plain(name, Confidence::Confirmed);
        leak.kind = LeakKind::LostObjects;
        let frames = files.iter().map(|file| Frame {
            kind: FrameKind::Native,
            function: None,
            line: None,
            module: Some(format!("/v/lib/python3.9/site-packages/{file}.so").into()),
            ..Frame::python("render", "app.py", Some(7))
        });
        leak.created_at = vec![CreatedAt { stack: frames.collect(), share: 1.0, basis }];
        leak
    }

    /// Not who made an array lost it, but who asked for it.
    #[test]
    fn who_asked_for_objects_lost_them() {
        for (name, files, basis, lost_by, maker) in [
            ("numpy.ndarray", &["pandas/json", "numpy/core"][..], Basis::Exact, 0, Some("numpy")),
            ("numpy.ndarray", &["numpy/core"], Basis::Exact, 0, None),
            ("row.Row", &["pandas/json", "row/row"], Basis::Exact, 0, Some("row")),
            ("bytes", &["pandas/json", "numpy/core"], Basis::Exact, 1, None),
            ("numpy.ndarray", &["pandas/json", "numpy/core"], Basis::Arena, 1, None),
        ] {
            let leak = lost(name, files, basis);
            let loser = of(&leak).expect("an extension");
            assert!(loser.module.contains(files[lost_by]), "{name} {loser:?}");
            assert_eq!(loser.maker, maker, "{name}");
        }
        let blocks =
            Leak { kind: LeakKind::Blocks, ..lost("numpy.ndarray", &["a/b"], Basis::Exact) };
        assert_eq!(of(&blocks), None);
        assert_eq!(of(&lost("numpy.ndarray", &[], Basis::Exact)), None);
    }
}
