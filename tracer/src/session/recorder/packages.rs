//! Which packages the libraries are of that are in stacks.

use super::Recorder;
use crate::model::Note;
use crate::os::{Life, packages};

/// Most libraries that are told.
const MOST: usize = 64;

impl Recorder {
    /// Notes them, as far as their metadata lies beside them.
    pub(super) fn note_packages(&mut self) {
        if self.target.life() != Life::Running {
            return;
        }
        let libraries = self.stacks.libraries();
        let found = packages::of_files(self.target.pid(), &libraries);
        let known = libraries.into_iter().zip(found).filter_map(|(path, of)| Some((path, of?)));
        for (path, package) in known.take(MOST) {
            let (name, version) = (package.name, package.version);
            self.note(Note::LibraryOfPackage { path, name, version });
        }
    }
}
