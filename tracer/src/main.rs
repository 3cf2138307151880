//! The `leakspy` program: parse, run, print one error line, exit with a code that means something.

fn main() -> std::process::ExitCode {
    leakspy::cli::main()
}
