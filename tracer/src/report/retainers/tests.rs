//! Every format on every sample, against files that `LEAKSPY_BLESS=1` rewrites.

use proptest::prelude::*;

use super::{RETAINERS_FORMATS, samples};
use crate::model::{HeapSubject, ObjectDetail, RetainerReport, RootKind, Via};
use crate::report::tests::agreed;
use crate::report::{Format, Options};

fn rendered(format: &str, retainers: &RetainerReport, options: &Options) -> String {
    let mut out = Vec::new();
    let format = Format::named_in(RETAINERS_FORMATS, format).expect("a format");
    format.exporter.write(retainers, options, &mut out).expect("every sample can be printed");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn samples() -> [(&'static str, RetainerReport); 4] {
    [
        ("documents", samples::documents()),
        ("long", samples::long()),
        ("nothing", samples::nothing()),
        ("hostile", samples::hostile()),
    ]
}

#[test]
fn retainers_print_as_agreed() {
    agreed::prints("who", &samples(), RETAINERS_FORMATS, |format, retainers| {
        rendered(format, retainers, &Options::default())
    });
}

#[test]
fn the_first_sentence_is_the_answer() {
    let first = |retainers: &RetainerReport| {
        let page = rendered("text", retainers, &Options::default());
        page.split("\n\n").next().unwrap_or_default().replace('\n', " ")
    };
    assert_eq!(
        first(&samples::documents()),
        "69 objects of the type bokeh.document.document.Document (12.0 KiB) are retained by 7 kinds of paths"
    );
    assert_eq!(
        first(&samples::long()),
        "The object at 0x7f21c40a5d90, of the type list (88 B) is retained by 1 kind of path"
    );
    assert_eq!(
        first(&samples::nothing()),
        "There are no objects of the type bokeh.document.document.Document"
    );
}

#[test]
fn what_is_not_shown_is_counted() {
    let two = Options { top: Some(2), ..Options::default() };
    let page = rendered("text", &samples::documents(), &two);
    assert!(page.contains("5 more kinds of paths retain 7 objects; --top shows more."), "{page}");
}

proptest! {
    /// Whatever a heap says: no panic, no line too long, nothing that a terminal obeys.
    #[test]
    fn any_retainers_print(
        name in ".{0,120}",
        via in ".{0,60}",
        detail in prop::option::of(".{0,60}"),
        root in prop::sample::select(vec![
            RootKind::Module, RootKind::Frame, RootKind::StaticType, RootKind::Native, RootKind::Garbage,
        ]),
        length in 0_usize..90,
        numbers in any::<[u64; 3]>(),
    ) {
        let mut retainers = samples::long();
        retainers.subject = HeapSubject::Type { class: name.clone() };
        (retainers.count, retainers.bytes, retainers.more_groups) = (numbers[0], numbers[1], numbers[2]);
        for group in &mut retainers.groups {
            group.root_name.clone_from(&name);
            (group.root, group.count, group.bytes) = (root, numbers[2], numbers[1]);
            group.path.truncate(length);
            for (step, reference) in group.path.iter_mut().enumerate() {
                reference.via = Via::Value { key: via.clone() };
                reference.class.clone_from(&name);
                reference.detail = detail.clone().map(|text| ObjectDetail::Text { text });
                reference.certain = step % 2 == 0;
            }
        }
        agreed::fits(&rendered("text", &retainers, &Options::default()));
        for format in RETAINERS_FORMATS {
            rendered(format.name, &retainers, &Options::default());
        }
    }
}
