use std::ops::Range;

use leakspy_ebpf::walk::Word;
use proptest::prelude::*;

use super::super::activation::{Activations, CodeRanges};
use super::super::stack::{NativeFrame, NativeStack, StackCopy, WalkEnd};
use super::{Input, MergeNote, Merged, MixedStack, merge};

const BOTTOM: u64 = 0x7fff_0000;
const EVALUATION: Range<u64> = 0xe000..0xf000;
const CFRAME_310: Activations = Activations::ByCframe { previous: 8, flagged: false };
const CFRAME_311: Activations = Activations::ByCframe { previous: 16, flagged: true };

/// A stack of frames of 0x100 bytes each, innermost first, as letters: `m` is the allocator, `e` an
/// evaluation loop, anything else is other code. Frame `i` is `[BOTTOM + 0x100 * i, + 0x100)`.
fn native(letters: &str, end: WalkEnd) -> NativeStack {
    let frames = letters
        .chars()
        .enumerate()
        .map(|(index, letter)| {
            let sp = local(index) - 0x80;
            let address = if letter == 'e' { 0xe800 } else { u64::from(u32::from(letter)) };
            let cfa = Some(sp + 0x100);
            NativeFrame { address, place: None, sp, cfa, by_frame_pointer: false }
        })
        .collect();
    NativeStack { frames, end }
}

/// Address of a local variable of native frame `index`.
fn local(index: usize) -> u64 {
    BOTTOM + 0x100 * u64::try_from(index).unwrap() + 0x80
}

fn python(name: u8) -> Word {
    Word::python(u64::from(name) * 8, 0, false)
}

fn entry_frame(name: u8) -> Word {
    Word::python(u64::from(name) * 8, 0, true)
}

/// A copied stack that holds a chain of cframes: `previous` at `offset` of each.
fn cframes(hosts: &[usize], offset: u64) -> (u64, Vec<u8>) {
    let mut bytes = vec![0; 0x4000];
    for pair in hosts.windows(2) {
        let at = usize::try_from(local(pair[0]) + offset - BOTTOM).unwrap();
        bytes[at..at + 8].copy_from_slice(&local(pair[1]).to_le_bytes());
    }
    if let Some(last) = hosts.last() {
        // The outermost cframe lies in the thread state, on the heap.
        let at = usize::try_from(local(*last) + offset - BOTTOM).unwrap();
        bytes[at..at + 8].copy_from_slice(&0x55_0000_u64.to_le_bytes());
    }
    (hosts.first().map_or(0x55_0000, |first| local(*first)), bytes)
}

struct Case<'a> {
    native: NativeStack,
    words: &'a [Word],
    by: Activations,
    cframe: u64,
    bytes: &'a [u8],
    complete: bool,
    code: CodeRanges,
}

impl<'a> Case<'a> {
    fn new(letters: &str, words: &'a [Word], by: Activations) -> Self {
        Self {
            native: native(letters, WalkEnd::Root),
            words,
            by,
            cframe: 0,
            bytes: &[],
            complete: true,
            code: CodeRanges::new(vec![EVALUATION]),
        }
    }

    fn merge(&self) -> MixedStack {
        merge(&Input {
            native: &self.native,
            words: self.words,
            generations: &vec![7; self.words.len()],
            complete: self.complete,
            by: self.by,
            cframe: self.cframe,
            stack: StackCopy { start: BOTTOM, bytes: self.bytes },
            code: &self.code,
        })
    }

    /// The merged stack, innermost first, as letters: Python frames by name, `(e)` for evaluation.
    fn letters(&self) -> String {
        self.merge().entries.iter().map(letter).collect()
    }

    fn notes(&self) -> Vec<MergeNote> {
        self.merge().notes
    }
}

fn letter(entry: &Merged) -> String {
    match entry {
        Merged::Python { word, .. } => {
            char::from(u8::try_from(word.code() / 8).unwrap()).to_string()
        }
        Merged::Evaluation(frame) => {
            assert!(EVALUATION.contains(&frame.address));
            "(e)".to_owned()
        }
        Merged::Native(frame) if EVALUATION.contains(&frame.address) => "(idle)".to_owned(),
        Merged::Native(frame) => char::from(u8::try_from(frame.address).unwrap()).to_string(),
    }
}

mod by_entry {
    use super::*;

    #[test]
    fn segments_lie_where_their_entry_frames_lie() {
        let words = [
            python(b'A'),
            python(b'B'),
            Word::entry(local(3)),
            python(b'C'),
            Word::entry(local(6)),
        ];
        let case = Case::new("mxyezwevs", &words, Activations::ByEntry);
        assert_eq!(case.letters(), "xyAB(e)zwC(e)vs");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn the_code_of_the_evaluation_loop_is_not_needed() {
        let words = [python(b'A'), Word::entry(local(2)), python(b'B'), Word::entry(local(4))];
        let mut case = Case::new("mxeyes", &words, Activations::ByEntry);
        case.code = CodeRanges::default();
        assert_eq!(case.letters(), "xA(e)yB(e)s");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn a_frame_that_is_being_cleared_leaves_an_empty_segment() {
        let words = [Word::entry(local(2)), python(b'B'), Word::entry(local(4))];
        let case = Case::new("mxeyes", &words, Activations::ByEntry);
        assert_eq!(case.letters(), "x(e)yB(e)s");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn python_goes_on_where_the_copied_stack_ends() {
        let words = [
            python(b'A'),
            Word::entry(local(2)),
            python(b'B'),
            Word::entry(local(90)),
            python(b'C'),
            Word::entry(local(95)),
        ];
        let mut case = Case::new("mxeyz", &words, Activations::ByEntry);
        case.native.end = WalkEnd::CopyEnd;
        assert_eq!(case.letters(), "xA(e)yzBC");
        assert_eq!(case.notes(), [MergeNote::NativeEnded(WalkEnd::CopyEnd)]);
    }

    #[test]
    fn the_last_frame_can_be_the_host_although_its_end_is_not_known() {
        let words = [python(b'A'), Word::entry(local(2))];
        let mut case = Case::new("mxe", &words, Activations::ByEntry);
        case.native.end = WalkEnd::NoUnwindInfo { module: "m".into() };
        case.native.frames[2].cfa = None;
        assert_eq!(case.letters(), "xA(e)");
    }

    #[test]
    fn words_cut_inside_a_segment_belong_to_the_next_activation() {
        let words = [python(b'A'), Word::entry(local(2)), python(b'B'), python(b'C')];
        let mut case = Case::new("mxeyezes", &words, Activations::ByEntry);
        case.complete = false;
        // The frames that were cut ran in what follows: native frames go on, in order.
        assert_eq!(case.letters(), "xA(e)yBC(e)z(idle)s");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn frames_of_another_greenlet_are_left_out() {
        let words = [python(b'A'), Word::entry(local(2))];
        let case = Case::new("mxeggehs", &words, Activations::ByEntry);
        assert_eq!(case.letters(), "xA(e)gg");
        assert_eq!(case.notes(), [MergeNote::OtherStack { frames: 3 }]);
    }

    #[test]
    fn an_entry_frame_in_no_frame_hides_what_is_not_certain() {
        // Below the whole stack: nonsense. Above its root: nonsense too.
        for nonsense in [local(0) - 0x1000, local(50)] {
            let words = [python(b'A'), Word::entry(nonsense), python(b'B'), Word::entry(local(5))];
            let case = Case::new("mxeyzes", &words, Activations::ByEntry);
            assert_eq!(case.letters(), "xAB(e)s");
            assert_eq!(case.notes(), [MergeNote::NativeLeftOut { frames: 3 }]);
        }
    }

    #[test]
    fn entry_frames_out_of_order_are_not_believed() {
        let words = [python(b'A'), Word::entry(local(4)), python(b'B'), Word::entry(local(2))];
        let case = Case::new("mxeyezs", &words, Activations::ByEntry);
        // The first is believed; then nothing further out can host the second.
        assert_eq!(case.letters(), "x(idle)yA(e)B");
        assert_eq!(
            case.notes(),
            [MergeNote::NativeLeftOut { frames: 2 }, MergeNote::IdleEvaluation { frames: 1 }]
        );
    }
}

mod by_cframe {
    use super::*;

    #[test]
    fn segments_of_3_11_end_at_flagged_frames() {
        let words = [python(b'A'), entry_frame(b'B'), entry_frame(b'C')];
        let (cframe, bytes) = cframes(&[3, 6], 16);
        let mut case = Case::new("mxyezwevs", &words, CFRAME_311);
        (case.cframe, case.bytes) = (cframe, &bytes);
        assert_eq!(case.letters(), "xyAB(e)zwC(e)vs");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn each_frame_of_3_10_has_its_own() {
        let words = [python(b'A'), python(b'B'), python(b'C')];
        let (cframe, bytes) = cframes(&[2, 3, 5], 8);
        let mut case = Case::new("mxeezes", &words, CFRAME_310);
        (case.cframe, case.bytes) = (cframe, &bytes);
        assert_eq!(case.letters(), "xA(e)B(e)zC(e)s");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn python_goes_on_where_the_copied_stack_ends() {
        let words = [entry_frame(b'A'), entry_frame(b'B'), entry_frame(b'C')];
        let (cframe, mut bytes) = cframes(&[2, 0x30], 16);
        bytes.truncate(0x400);
        let mut case = Case::new("mxey", &words, CFRAME_311);
        (case.cframe, case.bytes) = (cframe, &bytes);
        case.native.end = WalkEnd::CopyEnd;
        assert_eq!(case.letters(), "xA(e)yBC");
        assert_eq!(case.notes(), [MergeNote::NativeEnded(WalkEnd::CopyEnd)]);
    }

    #[test]
    fn a_chain_that_runs_in_circles_ends() {
        let words = [python(b'A'), python(b'B'), python(b'C')];
        let (cframe, mut bytes) = cframes(&[2, 3], 8);
        let at = usize::try_from(local(3) + 8 - BOTTOM).unwrap();
        bytes[at..at + 8].copy_from_slice(&cframe.to_le_bytes());
        let mut case = Case::new("mxeezs", &words, CFRAME_310);
        (case.cframe, case.bytes) = (cframe, &bytes);
        assert_eq!(case.letters(), "xA(e)B(e)C");
        assert_eq!(case.notes(), [MergeNote::NativeLeftOut { frames: 2 }]);
    }
}

mod by_code {
    use super::*;

    #[test]
    fn each_activation_runs_one_frame() {
        let words = [python(b'A'), python(b'B'), python(b'C')];
        let case = Case::new("mxeeyzes", &words, Activations::ByCode);
        assert_eq!(case.letters(), "xA(e)B(e)yzC(e)s");
        assert_eq!(case.notes(), []);
    }

    #[test]
    fn python_goes_on_where_the_copied_stack_ends() {
        let words = [python(b'A'), python(b'B'), python(b'C')];
        let mut case = Case::new("mxey", &words, Activations::ByCode);
        case.native.end = WalkEnd::CopyEnd;
        assert_eq!(case.letters(), "xA(e)yBC");
    }

    #[test]
    fn fewer_activations_than_frames_prove_nothing() {
        let words = [python(b'A'), python(b'B'), python(b'C')];
        let case = Case::new("mxeyes", &words, Activations::ByCode);
        assert_eq!(case.letters(), "xABC");
        assert_eq!(case.notes(), [MergeNote::NativeLeftOut { frames: 4 }]);
    }

    #[test]
    fn more_activations_than_frames_belong_to_another_stack() {
        let words = [python(b'A')];
        let case = Case::new("mxeyezs", &words, Activations::ByCode);
        assert_eq!(case.letters(), "xA(e)y");
        assert_eq!(case.notes(), [MergeNote::OtherStack { frames: 3 }]);
    }

    #[test]
    fn an_unknown_evaluation_loop_leaves_python_alone() {
        let words = [python(b'A'), python(b'B')];
        let mut case = Case::new("mxeyes", &words, Activations::ByCode);
        case.code = CodeRanges::default();
        assert_eq!(case.letters(), "AB");
        assert_eq!(case.notes(), [MergeNote::NativeLeftOut { frames: 5 }]);
    }
}

#[test]
fn without_python_the_native_stack_is_the_stack() {
    for by in [Activations::ByEntry, Activations::ByCode, CFRAME_310, CFRAME_311] {
        let case = Case::new("mxeys", &[], by);
        assert_eq!(case.letters(), "x(idle)ys");
    }
}

fn activations() -> impl Strategy<Value = Activations> {
    prop_oneof![
        Just(Activations::ByCode),
        Just(Activations::ByEntry),
        (0..64_u64, any::<bool>())
            .prop_map(|(previous, flagged)| Activations::ByCframe { previous, flagged }),
    ]
}

fn ends() -> impl Strategy<Value = WalkEnd> {
    prop_oneof![Just(WalkEnd::Root), Just(WalkEnd::CopyEnd), Just(WalkEnd::DepthLimit)]
}

/// Addresses that are sometimes on the stack.
fn addresses() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), BOTTOM..BOTTOM + 0x1000]
}

fn words() -> impl Strategy<Value = Word> {
    prop_oneof![
        (0..255_u8, any::<bool>()).prop_map(|(name, last)| Word::python(name.into(), 0, last)),
        addresses().prop_map(Word::entry),
        any::<u64>().prop_map(Word),
    ]
}

fn frames() -> impl Strategy<Value = NativeFrame> {
    let cfa = prop::option::of(addresses());
    let address = prop_oneof![any::<u64>(), EVALUATION];
    (address, addresses(), cfa, any::<bool>()).prop_map(|(address, sp, cfa, by_frame_pointer)| {
        NativeFrame { address, place: None, sp, cfa, by_frame_pointer }
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_doubled_or_out_of_order(
        frames in prop::collection::vec(frames(), 0..20),
        end in ends(),
        words in prop::collection::vec(words(), 0..20),
        generations in prop::collection::vec(any::<u32>(), 0..20),
        by in activations(),
        complete in any::<bool>(),
        cframe in addresses(),
        bytes in prop::collection::vec(any::<u8>(), 0..512),
        code in prop::option::of(Just(EVALUATION)),
    ) {
        let native = NativeStack { frames, end };
        let code = CodeRanges::new(code.into_iter().collect());
        let stack = StackCopy { start: BOTTOM, bytes: &bytes };
        let merged = merge(&Input {
            native: &native, words: &words, generations: &generations, complete, by, cframe, stack,
            code: &code,
        });

        let python: Vec<Word> = merged.entries.iter().filter_map(|entry| match entry {
            Merged::Python { word, .. } => Some(*word),
            _ => None,
        }).collect();
        let expected: Vec<Word> = words.iter().copied().filter(|word| word.is_python()).collect();
        prop_assert_eq!(python, expected);

        let shown: Vec<NativeFrame> = merged.entries.iter().filter_map(|entry| match entry {
            Merged::Native(frame) | Merged::Evaluation(frame) => Some(*frame),
            Merged::Python { .. } => None,
        }).collect();
        let mut rest = native.frames.iter().skip(1);
        for frame in &shown {
            prop_assert!(rest.any(|native| native == frame));
        }
        let left_out: usize = merged.notes.iter().map(|note| match note {
            MergeNote::NativeLeftOut { frames } | MergeNote::OtherStack { frames } => *frames,
            _ => 0,
        }).sum();
        prop_assert_eq!(shown.len() + left_out, native.frames.len().saturating_sub(1));
    }
}
