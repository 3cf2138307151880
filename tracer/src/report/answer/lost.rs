//! What is said of memory that C code lost: the proof, and whose code it may be.

use super::{lines, loser};
use crate::model::{Basis, Confidence, CreatedAt, Document, Leak, LeakKind, Note, Reason};
use crate::report::origin::{base_name, short_library};
use crate::report::quantity::{bytes, count, counted};

/// Packages that are named where any of them may have lost it.
const NAMED: usize = 4;

/// What shows that it is lost, and why that is no more than likely.
pub fn proof(leak: &Leak) -> Option<String> {
    let text = leak.grounds.iter().find_map(|reason| of_reason(reason, leak))?;
    let is_likely = leak.confidence < Confidence::Confirmed;
    let searched = leak.grounds.iter().any(|reason| matches!(reason, Reason::Unreachable { .. }));
    Some(match is_likely && searched {
        true => format!(
            "{text}; {} only since too little time was watched to be sure that it goes on",
            leak.confidence.name()
        ),
        false => text,
    })
}

fn of_reason(reason: &Reason, leak: &Leak) -> Option<String> {
    Some(match reason {
        Reason::Unreachable { searched, unreachable } => format!(
            "nothing points to {} of the {} that were looked for",
            count(*unreachable),
            counted(*searched, "block", "blocks")
        ),
        Reason::Lost { count: lost, bytes: each, objects: true, .. } => format!(
            "C code took references to {} `{}` objects of about {each} B{} and never gave them back: nothing leads \
             to these objects",
            count(*lost),
            leak.name,
            contents(leak, *lost, *each),
        ),
        Reason::Lost { count: lost, bytes: each, objects: false, .. } => format!(
            "nothing leads to {} blocks of {each} B that are no Python objects: C code made them and never freed \
             them",
            count(*lost)
        ),
        _ => return None,
    })
}

/// ` (1.0 KiB with what they keep)`, where that is much more than their own bytes.
fn contents(leak: &Leak, lost: u64, each: u64) -> String {
    let whole = leak.now.bytes / lost.max(1);
    match whole >= each.saturating_mul(2) {
        true => format!(" each ({} with what they keep)", bytes(whole)),
        false => " each".to_owned(),
    }
}

/// The library whose function names it, with the package that it is of.
pub fn library(leak: &Leak, document: &Document) -> Option<String> {
    let path = library_path(leak)?;
    let file = base_name(path);
    match package(path, document) {
        Some(package) if file == leak.name => Some(package),
        Some(package) => Some(format!("{package} ({})", short_library(file))),
        None => (file != leak.name).then(|| short_library(file).to_owned()),
    }
}

/// The file of that library.
pub fn library_path(leak: &Leak) -> Option<&str> {
    if leak.kind == LeakKind::LostObjects {
        return loser::of(leak).map(|loser| loser.module);
    }
    let mut frames = leak.created_at.first()?.stack.iter().rev();
    frames.find_map(|frame| {
        let module = frame.module.as_deref()?;
        let is_named = frame.function.as_deref() == Some(&leak.name);
        (is_named || base_name(module) == leak.name).then_some(module)
    })
}

/// Whether it is the interpreter that allocates it, whoever makes it do so.
pub fn is_of_python(leak: &Leak) -> bool {
    library_path(leak).is_some_and(|path| base_name(path).starts_with("libpython"))
}

/// `pandas 1.3.3`
fn package(path: &str, document: &Document) -> Option<String> {
    document.package_of(path).map(|(name, version)| format!("{name} {version}"))
}

/// The package that made lost objects for another, which may have lost them.
pub fn maker(leak: &Leak) -> Option<&str> {
    loser::of(leak)?.maker
}

/// Whether lost objects are known by the arenas alone that they lie in.
pub fn is_guess(leak: &Leak) -> bool {
    let of_arenas = |made: &CreatedAt| made.basis == Basis::Arena;
    leak.kind == LeakKind::LostObjects && leak.created_at.iter().all(of_arenas)
}

/// The extension that may have lost them, and where it was called.
pub fn perhaps_in(leak: &Leak, document: &Document) -> Option<String> {
    if let Some(maker) = maker(leak) {
        let path = library_path(leak)?;
        let loser = package(path, document).unwrap_or_else(|| base_name(path).to_owned());
        return Some(format!("{loser}, which had {maker} make them"));
    }
    if !is_guess(leak) {
        return None;
    }
    let Some(library) = library(leak, document) else { return candidates(document) };
    let stacks = leak.created_at.iter().map(|made| (&made.stack, made.share));
    let (line, _) = lines::lines(stacks).into_iter().next()?;
    Some(format!(
        "{library}, called from {line}: of all extensions it ran most when Python needed room for new objects"
    ))
}

/// Packages whose C code was seen, where nothing tells which of them it is.
fn candidates(document: &Document) -> Option<String> {
    let names = packages(document);
    let told: Vec<String> =
        names.iter().take(NAMED).map(|(name, version)| format!("{name} {version}")).collect();
    let more = names.len().saturating_sub(told.len());
    match (names.len(), more) {
        (0, _) => None,
        (1, _) => Some(format!("{}, the only package whose C code was seen to allocate", told[0])),
        (_, 0) => Some(format!("one of {}", told.join(", "))),
        (..) => Some(format!("one of {} and {more} more packages with C code", told.join(", "))),
    }
}

/// How far it is known whose code lost the first leak, where that is not known: for the first line.
pub fn cause(leak: &Leak, document: &Document) -> Option<&'static str> {
    let is_open = leak.kind == LeakKind::LostObjects && (is_guess(leak) || maker(leak).is_some());
    is_open.then(|| match perhaps_in(leak, document) {
        Some(_) => "which code loses it is a guess",
        None => "which code loses it is not known",
    })
}

/// Names and versions of the packages whose libraries were seen.
pub fn packages(document: &Document) -> Vec<(&str, &str)> {
    let mut packages: Vec<(&str, &str)> = Vec::new();
    for note in &document.capture.notes {
        if let Note::LibraryOfPackage { name, version, .. } = note {
            let package = (name.as_str(), version.as_str());
            if !packages.contains(&package) {
                packages.push(package);
            }
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Advice, Frame, FrameKind};
    use crate::report::answer::{headline, rows};
    use crate::report::leaks::samples;

    fn row(leak: &Leak, document: &Document, label: &str) -> Option<String> {
        let mut rows = rows::rows(leak, document).into_iter();
        rows.find(|row| row.label == label).map(|row| row.text)
    }

    /// Small objects that are lost, in arenas that a line of Python needed.
    fn lost(name: &str) -> Leak {
        let mut leak = samples::leaks::plain(name, Confidence::Confirmed);
        leak.kind = LeakKind::LostObjects;
        leak.advice = Advice::BlameExtension;
        leak.now.bytes = 9 * 64;
        leak.grounds =
            vec![Reason::Lost { count: 9, old: 5, seconds: 30.0, bytes: 64, objects: true }];
        let stack = [Frame::python("probe", "/srv/app.py", Some(17))].into_iter().collect();
        leak.created_at = vec![CreatedAt { stack, share: 1.0, basis: Basis::Arena }];
        leak
    }

    fn of_package(name: &str) -> Note {
        let path = format!("/v/lib/python3.11/site-packages/{name}/c.so");
        Note::LibraryOfPackage { path, name: name.to_owned(), version: "1.4".to_owned() }
    }

    /// A line of Python loses no reference of C code, whatever it was when an arena was needed.
    #[test]
    fn a_line_of_python_is_not_blamed() {
        let leak = lost("bytes");
        let mut document = samples::leaking();
        assert_eq!(row(&leak, &document, "perhaps at"), None);
        assert_eq!(row(&leak, &document, "perhaps in"), None);
        assert_eq!(rows::title(&leak), "`bytes` objects");
        document.leaks = vec![leak.clone()];
        assert!(headline::process(&document).contains("; which code loses it is not known"));
        document.capture.notes.push(of_package("Row"));
        let text = "Row 1.4, the only package whose C code was seen to allocate";
        assert_eq!(row(&leak, &document, "perhaps in").as_deref(), Some(text));
        let so = row(&leak, &document, "so").expect("advice");
        assert!(so.starts_with("upgrade Row first (1.4 is installed)"), "{so}");
        assert!(headline::process(&document).contains("; which code loses it is a guess"));
        document.capture.notes.extend(["a", "b", "c", "d", "e"].map(of_package));
        let text = "one of Row 1.4, a 1.4, b 1.4, c 1.4 and 2 more packages with C code";
        assert_eq!(row(&leak, &document, "perhaps in").as_deref(), Some(text));
    }

    #[test]
    fn names_of_types_are_no_units() {
        let mut leak = lost("bytes");
        let text = "C code took references to 9 `bytes` objects of about 64 B each and never gave them back: nothing leads \
                    to these objects";
        assert_eq!(proof(&leak).as_deref(), Some(text));
        leak.now.bytes = 9 << 10;
        assert!(
            proof(&leak).is_some_and(|text| text.contains("each (1.0 KiB with what they keep)"))
        );
    }

    #[test]
    fn what_is_only_likely_says_why() {
        let mut leak = samples::leaks::plain("f", Confidence::Likely);
        leak.grounds = vec![Reason::Unreachable { searched: 9, unreachable: 9 }];
        assert!(proof(&leak).is_some_and(|text| text.contains("; likely only since too little")));
        leak.confidence = Confidence::Confirmed;
        assert!(proof(&leak).is_some_and(|text| text.ends_with("looked for")));
    }

    /// Objects that an extension may have lost, whose library is of a package or not.
    #[test]
    fn an_extension_is_named_with_its_package() {
        let path = "/v/lib/python3.11/site-packages/row/c.so";
        let own = Frame::python("probe", "/srv/app.py", Some(17));
        let native = Frame { kind: FrameKind::Native, file: None, ..own.clone() };
        let native = Frame { module: Some(path.into()), ..native };
        let stack = [own, native].into_iter().collect();
        let mut leak = samples::leaks::plain("bytes", Confidence::Confirmed);
        leak.kind = LeakKind::LostObjects;
        leak.grounds =
            vec![Reason::Lost { count: 9, old: 5, seconds: 30.0, bytes: 64, objects: true }];
        leak.created_at = vec![CreatedAt { stack, share: 0.08, basis: Basis::Arena }];
        let mut document = samples::leaking();
        let text = "c.so, called from probe (app.py:17): of all extensions it ran most when Python needed room for new objects";
        assert_eq!(row(&leak, &document, "perhaps in").as_deref(), Some(text));
        let (name, version) = ("Row".to_owned(), "1.4".to_owned());
        let note = Note::LibraryOfPackage { path: path.into(), name, version };
        document.capture.notes.push(note);
        let found = row(&leak, &document, "perhaps in").expect("a row");
        assert!(found.starts_with("Row 1.4 (c.so), called from"), "{found}");
        assert_eq!(row(&leak, &document, "perhaps at"), None);
        assert_eq!(row(&leak, &document, "lost in"), None);
        // Where its blocks were seen there is no doubt.
        leak.created_at[0].basis = Basis::Exact;
        assert_eq!(row(&leak, &document, "lost in").as_deref(), Some("Row 1.4 (c.so)"));
        leak.advice = Advice::BlameExtension;
        let advice = row(&leak, &document, "so").expect("advice");
        assert!(advice.starts_with("upgrade Row (1.4 is installed)"), "{advice}");
        assert_eq!(row(&leak, &document, "perhaps in"), None);
    }
}
