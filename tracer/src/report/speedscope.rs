//! A file for speedscope (speedscope.app), by its JSON schema, `file-format-spec.ts` in
//! github.com/jlfwong/speedscope.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::stacks::{self, Stack};
use super::{Exporter, Options, escape, json, label};
use crate::model::{Document, Frame, FrameIdentity, FrameKind};

/// One profile per metric over shared frames.
pub struct Speedscope;

const SCHEMA: &str = "https://www.speedscope.app/file-format-schema.json";

/// A profile's name and unit, and what it counts. Speedscope opens the first.
type Metric = (&'static str, &'static str, fn(&Stack<'_>) -> u64);

const METRICS: [Metric; 3] = [
    ("Live bytes", "bytes", |stack| stack.live.bytes),
    ("Live blocks", "none", |stack| stack.live.count),
    ("Allocated bytes", "bytes", |stack| stack.allocated.bytes),
];

#[derive(Serialize)]
struct File {
    #[serde(rename = "$schema")]
    schema: &'static str,
    name: String,
    exporter: String,
    #[serde(rename = "activeProfileIndex")]
    active_profile_index: usize,
    shared: Shared,
    profiles: Vec<Profile>,
}

#[derive(Serialize)]
struct Shared {
    frames: Vec<SharedFrame>,
}

/// Speedscope takes a missing key for what is not known, and null for a fault.
#[derive(Serialize)]
struct SharedFrame {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

#[derive(Serialize)]
struct Profile {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    unit: &'static str,
    #[serde(rename = "startValue")]
    start_value: u64,
    #[serde(rename = "endValue")]
    end_value: u64,
    /// Indices of frames, root first.
    samples: Vec<Vec<usize>>,
    weights: Vec<u64>,
}

impl Exporter for Speedscope {
    fn write(&self, document: &Document, options: &Options, out: &mut dyn Write) -> io::Result<()> {
        let mut stacks = stacks::all(document, options);
        stacks.truncate(options.top.unwrap_or(usize::MAX));
        let mut frames = Frames::default();
        let mut stacks: Vec<(Vec<usize>, Stack<'_>)> =
            stacks.into_iter().map(|stack| (frames.stack(&stack), stack)).collect();
        // Neighbours that begin alike are drawn as one.
        stacks.sort_by(|(a, _), (b, _)| a.cmp(b));
        let profiles = METRICS.iter().map(|metric| profile(metric, &stacks)).collect();
        let target = &document.target;
        let file = File {
            schema: SCHEMA,
            name: escape::terminal(&format!("{} (pid {})", target.comm, target.pid)).into_owned(),
            exporter: escape::terminal(&format!(
                "{}@{}",
                document.tool.name, document.tool.version
            ))
            .into_owned(),
            active_profile_index: 0,
            shared: Shared { frames: frames.list },
            profiles,
        };
        json::write_value(&file, out)
    }
}

/// The stacks that have any of it, with the indices of their frames.
fn profile((name, unit, of): &Metric, stacks: &[(Vec<usize>, Stack<'_>)]) -> Profile {
    let (mut samples, mut weights) = (Vec::new(), Vec::new());
    for (indices, stack) in stacks.iter().filter(|(_, stack)| of(stack) > 0) {
        samples.push(indices.clone());
        weights.push(of(stack));
    }
    let end_value = weights.iter().copied().fold(0, u64::saturating_add);
    Profile { kind: "sampled", name, unit, start_value: 0, end_value, samples, weights }
}

/// The shared frames, each once.
#[derive(Default)]
struct Frames<'a> {
    list: Vec<SharedFrame>,
    known: HashMap<Option<FrameIdentity<'a>>, usize>,
}

impl<'a> Frames<'a> {
    fn stack(&mut self, stack: &Stack<'a>) -> Vec<usize> {
        if stack.frames.is_empty() {
            let nameless = || SharedFrame { name: "(no stack)".to_owned(), file: None, line: None };
            return vec![self.index(None, nameless)];
        }
        let frames = stack.frames.iter();
        frames.map(|frame| self.index(Some(frame.identity()), || shared(frame))).collect()
    }

    fn index(
        &mut self,
        identity: Option<FrameIdentity<'a>>,
        frame: impl FnOnce() -> SharedFrame,
    ) -> usize {
        *self.known.entry(identity).or_insert_with(|| {
            self.list.push(frame());
            self.list.len() - 1
        })
    }
}

/// Python has a file and a line. Of native code most has only the library.
fn shared(frame: &Frame) -> SharedFrame {
    let module = frame.module.as_deref().filter(|_| frame.kind == FrameKind::Native);
    let file = frame.file.as_deref().filter(|file| !file.is_empty()).or(module);
    SharedFrame {
        name: escape::terminal(&label::name(frame)).into_owned(),
        file: file.map(|file| escape::terminal(file).into_owned()),
        line: frame.line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::report::samples;

    fn exported(document: &Document) -> Value {
        let mut out = Vec::new();
        Speedscope.write(document, &Options::default(), &mut out).expect("written");
        serde_json::from_slice(&out).expect("valid JSON")
    }

    fn array<'v>(value: &'v Value, key: &str) -> &'v Vec<Value> {
        value[key].as_array().expect("an array")
    }

    fn sum(profile: &Value) -> u64 {
        array(profile, "weights").iter().filter_map(Value::as_u64).sum()
    }

    #[test]
    fn each_metric_has_its_profile() {
        let document = samples::server();
        let file = exported(&document);
        let profiles = array(&file, "profiles");
        let all = |of: fn(&crate::model::Site) -> u64| document.sites.iter().map(of).sum::<u64>();
        assert_eq!(sum(&profiles[0]), all(|site| site.live.bytes));
        assert_eq!(sum(&profiles[1]), all(|site| site.live.count));
        assert_eq!(sum(&profiles[2]), all(|site| site.allocated.bytes));
        for profile in profiles {
            assert_eq!(profile["endValue"], sum(profile));
        }
    }

    #[test]
    fn frames_are_shared_and_stacks_begin_at_the_root() {
        let file = exported(&samples::server());
        let frames = array(&file["shared"], "frames");
        let roots = frames.iter().filter(|frame| frame["name"] == "<module>").count();
        assert_eq!(roots, 1);
        let first = array(&array(&file, "profiles")[0], "samples")[0][0].as_u64();
        let first = &frames[usize::try_from(first.expect("an index")).expect("small")];
        assert_eq!(first["name"], "<module>");
    }

    proptest! {
        #[test]
        fn every_index_has_a_frame(document in crate::report::tests::any_document()) {
            let file = exported(&document);
            let frames = array(&file["shared"], "frames").len();
            for profile in array(&file, "profiles") {
                prop_assert_eq!(array(profile, "samples").len(), array(profile, "weights").len());
                for index in array(profile, "samples").iter().flat_map(|s| s.as_array().expect("a stack")) {
                    prop_assert!(index.as_u64().is_some_and(|index| index < frames as u64));
                }
            }
        }
    }
}
