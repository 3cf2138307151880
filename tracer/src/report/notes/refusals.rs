//! Why something of a process is not there to be read, in sentences.

use crate::model::{NoCode, NoObjects, NoPython, NoText};

/// Why there are no Python frames.
pub fn no_python(reason: &NoPython) -> String {
    let why = match reason {
        NoPython::NoVersion => {
            "cannot tell which CPython this is: no debug offsets, Py_Version or Py_GetVersion to read"
                .into()
        }
        NoPython::TwoVersions { version, other } => {
            format!("CPython {version} says in another place that it is {other}")
        }
        NoPython::UnknownVersion { version } => format!(
            "the layout of CPython {version} is not known; known are 3.6 to 3.15, final releases"
        ),
        NoPython::FreeThreaded { version } => format!(
            "CPython {version} was built without a GIL (free-threaded), which is not supported yet"
        ),
        NoPython::OffsetsNotBelieved { detail } => detail.clone(),
        NoPython::NoOffsets { version } => {
            format!("CPython {version} should publish its debug offsets, but they were not found")
        }
        NoPython::NoInterpreters { version } => format!(
            "the interpreter list of CPython {version} was not found (is the program stripped?)"
        ),
        NoPython::NoThreads { version, detail } => {
            format!("the threads of CPython {version} cannot be listed: {detail}")
        }
        NoPython::NoThreadStates { version, detail } => format!(
            "the thread states of CPython {version} cannot be found from its threads: {detail}"
        ),
        NoPython::LayoutMisfit { version, detail } => {
            format!("the layout known for CPython {version} does not fit this process: {detail}")
        }
    };
    format!("no Python frames: {why}")
}

/// Why a code object has no name.
pub fn no_code(reason: NoCode) -> String {
    match reason {
        NoCode::Unreadable => "its code object cannot be read any more".into(),
        NoCode::NotCode => "what is in the place of its code object is something else".into(),
        NoCode::Function { reason } => format!("its function name: {}", no_text(reason)),
        NoCode::File { reason } => format!("its file name: {}", no_text(reason)),
    }
}

const fn no_text(reason: NoText) -> &'static str {
    match reason {
        NoText::Unreadable => "its text cannot be read any more",
        NoText::Null => "it has no text",
        NoText::NotText => "what is in the place of its text is no string",
    }
}

/// Why Python objects were not read, or not to the end.
pub fn no_objects(reason: &NoObjects) -> String {
    match reason {
        NoObjects::TooSlow => "it took too long".into(),
        NoObjects::EndedEarly => "the snapshot of them ended early".into(),
        NoObjects::TargetGone => "the process has ended".into(),
        NoObjects::NotPython => "it is no CPython".into(),
        NoObjects::PythonNotUnderstood { reason } => no_python(reason),
        NoObjects::UnknownObjects { version } => {
            format!("the objects of CPython {version} are not known; known are 3.8 to 3.15")
        }
        NoObjects::NoCollector => "the lists of its garbage collector were not found".into(),
        NoObjects::NoThreads { detail } => detail.clone(),
        NoObjects::NoMemory { most } => format!(
            "it has more than {most} Python objects, and a snapshot of more would take over half of the \
             memory that this machine has free; free some, and try again"
        ),
        NoObjects::TooMany { most } => format!(
            "it has more than {most} Python objects, too many for a snapshot during a recording; `leakspy \
             census` counts them"
        ),
        NoObjects::Refused { error } => error.clone(),
    }
}
