//! What to do about a leak, in a sentence.

use super::loser;
use crate::model::{Advice, ArenaUse, Basis, Document, Leak, LeakContainer, MallocUse, Reason};
use crate::report::{arenas, malloc};

/// The sentence, without a full stop. That of a known kind, where nothing surer is known than what refers to it.
pub fn of(leak: &Leak, document: &Document) -> String {
    if let Some(kind) = leak.known_kind.filter(|_| is_general(leak.advice)) {
        return kind.so.to_owned();
    }
    let text = match leak.advice {
        Advice::RemoveFromContainer => {
            let container = leak.retained_by.as_ref().and_then(|by| by.container.as_ref());
            return format!("look for what should take them out of that {}", class(container));
        }
        Advice::ReleaseReference => "look for what should let that reference go",
        Advice::BlameExtension => {
            return match package(leak, document) {
                Some(package) => format!(
                    "report it to those who make {package}: its C code has to free them, nothing else can any more"
                ),
                None if is_of_objects(leak) => {
                    "C code that took references to them has to give them back: nothing else can any more"
                        .to_owned()
                }
                None => {
                    "the C code that allocated them has to free them: nothing else can any more"
                        .to_owned()
                }
            };
        }
        Advice::HeldByExtension => {
            "more references are counted than were found: C code took one and has to give it back"
        }
        Advice::FindHolder => "look for what holds what this line makes, and who should let it go",
        Advice::AskWho => {
            "no path to them was found while it was watched; leakspy who, as below, looks for one now"
        }
        Advice::CountTypes if document.types.is_some() => {
            "no type that was counted explains them: objects that C code lost are not counted, nor what \
             is in them"
        }
        Advice::CountTypes => "have their types counted: leakspy census -p PID -d 2m",
        Advice::LookInLibrary => {
            "the calls that retain blocks in it are not seen; look for what keeps objects of that library"
        }
        Advice::WatchLonger => "too little was seen to say what it is; watch longer",
        Advice::LowerLimit => "it ends at that limit; a lower one takes less memory",
        Advice::TrimAllocator => malloc_of(leak).map_or(
            "no leak: the allocator retains it, and gives it back when trimmed",
            malloc::setting,
        ),
        Advice::FewerObjectsAtATime => arenas::ADVICE,
    };
    text.to_owned()
}

/// The package whose library allocated what is lost: of the stack that allocated most, the innermost. By the name in its
/// metadata, as far as that is known.
fn package<'a>(leak: &'a Leak, document: &'a Document) -> Option<&'a str> {
    let exact = leak.created_at.first().filter(|made| made.basis != Basis::Arena)?;
    if loser::of(leak).is_some_and(|loser| loser.maker.is_some()) {
        // Who asked for them is probable, and not sure enough for a report.
        return None;
    }
    let (name, module) = exact.stack.iter().rev().find_map(loser::extension)?;
    Some(document.package_of(module).map_or(name, |(name, _)| name))
}

/// Whether objects of Python are lost, not memory of C code alone.
fn is_of_objects(leak: &Leak) -> bool {
    leak.grounds.iter().any(|reason| matches!(reason, Reason::Lost { objects: true, .. }))
}

/// Whether the advice is only to look who refers to it.
fn is_general(advice: Advice) -> bool {
    use Advice::{AskWho, FindHolder, LookInLibrary, ReleaseReference, RemoveFromContainer};
    matches!(advice, AskWho | FindHolder | LookInLibrary | ReleaseReference | RemoveFromContainer)
}

/// What malloc had, of a leak that is what it retains.
pub fn malloc_of(leak: &Leak) -> Option<&MallocUse> {
    leak.grounds.iter().find_map(|reason| match reason {
        Reason::MallocRetains { malloc } => Some(malloc),
        _ => None,
    })
}

/// How full Python's arenas were, likewise.
pub fn arenas_of(leak: &Leak) -> Option<&ArenaUse> {
    leak.grounds.iter().find_map(|reason| match reason {
        Reason::ArenasRetain { arenas } => Some(arenas),
        _ => None,
    })
}

fn class(container: Option<&LeakContainer>) -> &str {
    container
        .map_or("container", |container| container.class.rsplit('.').next().unwrap_or("container"))
}
