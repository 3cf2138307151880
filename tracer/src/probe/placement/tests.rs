use proptest::prelude::*;

use super::*;

const KERNELS: [KernelRelease; 5] = [
    KernelRelease::new(5, 10),
    KernelRelease::new(6, 12),
    KernelRelease::new(6, 17),
    KernelRelease::new(6, 18),
    KernelRelease::new(7, 2),
];

/// Encodings at the entry of a function, and on each of [`KERNELS`]: E emulated, S stepped, -
/// refused.
const ENCODINGS: &str = "
55                            EEEEE  push %rbp
4154                          EEEEE  push %r12
4157                          EEEEE  push %r15
54                            SSSSS  push %rsp
6655                          SSSSS  push %bp
6a08                          SSSSS  push $8
6800010000                    SSSSS  push $256
ff7708                        SSSSS  push 8(%rdi)
5d                            SSSSS  pop %rbp
90                            EEEEE  nop
6690                          EEEEE  66 nop
4190                          -----  xchg %r8,%rax: the kernel takes it for a nop
f390                          -----  pause
0f1f00                        --EEE  nopl
0f1f4000                      --EEE  nopl 0(%rax)
0f1f440000                    --EEE  nop5
660f1f440000                  --EEE  nop6
0f1f8000000000                --EEE  nop7
0f1f840000000000              --EEE  nop8
660f1f840000000000            ----E  nop9
662e0f1f840000000000          -----  nop10
eb10                          EEEEE  jmp rel8
e910000000                    EEEEE  jmp rel32
7410                          EEEEE  je rel8
0f8410000000                  EEEEE  je rel32
7810                          EEEEE  js rel8
0f8010000000                  EEEEE  jo rel32
e810000000                    EEEEE  call rel32
2e7410                        -----  je with branch hint
f2e910000000                  -----  bnd jmp
f27410                        -----  bnd je
e310                          -----  jrcxz
e210                          -----  loop
f30f1efa                      SSSSS  endbr64
f30f1efb                      -----  endbr32
4883ec18                      SSSSS  sub $24,%rsp
4885ff                        SSSSS  test %rdi,%rdi
31c0                          SSSSS  xor %eax,%eax
4889f8                        SSSSS  mov %rdi,%rax
b80b000000                    SSSSS  mov $11,%eax
48b80000000000000000          SSSSS  movabs
488b07                        SSSSS  mov (%rdi),%rax
488907                        SSSSS  mov %rax,(%rdi)
488b0510000000                SSSSS  mov 16(%rip),%rax
64488b042528000000            SSSSS  mov %fs:40,%rax
65488b042528000000            -----  mov %gs:40,%rax
67488b07                      -----  mov (%edi),%rax
8ed8                          -----  mov %eax,%ds
0f22c0                        -----  mov %rax,%cr0
488d0510000000                SSSSS  lea 16(%rip),%rax
0fb607                        SSSSS  movzbl (%rdi),%eax
4863c7                        SSSSS  movslq %edi,%rax
4881ff00100000                SSSSS  cmp $4096,%rdi
803d1000000000                SSSSS  cmpb $0,16(%rip)
4883e0f0                      SSSSS  and $-16,%rax
48c1e903                      SSSSS  shr $3,%rcx
48f7e6                        SSSSS  mul %rsi
480fafc6                      SSSSS  imul %rsi,%rax
0f1007                        SSSSS  movups (%rdi),%xmm0
f30f6f07                      SSSSS  movdqu (%rdi),%xmm0
660fefc0                      SSSSS  pxor %xmm0,%xmm0
c5fe7f07                      -----  vmovdqu %ymm0,(%rdi): the kernel loses the store
c5f96ec7                      -----  vmovd
c5f877                        -----  vzeroupper
c5fd70c000                    -----  vpshufd
c5f1efc9                      -----  vpxor
62f1fe487f07                  -----  vmovdqu64 (EVEX)
8fe97801c8                    -----  XOP
c4e2f9f7c7                    -----  shlx (VEX, general registers)
0f05                          -----  syscall: the kernel kills the target
0f34                          -----  sysenter
cd80                          -----  int $0x80
cc                            -----  int3
0f0b                          -----  ud2
0fa2                          -----  cpuid
0f31                          -----  rdtsc
0f01d0                        -----  xgetbv
f0480fb117                    -----  lock cmpxchg
f048ff07                      -----  lock inc
480fc107                      -----  xadd
488707                        -----  xchg with memory (locks)
f3aa                          -----  rep stos
f3a4                          -----  rep movs
f3480fb8c7                    -----  popcnt
3e48ffe0                      -----  notrack jmp *%rax
ffe0                          -----  jmp *%rax
ff2510000000                  SSSSS  jmp *16(%rip)
ff1510000000                  -----  call *16(%rip)
c3                            SSSSS  ret
f3c3                          -----  rep ret
c20800                        -----  ret $8
c9                            -----  leave
c8100000                      -----  enter
9d                            -----  popf
9c                            -----  pushf
f4                            -----  hlt
fa                            -----  cli
06                            -----  not an instruction
f3480faed7                    -----  wrfsbase
";

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn function(bytes: &[u8], arguments: usize) -> FunctionCode<'_> {
    FunctionCode { entry: 0x1000, bytes, size: None, arguments }
}

#[test]
fn only_listed_encodings_are_accepted() {
    let rows: Vec<Vec<&str>> =
        ENCODINGS.trim().lines().map(|line| line.splitn(3, ' ').collect()).collect();
    assert!(rows.len() >= 60);
    for (line, row) in ENCODINGS.trim().lines().zip(&rows) {
        let code = bytes(row[0]);
        let expected = line[row[0].len()..].trim_start();
        for (kernel, expected) in KERNELS.iter().zip(expected.chars()) {
            let found = match at_entry(&function(&code, 1), *kernel) {
                Ok(Placement { kind: Execution::Emulated, .. }) => 'E',
                Ok(Placement { kind: Execution::Stepped, .. }) => 'S',
                Err(_) => '-',
            };
            assert_eq!(found, expected, "{line} on {kernel}");
        }
    }
}

/// Entries of the functions of packaged libraries, with the placement that their disassembly calls
/// for.
const HEADS: &str = include_str!("heads.txt");

#[test]
fn packaged_libraries_get_the_expected_placement() {
    let kernel = KernelRelease::new(6, 12);
    let lines = HEADS.lines().filter(|line| !line.starts_with('#'));
    let mut seen = 0;
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, _, _, arguments, code, expected] = fields[..] else { panic!("{line}") };
        let code = bytes(code);
        let placement = place(&function(&code, arguments.parse().unwrap()), kernel).unwrap();
        let name = placement.instruction.split(' ').next().unwrap();
        assert_eq!(format!("+{}:{name}", placement.offset), expected, "{line}");
        seen += 1;
    }
    assert!(seen > 60);
}

fn offset(code: &str, arguments: usize) -> u64 {
    place(&function(&bytes(code), arguments), KernelRelease::new(6, 12)).unwrap().offset
}

#[test]
fn skipped_instructions_leave_alone_what_the_probe_reads() {
    // test %rdi,%rdi; je
    assert_eq!(offset("4885ff7400", 1), 3);
    // mov %rsi,%rdi; je: writes the first argument
    assert_eq!(offset("4889f77400", 1), 0);
    // mov %rdi,%rsi; je: writes the second, which only some functions read
    assert_eq!(offset("4889fe7400", 1), 3);
    assert_eq!(offset("4889fe7400", 2), 0);
    // mov $1,%esi; je: half a register is the register
    assert_eq!(offset("be010000007400", 2), 0);
    // mul %rsi; jo: writes rdx, the third argument
    assert_eq!(offset("48f7e67000", 2), 3);
    assert_eq!(offset("48f7e67000", 3), 0);
    // sub $8,%rsp; push: moves the stack pointer
    assert_eq!(offset("4883ec0855", 1), 0);
    // mov %rax,-8(%rsp); je: writes memory
    assert_eq!(offset("48894424f87400", 1), 0);
    // vmovd %edi,%xmm0 cannot be skipped: the walk stays with what it knows; but it is never probed
    let vex = bytes("c5f96ec774004885ff");
    let refused = place(&function(&vex, 1), KernelRelease::new(6, 12));
    assert!(matches!(refused, Err(PlacementRefusal::Unsafe { .. })));
}

#[test]
fn a_syscall_is_never_reached() {
    // mov $11,%eax; syscall; je
    assert_eq!(offset("b80b0000000f057400", 2), 0);
}

#[test]
fn the_walk_ends_within_reach() {
    // 8 times `test $0,%eax` of 5 bytes, then push
    let long = "a900000000".repeat(8) + "55";
    assert_eq!(offset(&long, 1), 0);
    let short = "a900000000".repeat(6) + "55";
    assert_eq!(offset(&short, 1), 30);
}

#[test]
fn a_branch_back_between_entry_and_probe_forbids_displacement() {
    // test; je; dec %rax; jmp to the je
    assert_eq!(offset("4885ff74074883e801ebf8c3", 1), 0);
    // the same, to the entry: it enters anew
    assert_eq!(offset("4885ff74074883e801ebf5c3", 1), 3);
    // the same, behind the je
    assert_eq!(offset("4885ff74074883e801ebfac3", 1), 3);
    // a call to the je
    assert_eq!(offset("4885ff7400e8f9ffffffc3", 1), 0);
}

#[test]
fn what_cannot_be_decoded_within_the_function_forbids_displacement() {
    let code = bytes("4885ff740006");
    let sized = |size| FunctionCode { size: Some(size), ..function(&code, 1) };
    let place = |size| place(&sized(size), KernelRelease::new(6, 12)).unwrap().offset;
    assert_eq!(place(6), 0); // a byte that is no instruction
    assert_eq!(place(7), 0); // more than there is
    assert_eq!(place(5), 3);
    assert_eq!(place(3), 0); // the je belongs to the next function
}

#[test]
fn mid_function_nop5_is_left_alone_where_it_would_become_a_call() {
    // endbr64; nop5
    let code = bytes("f30f1efa0f1f440000c3");
    let at = |kernel| place(&function(&code, 1), kernel).unwrap();
    assert_eq!(at(KernelRelease::new(6, 17)).offset, 4);
    assert_eq!(
        (at(KernelRelease::new(6, 18)).offset, at(KernelRelease::new(6, 18)).kind),
        (0, Execution::Stepped)
    );
    assert_eq!(at(KernelRelease::new(7, 2)).offset, 4);
    // where it is the first instruction, nothing lies below the stack pointer yet
    let first = bytes("0f1f440000c3");
    let at = |kernel| place(&function(&first, 1), kernel);
    assert_eq!(at(KernelRelease::new(7, 1)).unwrap().kind, Execution::Emulated);
}

/// 512 one-byte instructions with some others put over them, at virtual address 0x1000.
fn padded(at: usize, others: &[u8]) -> Vec<u8> {
    let mut code = vec![0x90; 512];
    code[at..at + others.len()].copy_from_slice(others);
    code
}

#[test]
fn branches_from_other_functions_are_found_and_immediates_are_not() {
    let entered = |code: &[u8]| entered_from_outside(0x1000, code, &vec![0x1101..0x1104; 1])[0];
    // je, jmp and call, each to 0x1103
    assert!(entered(&padded(300, &[0x0f, 0x84, 0xd1, 0xff, 0xff, 0xff])));
    assert!(entered(&padded(301, &[0xe9, 0xd1, 0xff, 0xff, 0xff])));
    assert!(entered(&padded(301, &[0xe8, 0xd1, 0xff, 0xff, 0xff])));
    // to 0x1104 and to 0x1100: the range ends before the one and begins after the other
    assert!(!entered(&padded(301, &[0xe9, 0xd2, 0xff, 0xff, 0xff])));
    assert!(!entered(&padded(301, &[0xe9, 0xce, 0xff, 0xff, 0xff])));
    // mov %ebp,%ecx; mov $0,%esi: contains `e9 be 00 00 00`, which would lead to 0x1103
    assert!(!entered(&padded(63, &[0x89, 0xe9, 0xbe, 0, 0, 0, 0])));
    assert!(entered(&padded(63, &[0x90, 0xe9, 0xbe, 0, 0, 0, 0x90])));
    assert_eq!(entered_from_outside(0x1000, &padded(0, &[]), &[]), [false; 0]);
}

proptest! {
    #[test]
    fn arbitrary_code_never_panics_and_placements_stay_in_reach(
        code in proptest::collection::vec(any::<u8>(), 0..200),
        size in proptest::option::of(0..300_u64),
        arguments in 0..9_usize,
        kernel in 0..KERNELS.len(),
    ) {
        let code = FunctionCode { entry: 0x1000, bytes: &code, size, arguments };
        if let Ok(placement) = place(&code, KERNELS[kernel]) {
            prop_assert!(placement.offset < REACH);
            prop_assert!(placement.offset == 0 || placement.kind == Execution::Emulated);
        }
        entered_from_outside(u64::MAX - 50, code.bytes, &[0..10, 5..u64::MAX]);
    }
}
