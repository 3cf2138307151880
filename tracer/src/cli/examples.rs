//! The examples that open every help page, and stand in every manual page.

/// For the program.
pub const MAIN: &str = "\
Examples:
  sudo leakspy record -p 4711 -d 10m    Record process 4711 for ten minutes
  leakspy report FILE.leakspy           Who holds how much, by stack
  leakspy doctor                        What is missing on this machine
";

/// For `record`.
pub const RECORD: &str = "\
Examples:
  sudo leakspy record -p 4711                       Until Ctrl-C
  sudo leakspy record -p gunicorn -d 90s            The only process of that name
  sudo leakspy record -p 4711 -d 1h -o app.leakspy  Into this file
";

/// For `report`.
pub const REPORT: &str = "\
Examples:
  leakspy report app.leakspy                 Read it here
  leakspy report app.leakspy -o flame.svg    A flame graph for the browser
  leakspy report app.leakspy -f json | jq    For programs
";

/// For `plot`.
pub const PLOT: &str = "\
Examples:
  leakspy plot app.leakspy -o memory.png                     Memory of the process
  leakspy plot app.leakspy --what growth -o growth.svg       The stacks that grow
  leakspy plot app.leakspy --what survival -o survival.png   The first of them
";

/// For `doctor`.
pub const DOCTOR: &str = "\
Examples:
  sudo leakspy doctor            Can this machine record?
  sudo leakspy doctor -p 4711    What would be seen of process 4711?
";

/// For `completions`.
pub const COMPLETIONS: &str = "\
Examples:
  leakspy completions bash > ~/.local/share/bash-completion/completions/leakspy
  leakspy completions zsh > ~/.zfunc/_leakspy
";

/// For `man`.
pub const MAN: &str = "\
Examples:
  leakspy man | man -l -
  sudo leakspy man -o /usr/local/share/man/man8
";

/// The examples of a command, or of the program for no command.
pub fn of(command: &str) -> &'static str {
    match command {
        "record" => RECORD,
        "report" => REPORT,
        "plot" => PLOT,
        "doctor" => DOCTOR,
        "completions" => COMPLETIONS,
        "man" => MAN,
        _ => MAIN,
    }
}
