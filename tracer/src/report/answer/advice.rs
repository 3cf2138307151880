//! What to do about a leak, in a sentence.

use super::lost;
use crate::model::{Advice, ArenaUse, Document, KnownKind, Leak, LeakContainer, MallocUse, Reason};
use crate::report::origin::{base_name, package_of_file};
use crate::report::{arenas, malloc};

/// The sentence, without a full stop. That of a known kind, where nothing surer is known than what refers to it.
pub fn of(leak: &Leak, document: &Document) -> String {
    if let Some(kind) = leak.known_kind.filter(|_| is_general(leak.advice)) {
        return match installed(kind, document) {
            Some(installed) => format!("{} ({installed})", kind.so),
            None => kind.so.to_owned(),
        };
    }
    let text = match leak.advice {
        Advice::RemoveFromContainer => {
            let container = leak.retained_by.as_ref().and_then(|by| by.container.as_ref());
            if let Some(below) = container.and_then(|container| container.below.as_ref()) {
                return format!("look for what should take them out of those {}", below.name());
            }
            return format!("look for what should take them out of that {}", class(container));
        }
        Advice::ReleaseReference => "look for what should let that reference go",
        Advice::BlameExtension => return blame_extension(leak, document),
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
        Advice::CollectSooner => {
            "gc.collect() now and then or a lower gc.set_threshold() frees them sooner; without the reference that \
             leads back (weakref) they need no collector"
        }
        Advice::WatchLonger => "too little was seen to say what it is; watch longer",
        Advice::LowerLimit => "it ends at that limit; a lower one takes less memory",
        Advice::TrimAllocator => malloc_of(leak).map_or_else(
            || malloc::setting_of(unread_of(leak).map_or("", |(name, ..)| name)),
            malloc::setting,
        ),
        Advice::FewerObjectsAtATime => arenas::ADVICE,
    };
    text.to_owned()
}

/// What to do about what C code lost.
fn blame_extension(leak: &Leak, document: &Document) -> String {
    let last = "until then restart the process now and then";
    let known = lost::library_path(leak).map(|path| match document.package_of(path) {
        Some((name, version)) => (name, Some(version)),
        None => (package_of_file(path).unwrap_or(base_name(path)), None),
    });
    let is_guess = known.is_none() || lost::is_guess(leak) || lost::maker(leak).is_some();
    let only = match lost::packages(document)[..] {
        [(name, version)] if is_of_objects(leak) => Some((name, Some(version))),
        _ => None,
    };
    let Some((name, version)) = known.or(only) else {
        return match is_of_objects(leak) {
            true => format!(
                "upgrade the extensions that this server calls, one by one, and watch again: one of them takes \
                 references that it does not give back; {last}"
            ),
            false => format!("the C code that allocated them has to free them; {last}"),
        };
    };
    let version = version.map_or_else(String::new, |version| format!(" ({version} is installed)"));
    match is_guess {
        true => format!(
            "upgrade {name} first{version} and watch again; if it stays, it is another extension, or for the makers of \
             {name} to mend; {last}"
        ),
        false => format!(
            "upgrade {name}{version} and watch again; if it stays, report it to its makers; {last}"
        ),
    }
}

/// `greenlet 2.0.0 is installed`, of packages of which the advice names a version.
fn installed(kind: KnownKind, document: &Document) -> Option<String> {
    let known = words(kind.so).chain(words(kind.says)).collect::<Vec<_>>();
    let is_of_version = known.iter().any(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let mut packages = lost::packages(document).into_iter();
    let (name, version) = packages.find(|(name, _)| known.contains(&plain(name)))?;
    is_of_version.then(|| format!("{name} {version} is installed"))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let is_end = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.');
    text.split(is_end).map(|word| plain(word.trim_end_matches('.'))).filter(|word| !word.is_empty())
}

/// A name of a package as all its spellings are compared.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
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

/// Of an allocator that is not read: its name and version, and what it retains at least and at most.
fn unread_of(leak: &Leak) -> Option<(&str, Option<&str>, u64, u64)> {
    leak.grounds.iter().find_map(|reason| match reason {
        Reason::AllocatorRetains { name, version, least_bytes, most_bytes } => {
            Some((name.as_str(), version.as_deref(), *least_bytes, *most_bytes))
        }
        _ => None,
    })
}

/// That in words.
pub fn unread(leak: &Leak) -> Option<String> {
    unread_of(leak).map(|(name, version, least, most)| malloc::unread((name, version), least, most))
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
