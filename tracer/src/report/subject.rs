//! What somebody asked `who` for, in words. Names in them are raw: data from outside.

use super::quantity::counted;
use super::sentence::capitalised;
use crate::model::{HeapSubject, Namesake};

/// `objects of the type x.Y`, `the object at 0x…`, `the module x`.
pub fn words(subject: &HeapSubject) -> String {
    match subject {
        HeapSubject::Object { address, class } => {
            format!("the object at {address}, of the type {class}")
        }
        HeapSubject::Type { class } => format!("objects of the type {class}"),
        HeapSubject::Module { name } => format!("the module {name}"),
        HeapSubject::GoneModule { name } => {
            format!("the names of the module {name}, which itself is gone")
        }
    }
}

/// The same as the begin of a sentence, with how many there are: `57 objects of the type x.Y`.
pub fn with_count(subject: &HeapSubject, count: u64) -> String {
    match subject {
        HeapSubject::Type { class } => {
            format!("{} of the type {class}", counted(count, "object", "objects"))
        }
        _ => capitalised(&words(subject)),
    }
}

/// What else has the name, and how to ask for it.
pub fn namesake(namesake: &Namesake) -> String {
    let Namesake { answered, other, ask } = namesake;
    let answered = words(answered);
    match other {
        HeapSubject::Type { .. } => {
            format!("this answers about {answered}; for objects of the type ask for {ask}")
        }
        other => {
            let other = words(other);
            format!("this answers about {answered}; {other} has that name, too: ask for {ask}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namesake_says_how_to_ask_for_it() {
        let class = || HeapSubject::Type { class: "app.truth".into() };
        let module = || HeapSubject::Module { name: "truth".into() };
        let words =
            |answered, other, ask: &str| namesake(&Namesake { answered, other, ask: ask.into() });
        assert_eq!(
            words(module(), class(), "app.truth"),
            "this answers about the module truth; for objects of the type ask for app.truth"
        );
        assert_eq!(
            words(class(), module(), "0x7f"),
            "this answers about objects of the type app.truth; the module truth has that name, too: ask for 0x7f"
        );
    }

    #[test]
    fn each_subject_begins_a_sentence() {
        let object = HeapSubject::Object { address: "0x7f".into(), class: "list".into() };
        assert_eq!(with_count(&object, 1), "The object at 0x7f, of the type list");
        assert_eq!(
            with_count(&HeapSubject::Type { class: "A".into() }, 1),
            "1 object of the type A"
        );
        let gone = HeapSubject::GoneModule { name: "app".into() };
        assert_eq!(with_count(&gone, 2), "The names of the module app, which itself is gone");
    }
}
