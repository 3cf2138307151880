//! From a document to the messages: strings, functions, places and mappings are each said once.

use std::collections::HashMap;
use std::time::Duration;

use super::message::{
    Line, Location, Profile, ProfileFunction, ProfileLabel, ProfileMapping, ProfileSample,
    ValueType,
};
use crate::model::{Document, Frame, FrameKind, Site};
use crate::report::{Options, escape, label, notes, stacks};

/// Kinds and units of the values of every sample, in Go's order.
const SAMPLE_TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// What stands for a stack that could not be taken.
const NO_STACK: &str = "(no stack)";

/// The profile of everything in `document` that `options` ask for.
pub fn profile(document: &Document, options: &Options) -> Profile {
    let mut build = Build::of(document);
    for site in sites(document, options) {
        build.sample(site, options);
    }
    build.profile
}

/// Sites by live bytes, in an order that depends on their contents alone.
fn sites<'a>(document: &'a Document, options: &Options) -> Vec<&'a Site> {
    let mut sites: Vec<&Site> = document.sites.iter().collect();
    let rank = |site: &Site| (site.live, site.allocated.bytes);
    sites.sort_by(|a, b| rank(b).cmp(&rank(a)).then_with(|| a.id.cmp(&b.id)));
    sites.truncate(options.top.unwrap_or(usize::MAX));
    sites
}

/// A profile in the making, and what is in it already.
#[derive(Default)]
struct Build {
    profile: Profile,
    strings: HashMap<String, i64>,
    functions: HashMap<(i64, i64), u64>,
    locations: HashMap<Location, u64>,
    mappings: HashMap<String, usize>,
}

impl Build {
    /// Everything but the samples.
    fn of(document: &Document) -> Self {
        let mut build = Self::default();
        // The first string must be empty: it stands for none.
        build.string("");
        let types = SAMPLE_TYPES.map(|(kind, unit)| build.value_type(kind, unit));
        let space = build.value_type("space", "bytes");
        build.profile.sample_type = types.to_vec();
        build.profile.default_sample_type = types[3].kind;
        build.profile.period_type = Some(space);
        build.profile.period = 1;
        build.profile.time_nanos = narrow(document.capture.started.saturating_mul(1_000_000_000));
        build.profile.duration_nanos = nanoseconds(document.capture.seconds);
        build.profile.comment = comments(document).iter().map(|text| build.name(text)).collect();
        // Readers take the first mapping for the program.
        build.mapping(&document.target.exe);
        build
    }

    fn sample(&mut self, site: &Site, options: &Options) {
        let frames = stacks::shown_frames(site, options);
        let mut location_id: Vec<u64> =
            places(&frames).into_iter().map(|place| self.location(place)).collect();
        if location_id.is_empty() {
            location_id.push(self.location(&[]));
        }
        let label = vec![
            self.text_label("domain", site.domain.name()),
            self.text_label("allocator", &site.allocator),
            self.bytes_label("size_class", site.size_class),
        ];
        let values = [site.allocated.count, site.allocated.bytes, site.live.count, site.live.bytes];
        let value = values.map(narrow).to_vec();
        self.profile.sample.push(ProfileSample { location_id, value, label });
    }

    /// The number of a place, which is given root first; no frames for a stack that is not known.
    fn location(&mut self, frames: &[&Frame]) -> u64 {
        let mapping = frames.first().and_then(|outermost| self.mapping_of(outermost, frames));
        let line = match frames {
            [] => vec![Line { function_id: self.function(NO_STACK, ""), line: 0 }],
            _ => frames.iter().rev().map(|frame| self.line(frame)).collect(),
        };
        let address = frames.first().and_then(|frame| frame.offset).unwrap_or(0);
        let location = Location { id: 0, mapping_id: mapping.unwrap_or(0), address, line };
        if let Some(id) = self.locations.get(&location) {
            return *id;
        }
        let id = number(self.locations.len());
        self.locations.insert(location.clone(), id);
        self.profile.location.push(Location { id, ..location });
        id
    }

    fn line(&mut self, frame: &Frame) -> Line {
        let function_id =
            self.function(&label::name(frame), frame.file.as_deref().unwrap_or_default());
        Line { function_id, line: frame.line.map_or(0, i64::from) }
    }

    fn function(&mut self, name: &str, file: &str) -> u64 {
        let (name, filename) = (self.name(name), self.name(file));
        let next = number(self.functions.len());
        let id = *self.functions.entry((name, filename)).or_insert(next);
        if id == next {
            // Go's pprof takes a system name equal to the name for one that is still mangled, and
            // cuts out all between brackets: `<module>` would have no name at all.
            self.profile.function.push(ProfileFunction { id, name, system_name: 0, filename });
        }
        id
    }

    /// The mapping of a native place; it has what any of its places has.
    fn mapping_of(&mut self, outermost: &Frame, frames: &[&Frame]) -> Option<u64> {
        let index = self.mapping(outermost.module.as_deref()?);
        let mapping = self.profile.mapping.get_mut(index)?;
        mapping.has_filenames |= frames.iter().any(|frame| frame.file.is_some());
        mapping.has_line_numbers |= frames.iter().any(|frame| frame.line.is_some());
        mapping.has_inline_frames |= frames.len() > 1;
        Some(mapping.id)
    }

    /// The index of the mapping of this file. Every place has a name, so no reader needs the file.
    fn mapping(&mut self, file: &str) -> usize {
        if let Some(index) = self.mappings.get(file) {
            return *index;
        }
        let (index, filename) = (self.profile.mapping.len(), self.name(file));
        let id = number(index);
        self.profile.mapping.push(ProfileMapping {
            id,
            filename,
            has_functions: true,
            ..ProfileMapping::default()
        });
        self.mappings.insert(file.to_owned(), index);
        index
    }

    fn text_label(&mut self, key: &str, text: &str) -> ProfileLabel {
        ProfileLabel { key: self.string(key), text: self.name(text), ..ProfileLabel::default() }
    }

    fn bytes_label(&mut self, key: &str, bytes: u64) -> ProfileLabel {
        let number_unit = self.string("bytes");
        ProfileLabel { key: self.string(key), number: narrow(bytes), number_unit, text: 0 }
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> ValueType {
        ValueType { kind: self.string(kind), unit: self.string(unit) }
    }

    /// A name from outside: readers print it on terminals as it is.
    fn name(&mut self, name: &str) -> i64 {
        self.string(&escape::terminal(name))
    }

    fn string(&mut self, text: &str) -> i64 {
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        let index = i64::try_from(self.profile.string_table.len()).unwrap_or(0);
        self.profile.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }
}

/// What is one place to pprof, the innermost place first: a frame, and after it what was inlined
/// there, root first.
fn places<'f, 'a>(frames: &'f [&'a Frame]) -> Vec<&'f [&'a Frame]> {
    let same_place = |outer: &&Frame, inner: &&Frame| {
        let native = |frame: &Frame| frame.kind == FrameKind::Native;
        inner.inlined && native(inner) && native(outer) && inner.module == outer.module
    };
    let mut places: Vec<_> = frames.chunk_by(same_place).collect();
    places.reverse();
    places
}

/// How it was measured, for `pprof -comments`.
fn comments(document: &Document) -> Vec<String> {
    let (tool, mode) = (&document.tool, &document.capture.mode);
    let mut comments = vec![format!("{} {}, {mode}", tool.name, tool.version)];
    comments.extend(document.capture.notes.iter().map(notes::note));
    comments
}

/// Ids count from 1; zero means none.
fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1)
}

fn narrow(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn nanoseconds(seconds: f64) -> i64 {
    Duration::try_from_secs_f64(seconds)
        .map_or(0, |duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
}
