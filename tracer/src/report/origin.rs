//! Whose code a frame is, by where its file lies, and how to write that file briefly.

use crate::model::source_file::{self, installed, standard};
use crate::model::{Frame, FrameKind};

/// Whose code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The application's own Python, as far as can be reported: not installed as a package.
    Application,
    /// An installed package, or a shared library, by name.
    Package(&'a str),
    /// Python's standard library, or code that Python or a package made up at run time.
    Standard,
    /// The interpreter or the C library.
    System,
}

/// Whose code `frame` is.
pub fn of_frame(frame: &Frame) -> Origin<'_> {
    match frame.kind {
        FrameKind::Python => frame.file.as_deref().map_or(Origin::Standard, python),
        FrameKind::Native => frame.module.as_deref().map_or(Origin::System, native),
    }
}

fn python(file: &str) -> Origin<'_> {
    if let Some(inside) = installed(file) {
        return Origin::Package(package(inside));
    }
    if source_file::is_application(file) { Origin::Application } else { Origin::Standard }
}

fn native(module: &str) -> Origin<'_> {
    if let Some(inside) = installed(module) {
        return Origin::Package(package(inside));
    }
    let name = base_name(module);
    const SYSTEM: [&str; 11] = [
        "python",
        "libpython",
        "libc.",
        "libc-",
        "ld-",
        "libpthread",
        "libdl",
        "libstdc++",
        "libgcc_s",
        "linux-vdso",
        "[",
    ];
    if standard(module).is_some() || SYSTEM.iter().any(|start| name.starts_with(start)) {
        Origin::System
    } else {
        Origin::Package(name)
    }
}

/// `file` as reports write it: relative to where packages or the standard library are installed;
/// the application's own files stay as they are.
pub fn short_file(file: &str) -> &str {
    installed(file).or_else(|| standard(file)).unwrap_or(file)
}

/// The part after the last slash.
pub fn base_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

/// The name of a library without what Python adds to those of extensions: `_frame` of
/// `_frame.cpython-39-x86_64-linux-gnu.so`.
pub fn short_library(name: &str) -> &str {
    let is_library = name.ends_with(".so");
    let ends = [".cpython-", ".abi3.so", ".pypy"];
    let end = ends.iter().filter_map(|end| name.find(end)).min();
    end.filter(|end| is_library && *end > 0).map_or(name, |end| &name[..end])
}

/// The package that a file inside a folder of packages belongs to. Compiled dependencies of a
/// wheel lie beside it in `name.libs`.
/// The package that a library is installed with.
pub fn package_of_file(library: &str) -> Option<&str> {
    match native(library) {
        Origin::Package(package) => Some(package),
        _ => None,
    }
}

fn package(inside: &str) -> &str {
    let first = inside.split('/').next().unwrap_or(inside);
    let name = first.split('.').next().unwrap_or(first);
    if name.is_empty() { first } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(file: &str) -> Origin<'_> {
        python(file)
    }

    #[test]
    fn python_files_belong_to_someone() {
        assert_eq!(origin("/srv/app/main.py"), Origin::Application);
        assert_eq!(origin("<string>"), Origin::Application);
        assert_eq!(origin("/usr/lib/python3.11/json/decoder.py"), Origin::Standard);
        assert_eq!(origin("<frozen importlib._bootstrap>"), Origin::Standard);
        let numpy = "/v/lib/python3.11/site-packages/numpy/core/numeric.py";
        assert_eq!(origin(numpy), Origin::Package("numpy"));
        assert_eq!(origin("/v/lib/python3/dist-packages/six.py"), Origin::Package("six"));
        // A project below a folder called python is not the standard library.
        assert_eq!(origin("/home/me/python3/app.py"), Origin::Application);
    }

    #[test]
    fn native_modules_belong_to_someone() {
        let umath = "/v/lib/python3.11/site-packages/numpy/core/_multiarray_umath.so";
        assert_eq!(native(umath), Origin::Package("numpy"));
        let blas = "/v/lib/python3.11/site-packages/numpy.libs/libopenblas64.so";
        assert_eq!(native(blas), Origin::Package("numpy"));
        assert_eq!(native("/usr/lib/x86_64-linux-gnu/libc.so.6"), Origin::System);
        assert_eq!(native("/usr/bin/python3.11"), Origin::System);
        assert_eq!(native("/usr/lib/x86_64-linux-gnu/libstdc++.so.6"), Origin::System);
        let json = "/usr/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so";
        assert_eq!(native(json), Origin::System);
        assert_eq!(native("/opt/lib/libarrow.so.1500"), Origin::Package("libarrow.so.1500"));
    }

    #[test]
    fn files_are_written_briefly() {
        assert_eq!(short_file("/srv/app/main.py"), "/srv/app/main.py");
        assert_eq!(short_file("/v/lib/python3.11/site-packages/a/b.py"), "a/b.py");
        assert_eq!(short_file("/usr/lib/python3.11/json/decoder.py"), "json/decoder.py");
        assert_eq!(base_name("/usr/lib/libc.so.6"), "libc.so.6");
        assert_eq!(base_name("///"), "///");
    }
}
