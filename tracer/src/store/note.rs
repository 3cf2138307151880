//! Notes as text of a row: their code and fields as JSON. Earlier recordings of the same format
//! have sentences instead.

use serde::Serialize;

use crate::history::bounded;
use crate::model::{Note, StackNote};

/// The sentences on a target that went away, as leakspy wrote them before notes had codes.
const EXITED: &str = "the target exited";
const REPLACED: &str = "the target replaced itself by another program (exec)";

/// A note as it is stored.
pub fn text(note: &impl Serialize) -> String {
    // No note has a map with keys that are no strings, which is all that could fail.
    let mut json = serde_json::to_string(note).unwrap_or_default();
    // With a path of control characters alone; it is read as a sentence then.
    json.truncate(bounded(&json).len());
    json
}

/// A note on a recording as it was stored.
pub fn of_recording(text: String) -> Note {
    match text.as_str() {
        EXITED => Note::TargetExited,
        REPLACED => Note::TargetReplaced,
        json => serde_json::from_str(json).unwrap_or_else(|_| Note::Text { text: sentence(text) }),
    }
}

/// A note on a stack as it was stored.
pub fn of_stack(text: String) -> StackNote {
    serde_json::from_str(&text).unwrap_or_else(|_| StackNote::Text { text: sentence(text) })
}

/// A note with a code whose reason was a sentence, in earlier recordings, is that sentence.
fn sentence(text: String) -> String {
    #[derive(serde::Deserialize)]
    struct Reasoned {
        #[serde(rename = "code")]
        _code: String,
        reason: String,
    }
    serde_json::from_str(&text).map_or(text, |Reasoned { reason, .. }| reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArenaPoint, ArenaUse, NotSeen};
    use proptest::prelude::*;

    #[test]
    fn notes_come_back_with_their_facts() {
        let reason = NotSeen::Unsafe { instruction: "jmp {\"x\"}".into() };
        let note = Note::FunctionNotSeen { function: "realloc".into(), reason };
        assert_eq!(of_recording(text(&note)), note);
        assert_eq!(of_stack(text(&StackNote::CodeFreed)), StackNote::CodeFreed);
    }

    /// Earlier recordings have sentences; a later leakspy may have notes that this one does not
    /// know.
    #[test]
    fn what_is_no_known_note_is_a_sentence() {
        assert_eq!(of_recording("the target exited".into()), Note::TargetExited);
        assert!(of_recording(REPLACED.into()).is_end_of_target());
        for other in ["Calls of valloc are not seen.", r#"{"code":"later"}"#, "{", ""] {
            assert_eq!(of_recording(other.into()), Note::Text { text: other.into() });
            assert_eq!(of_stack(other.into()), StackNote::Text { text: other.into() });
        }
    }

    #[test]
    fn notes_of_earlier_recordings_have_fewer_facts() {
        let earlier = r#"{"code":"arenas-half-empty","bytes":80,"used_bytes":13}"#;
        let arenas = ArenaUse { bytes: 80, used_bytes: 13, ..ArenaUse::default() };
        let note = Note::ArenasHalfEmpty { arenas, readings: Vec::new() };
        assert_eq!(of_recording(earlier.into()), note);
        let readings = vec![ArenaPoint { t: 10.5, retained_bytes: 67 }];
        let note = Note::ArenasHalfEmpty { arenas, readings };
        assert_eq!(of_recording(text(&note)), note);
    }

    #[test]
    fn a_reason_that_was_a_sentence_is_that_sentence() {
        let earlier = r#"{"code":"python-not-understood","reason":"it was stripped"}"#;
        assert_eq!(of_recording(earlier.into()), Note::Text { text: "it was stripped".into() });
        let earlier = r#"{"code":"code-unreadable","reason":"it has no text"}"#;
        assert_eq!(of_stack(earlier.into()), StackNote::Text { text: "it has no text".into() });
    }

    proptest! {
        #[test]
        fn any_text_is_read(any: String) {
            let _ = of_recording(any.clone());
            prop_assert_eq!(of_stack(text(&StackNote::Text { text: any.clone() })), StackNote::Text { text: any });
        }
    }
}
