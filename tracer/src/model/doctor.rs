//! What this machine, and one target on it, allow: the answer of `leakspy doctor`.

use serde::Serialize;

use super::Note;

/// Everything that was checked, in reading order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DoctorReport {
    /// Groups of checks: kernel, privileges, target, memory of the maps.
    pub sections: Vec<DoctorSection>,
}

/// Checks that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DoctorSection {
    /// Heading, such as `Kernel`.
    pub title: String,
    /// In the order in which they should be read.
    pub checks: Vec<DoctorCheck>,
    /// What of the target would not be seen; each is one more check when the report is printed.
    #[serde(skip)]
    pub not_seen: Vec<Note>,
}

/// One fact about the machine or the target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoctorCheck {
    /// Two or three words.
    pub name: String,
    /// Whether it is a problem.
    pub status: CheckStatus,
    /// What was found, as a sentence or a value.
    pub detail: String,
    /// What to do about it; `None` when nothing needs doing.
    pub remedy: Option<String>,
}

/// Whether a check is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Recording works, but sees or knows less.
    Warn,
    /// Recording does not work without it.
    Missing,
}

impl DoctorReport {
    /// The gravest status of all checks; [`CheckStatus::Ok`] when there are none.
    pub fn worst(&self) -> CheckStatus {
        let statuses = || self.sections.iter().flat_map(|section| &section.checks);
        if statuses().any(|check| check.status == CheckStatus::Missing) {
            CheckStatus::Missing
        } else if statuses().any(|check| check.status == CheckStatus::Warn) {
            CheckStatus::Warn
        } else {
            CheckStatus::Ok
        }
    }
}
