use leakspy_ebpf::wire::key::Function;

use super::survey::{AllocatorSurvey, Bound, SurveyRefusal};
use super::{Absence, Other};
use crate::elf::{Symbol, SymbolKind};

const EXE: usize = 0;
const LIBC: usize = 1;
const JEMALLOC: usize = 2;
const EXTENSION: usize = 3;

/// Address of the one definition of a function in a module.
fn vaddr(module: usize, function: Function) -> u64 {
    0x1000 * (module as u64 + 1) + function as u64 * 16
}

fn survey(
    definers: &[(usize, &[Function])],
    bound: &[(usize, Function, usize)],
) -> AllocatorSurvey {
    let mut survey = AllocatorSurvey {
        main: Some(EXE),
        libc: Some(LIBC),
        definitions: vec![Vec::new(); 4],
        ..AllocatorSurvey::default()
    };
    for (module, functions) in definers {
        for function in *functions {
            let vaddr = vaddr(*module, *function);
            let symbol = Symbol { vaddr, size: 16, kind: SymbolKind::Function };
            survey.definitions[*module].push((*function, symbol));
        }
    }
    survey.bound = bound
        .iter()
        .map(|(importer, function, module)| Bound {
            function: *function,
            importer: *importer,
            module: *module,
            vaddr: vaddr(*module, *function),
        })
        .collect();
    survey
}

const HEAP: &[Function] = &[Function::Malloc, Function::Free, Function::Realloc];

#[test]
fn calls_tell_who_serves_malloc() {
    let libc = (LIBC, &Function::ALL[..]);
    let both = [libc, (JEMALLOC, HEAP)];
    let plain = survey(&[libc], &[(EXTENSION, Function::Malloc, LIBC)]);
    assert_eq!(plain.choose_malloc(), Ok(LIBC));
    let preloaded = survey(&both, &[(EXE, Function::Malloc, JEMALLOC)]);
    assert_eq!(preloaded.choose_malloc(), Ok(JEMALLOC));
    // Loaded, for example by an extension, but not the one that is called.
    let bystander = survey(&both, &[(EXE, Function::Malloc, LIBC)]);
    assert_eq!(bystander.choose_malloc(), Ok(LIBC));
}

#[test]
fn without_bound_calls_a_preloaded_allocator_precedes_libc() {
    let libc = (LIBC, &Function::ALL[..]);
    assert_eq!(survey(&[libc], &[]).choose_malloc(), Ok(LIBC));
    assert_eq!(survey(&[libc, (JEMALLOC, HEAP)], &[]).choose_malloc(), Ok(JEMALLOC));
    assert_eq!(survey(&[libc, (EXE, HEAP), (JEMALLOC, HEAP)], &[]).choose_malloc(), Ok(EXE));
    let two = survey(&[libc, (JEMALLOC, HEAP), (EXTENSION, HEAP)], &[]);
    assert_eq!(two.choose_malloc(), Err(SurveyRefusal::Several(vec![JEMALLOC, EXTENSION])));
    assert_eq!(survey(&[], &[]).choose_malloc(), Err(SurveyRefusal::None));
}

#[test]
fn what_the_allocator_lacks_comes_from_libc_and_mappings_always_do() {
    let libc = (LIBC, &Function::ALL[..]);
    let found = survey(&[libc, (JEMALLOC, HEAP)], &[(EXE, Function::Malloc, JEMALLOC)]);
    assert_eq!(modules(&found, Function::Free), Ok(vec![JEMALLOC]));
    assert_eq!(modules(&found, Function::Reallocarray), Ok(vec![LIBC]));
    assert_eq!(modules(&found, Function::Mmap), Ok(vec![LIBC]));
}

#[test]
fn an_allocators_own_mappings_are_seen_beside_those_of_libc() {
    let libc = (LIBC, &Function::ALL[..]);
    let found = survey(&[libc, (JEMALLOC, &Function::ALL)], &[]);
    assert_eq!(modules(&found, Function::Mmap), Ok(vec![LIBC, JEMALLOC]));
    assert_eq!(modules(&found, Function::Malloc), Ok(vec![JEMALLOC]));
}

#[test]
fn two_names_of_one_function_can_be_two_chunks_of_code() {
    let mut found = survey(&[(LIBC, &Function::ALL)], &[]);
    let mmap64 = Symbol { vaddr: 0x9990, size: 16, kind: SymbolKind::Function };
    found.definitions[LIBC].push((Function::Mmap, mmap64));
    assert_eq!(found.providers(Function::Mmap, LIBC).unwrap().len(), 2);
}

fn modules(survey: &AllocatorSurvey, function: Function) -> Result<Vec<usize>, Absence> {
    let providers = survey.providers(function, JEMALLOC)?;
    Ok(providers.into_iter().map(|(module, _)| module).collect())
}

#[test]
fn absences_have_reasons() {
    let mut found = survey(&[(JEMALLOC, HEAP), (EXTENSION, HEAP)], &[]);
    found.libc = None;
    assert_eq!(found.providers(Function::Valloc, JEMALLOC), Err(Absence::NotProvided));
    assert_eq!(found.providers(Function::Free, LIBC), Err(Absence::Several));
    found.definitions[JEMALLOC][0].1.kind = SymbolKind::Indirect;
    assert_eq!(found.providers(Function::Malloc, JEMALLOC), Err(Absence::Indirect));
}

#[test]
fn slots_that_point_elsewhere_are_hooks_or_nothing() {
    let libc = (LIBC, &Function::ALL[..]);
    let mut found = survey(
        &[libc],
        &[
            (EXE, Function::Malloc, EXTENSION), // rewritten by a tool
            (EXE, Function::Free, EXE),         // not bound yet: its own linkage table
            (LIBC, Function::Malloc, EXE),      // the executable's linkage table stands for malloc
        ],
    );
    assert_eq!(found.choose_malloc(), Ok(LIBC));
    assert_eq!(found.hooks(), [EXTENSION]);
    found.bound.clear();
    assert_eq!(found.hooks(), [0; 0]);
}

#[test]
fn an_allocators_own_unbound_slot_is_no_call_of_it() {
    let libc = (LIBC, &Function::ALL[..]);
    let mut found = survey(&[libc, (JEMALLOC, HEAP)], &[(EXTENSION, Function::Malloc, LIBC)]);
    found.bound.push(Bound {
        function: Function::Malloc,
        importer: JEMALLOC,
        module: JEMALLOC,
        vaddr: vaddr(JEMALLOC, Function::Malloc) + 6,
    });
    found.bound.push(Bound { importer: EXE, ..found.bound[1] });
    assert_eq!(found.choose_malloc(), Ok(LIBC));
    assert_eq!(found.others(Function::Malloc, &[LIBC]), []);
}

#[test]
fn a_second_implementation_in_use_is_reported() {
    let found = survey(
        &[(LIBC, &Function::ALL), (JEMALLOC, HEAP)],
        &[(EXE, Function::Malloc, JEMALLOC), (EXTENSION, Function::Malloc, LIBC)],
    );
    assert_eq!(
        found.others(Function::Malloc, &[JEMALLOC]),
        [Other { function: Function::Malloc, module: LIBC, callers: 1 }]
    );
}
