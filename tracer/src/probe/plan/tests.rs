use leakspy_ebpf::wire::key::Function;

use super::*;

const KERNEL: KernelRelease = KernelRelease::new(6, 12);
const BIAS: u64 = 0x7000_0000;
const START: u64 = 0x2000;
const FILE_OFFSET: u64 = 0x800;

/// `test %rdi,%rdi; je; ret`
const DISPLACED: &[u8] = &[0x48, 0x85, 0xff, 0x74, 0x00, 0xc3];
/// `push %rbp; pop %rbp; ret`
const PLAIN: &[u8] = &[0x55, 0x5d, 0xc3, 0x90, 0x90, 0x90];
/// `syscall`
const REFUSED: &[u8] = &[0x0f, 0x05];

/// A module with functions at multiples of 256 bytes.
fn module(functions: &[&[u8]]) -> ModuleCode {
    let mut bytes = vec![0xcc; functions.len() * 256];
    for (place, function) in bytes.chunks_mut(256).zip(functions) {
        place[..function.len()].copy_from_slice(function);
    }
    ModuleCode { module: 3, bias: BIAS, vaddr: START, file_offset: FILE_OFFSET, bytes }
}

fn allocator(functions: &[(Function, u64)]) -> Allocator {
    let located = functions.iter().map(|(function, place)| {
        let vaddr = START + place * 256;
        let address = Address(BIAS + vaddr);
        Located { function: *function, module: 3, vaddr, size: Some(6), address }
    });
    Allocator {
        module: 3,
        located: located.collect(),
        absent: vec![(Function::Pvalloc, Absence::NotProvided)],
        others: Vec::new(),
        hooks: Vec::new(),
        in_libraries: Vec::new(),
    }
}

#[test]
fn a_point_lies_on_the_chosen_instruction_in_file_and_memory() {
    let plan = Plan::new(
        &allocator(&[(Function::Malloc, 0), (Function::Free, 1)]),
        &[module(&[PLAIN, DISPLACED])],
        KERNEL,
    );
    assert_eq!(plan.points.len(), 2);
    let (malloc, free) = (&plan.points[0], &plan.points[1]);
    assert_eq!((malloc.function, malloc.spot.displacement), (Function::Malloc, 0));
    assert_eq!(malloc.spot.file_offset, FILE_OFFSET);
    assert_eq!(malloc.spot.instruction, "push (55)");
    assert_eq!((free.function, free.spot.displacement), (Function::Free, 3));
    assert_eq!(free.spot.file_offset, FILE_OFFSET + 256 + 3);
    assert_eq!(free.spot.address, Address(BIAS + START + 256 + 3));
    assert!(malloc.returns() && !free.returns());
    assert_eq!(plan.not_covered, [(Function::Pvalloc, NotCovered::Absent(Absence::NotProvided))]);
}

#[test]
fn one_chunk_of_code_under_two_names_is_probed_once() {
    let functions = [(Function::AlignedAlloc, 0), (Function::Memalign, 0), (Function::Memalign, 1)];
    let plan = Plan::new(&allocator(&functions), &[module(&[PLAIN, PLAIN])], KERNEL);
    let names: Vec<_> = plan.points.iter().map(|p| (p.function, p.also.as_slice())).collect();
    assert_eq!(
        names,
        [
            (Function::AlignedAlloc, [Function::Memalign].as_slice()),
            (Function::Memalign, [].as_slice())
        ]
    );
}

#[test]
fn a_branch_from_elsewhere_moves_the_probe_back_to_the_entry() {
    // At 256: jmp to START + 3.
    let mut jump = vec![0xe9];
    jump.extend((3_i32 - (256 + 5)).to_le_bytes());
    let code = [module(&[DISPLACED, &jump])];
    let plan = Plan::new(&allocator(&[(Function::Free, 0)]), &code, KERNEL);
    assert_eq!(
        (plan.points[0].spot.displacement, plan.points[0].spot.kind),
        (0, Execution::Stepped)
    );
    let spot = entry_spot(&code[0], START, Some(6), 1, KERNEL).unwrap();
    assert_eq!((spot.displacement, spot.kind), (0, Execution::Stepped));
}

#[test]
fn what_cannot_be_probed_is_named_with_the_reason() {
    let functions = [(Function::Munmap, 0), (Function::Mmap, 9)];
    let plan = Plan::new(&allocator(&functions), &[module(&[REFUSED])], KERNEL);
    assert_eq!(plan.points, []);
    let instruction = "syscall (0f 05)".to_owned();
    assert_eq!(
        plan.not_covered,
        [
            (Function::Pvalloc, NotCovered::Absent(Absence::NotProvided)),
            (Function::Mmap, NotCovered::NoCode),
            (Function::Munmap, NotCovered::Unplaceable(PlacementRefusal::Unsafe { instruction })),
        ]
    );
}

#[test]
fn any_function_can_have_an_entry_probe_by_the_same_rules() {
    let code = module(&[DISPLACED, REFUSED]);
    let spot = entry_spot(&code, START, Some(6), 1, KERNEL).unwrap();
    assert_eq!((spot.displacement, spot.kind), (3, Execution::Emulated));
    assert!(entry_spot(&code, START + 256, None, 1, KERNEL).is_err());
    assert_eq!(entry_spot(&code, START - 1, None, 1, KERNEL), Err(NotCovered::NoCode));
    assert_eq!(entry_spot(&code, START + 512, None, 1, KERNEL), Err(NotCovered::NoCode));
}

#[test]
fn only_allocation_functions_can_have_return_probes() {
    assert_eq!(return_probed("malloc"), Ok(Function::Malloc));
    assert_eq!(return_probed("mremap"), Ok(Function::Mremap));
    for name in [
        "_PyEval_EvalFrameDefault",
        "PyObject_Vectorcall",
        "_PyObject_Vectorcall",
        "_PyObject_GC_New",
        "PyType_GenericAlloc",
        "PyObject_Call",
        "code_dealloc",
        "_Znwm",
        "_Znam",
        "__cxa_throw",
        "free",
        "munmap",
        "runtime.mallocgc",
        "malloc ",
        "",
    ] {
        let refused = return_probed(name).unwrap_err();
        assert!(refused.to_string().starts_with(&format!("no return probe on {name:?}")));
    }
}

#[test]
fn an_allocator_whose_releases_cannot_be_seen_is_not_to_be_traced() {
    let sees = |functions: &[(Function, u64)], code: &[&[u8]]| {
        let located = allocator(functions).located;
        Plan::of(&located, &[module(code)], KERNEL).sees_releases()
    };
    let both = [(Function::Malloc, 0), (Function::Free, 1)];
    assert!(sees(&both, &[DISPLACED, PLAIN]));
    assert!(!sees(&both, &[DISPLACED, REFUSED]));
    assert!(!sees(&both[..1], &[DISPLACED]));
    assert!(!sees(&both[1..], &[DISPLACED, PLAIN]));
    let moved = [both[0], both[1], (Function::Realloc, 2)];
    assert!(sees(&moved, &[DISPLACED, PLAIN, PLAIN]));
    assert!(!sees(&moved, &[DISPLACED, PLAIN, REFUSED]));
    // What is not seen to begin cannot be missed.
    let unseen = [both[0], both[1], (Function::Calloc, 2)];
    assert!(sees(&unseen, &[DISPLACED, PLAIN, REFUSED]));
}
