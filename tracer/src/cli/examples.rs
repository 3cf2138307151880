//! The examples that open every help page, and stand in every manual page.

/// For the program.
pub const MAIN: &str = "\
Examples:
  sudo leakspy leaks -p 4711            Is process 4711 leaking, and what?
  sudo leakspy record -p 4711 -d 3h     Record it for three hours
  sudo leakspy census -p 4711           What it is full of, by type
  sudo leakspy who -p 4711 Document     What retains objects of a type
  leakspy report FILE.leakspy           Who holds how much, by stack
  leakspy diff A.leakspy B.leakspy      What grew from one recording to another
  leakspy doctor                        What is missing on this machine
";

/// For `leaks`.
pub const LEAKS: &str = "\
Examples:
  sudo leakspy leaks -p 4711                  Watch process 4711 for ten minutes
  sudo leakspy leaks -p gunicorn -d 1h        The only process of that name, for an hour
  sudo leakspy leaks -p gunicorn --all        All workers of a server, in one report
  leakspy leaks app.leakspy                   Judge a recording
  leakspy leaks app.leakspy -f json           For programs
  leakspy leaks app.leakspy --fail-on likely  For tests: status 3 when something leaks
  leakspy leaks app.leakspy --exclude 'pandas/*' --suppressions known.supp
";

/// For `census`.
pub const CENSUS: &str = "\
Examples:
  sudo leakspy census -p 4711                     One snapshot: types by bytes
  sudo leakspy census -p 4711 -d 10m              A snapshot every 30 s for ten minutes: what grows
  sudo leakspy census -p 4711 --every 5m          Until Ctrl-C
  sudo leakspy census -p 4711 --pause --sessions  One moment, with the sessions of a server
  sudo leakspy census -p gunicorn --all           Every process of that name
  sudo leakspy census -p 4711 -f json | jq        For programs
";

/// For `who`.
pub const WHO: &str = "\
Examples:
  sudo leakspy who -p 4711 bokeh.document.document.Document     By type
  sudo leakspy who -p 4711 Document                             The same, by its last name
  sudo leakspy who -p 4711 0x7f21c40a5d90                       One object
  sudo leakspy who -p 4711 bokeh_app_3f0e --pause -o who.svg    A module; a picture for the browser
";

/// For `record`.
pub const RECORD: &str = "\
Examples:
  sudo leakspy record -p 4711                       Until Ctrl-C
  sudo leakspy record -p gunicorn -d 90s            The only process of that name
  sudo leakspy record -p 4711 -d 1h -o app.leakspy  Into this file
  sudo leakspy record -p 4711 --census 30s          With types of Python objects over time
  sudo leakspy record -p 4711 -p 4712 -o a.leakspy  Two at once: a.4711.leakspy and a.4712.leakspy
";

/// For `report`.
pub const REPORT: &str = "\
Examples:
  leakspy report app.leakspy                 Read it here
  leakspy report app.leakspy -o flame.svg    A flame graph for the browser
  leakspy report app.leakspy -o app.pb.gz    For pprof; x.speedscope.json for speedscope
  leakspy report app.leakspy -f json | jq    For programs
";

/// For `mark`.
pub const MARK: &str = "\
Examples:
  leakspy mark 'load test begins'                In the recording that runs here
  leakspy mark 'cache cleared' /var/app.leakspy  In this one
";

/// For `diff`.
pub const DIFF: &str = "\
Examples:
  leakspy diff monday.leakspy friday.leakspy           What grew from one recording to the other
  leakspy diff app.leakspy --from 10m --to 2h          What grew between two moments of one
  leakspy diff app.leakspy --from deploy               Since the moment that was marked deploy
  leakspy diff monday.leakspy friday.leakspy -o d.svg  A flame graph, red where it grew
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
pub fn for_command(command: &str) -> &'static str {
    match command {
        "leaks" => LEAKS,
        "census" => CENSUS,
        "who" => WHO,
        "record" => RECORD,
        "report" => REPORT,
        "mark" => MARK,
        "diff" => DIFF,
        "plot" => PLOT,
        "doctor" => DOCTOR,
        "completions" => COMPLETIONS,
        "man" => MAN,
        _ => MAIN,
    }
}
