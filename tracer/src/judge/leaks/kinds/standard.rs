//! Kinds of the interpreter and its standard library.

use super::Row;
use super::Sign::{Along, From, Frozen, In, Named, Uncollected, With};
use crate::model::KnownKind;

pub const ROWS: &[Row] = &[
    Row {
        kind: KnownKind {
            code: "logger-per-job",
            says: "logging never forgets a logger: each name that getLogger was called with stays, with its handlers",
            so: "use one logger, and put the job into the message (LoggerAdapter, extra)",
            unless: None,
        },
        signs: &[In(&["*: logging.Manager", ".loggerDict: dict"])],
        example: &[
            "module logging",
            ".Logger: type (logging.Logger)",
            ".manager: logging.Manager",
            ".loggerDict: dict (400 items)",
            "['jobs.00005491']: logging.Logger",
            ".handlers: list (1 item)",
            "[0]: __main__.JobLog",
        ],
    },
    Row {
        kind: KnownKind {
            code: "handler-per-job",
            says: "handlers are added to a logger again and again and never removed",
            so: "add each once, at start; else removeHandler() and close() it when the job is done",
            unless: None,
        },
        signs: &[
            In(&["*: logging.*Logger", ".handlers: list"]),
            In(&["module logging", "._handler*: *", "…"]),
        ],
        example: &[
            "module concurrent.futures._base",
            ".LOGGER: logging.Logger",
            ".manager: logging.Manager",
            ".loggerDict: dict (4 items)",
            "['one']: logging.Logger",
            ".handlers: list (400 items)",
            "[0]: __main__.Handler",
        ],
    },
    Row {
        kind: KnownKind {
            code: "log-buffer",
            says: "a logging handler buffers records and does not write them",
            so: "give the MemoryHandler a capacity and a target",
            unless: Some("it is written before it is full: then it stops growing"),
        },
        signs: &[In(&["*: logging.*Handler", ".buffer: *"])],
        example: &[
            "module app",
            ".HANDLER: logging.handlers.MemoryHandler",
            ".buffer: list (400 items)",
            "[7]: logging.LogRecord",
        ],
    },
    Row {
        kind: KnownKind {
            code: "exception-reused",
            says: "one exception object is raised again and again: each time its __traceback__ gets longer, and keeps the \
                   frames with their local variables",
            so: "raise a new exception each time, or raise it .with_traceback(None)",
            unless: None,
        },
        // The traceback itself is what grows: those of exceptions in a container are as long as the calls are deep.
        signs: &[In(&[".__traceback__: traceback", "*tb_next × *: traceback"])],
        example: &[
            "module __main__",
            ".ONE: ValueError",
            ".__traceback__: traceback",
            ".tb_next × 799: traceback",
            ".tb_frame: frame (bad (kinds.py:41))",
            "local t: __main__.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "exceptions-kept",
            says: "exceptions are kept, and each keeps the frames that it came through with their local variables",
            so: "keep the text of the exception instead (traceback.format_exc()), or set its __traceback__ to None",
            unless: Some("only the last ones are kept, and their limit is not reached yet"),
        },
        signs: &[Along(&["*: traceback"])],
        example: &[
            "module __main__",
            ".ERRORS: list (400 items)",
            "[0]: ValueError",
            ".__traceback__: traceback",
            ".tb_next: traceback",
            ".tb_frame: frame (bad (kinds.py:35))",
            "local t: __main__.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "lru-cache-on-method",
            says: "functools.cache or lru_cache on a method keeps each object that it was called on",
            so: "use functools.cached_property if it takes no arguments, else a cache in the object itself",
            unless: Some("the same objects come again soon: then it stops growing"),
        },
        signs: &[
            In(&["*: type", "*: functools._lru_cache_wrapper", ".cache: dict"]),
            In(&["*: *Meta*", "*: functools._lru_cache_wrapper", ".cache: dict"]),
        ],
        example: &[
            "module __main__",
            ".Invoice: type (__main__.Invoice)",
            ".total: functools._lru_cache_wrapper",
            ".cache: dict (400 items)",
            "a key: tuple (2 items)",
            "[0]: __main__.Invoice",
        ],
    },
    Row {
        kind: KnownKind {
            code: "function-cache",
            says: "functools.cache or lru_cache keeps a result for each set of arguments that came",
            so: "give it a maxsize, and arguments that come again",
            unless: Some("the same arguments come again soon: then it stops growing"),
        },
        signs: &[In(&["*: functools._lru_cache_wrapper", ".cache: dict"])],
        example: &[
            "module app",
            ".price: functools._lru_cache_wrapper",
            ".cache: dict (400 items)",
            "a key: tuple (2 items)",
            "[0]: app.Order",
        ],
    },
    Row {
        kind: KnownKind {
            code: "queue-behind",
            says: "more is put into a queue than is taken out of it",
            so: "look whether its consumer still runs and is fast enough; give the queue a maxsize",
            unless: Some("its consumer catches up"),
        },
        signs: &[
            In(&["*: asyncio.queues.*", "._queue: *"]),
            In(&["*: queue.*", ".queue: *"]),
            In(&["*: multiprocessing.queues.*", "._buffer: *"]),
            Named("concurrent.futures.*_WorkItem"),
        ],
        example: &[
            "thread 16771 (MainThread), frame Runner.run (runners.py:86)",
            "local coro: coroutine (main (kinds.py:82))",
            "local q: asyncio.queues.Queue",
            "._queue: collections.deque (400 items)",
            "[0]: __main__.Event",
        ],
    },
    Row {
        kind: KnownKind {
            code: "sockets-open",
            says: "sockets stay open and registered with the event loop: their other ends do not close them, or nobody does",
            so: "close what is idle (timeouts, keep-alive limits), and each writer or client when its work is done",
            unless: Some("their clients are still connected"),
        },
        signs: &[In(&["._fd_to_key: dict"])],
        example: &[
            "thread 16771 (MainThread), frame BaseEventLoop._run_once (base_events.py:1845)",
            "local self: asyncio.unix_events._UnixSelectorEventLoop",
            "._selector: selectors.EpollSelector",
            "._fd_to_key: dict (400 items)",
            "[51]: selectors.SelectorKey (4 items)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "thread-local",
            says: "a thread-local variable keeps it as long as its thread lives, and those of a pool do not end",
            so: "clear it when the request is done",
            unless: Some("it is a cache with a limit that is not reached yet"),
        },
        signs: &[In(&["*.of threads: *", "…"])],
        example: &[
            "module __main__",
            ".local: _thread._local",
            ".of threads: dict (1 item)",
            "[<weakref.ReferenceType>]: dict (1 item)",
            "['items']: list (400 items)",
            "[399]: __main__.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "threads-unjoined",
            says: "threading keeps a lock for each thread that is no daemon and was not joined (CPython 3.8 to 3.12)",
            so: "join the threads, start them as daemons, or use a pool",
            unless: Some("these threads still run, and are joined later"),
        },
        signs: &[In(&["module threading", "._shutdown_locks: *"])],
        example: &[
            "module threading",
            "._shutdown_locks: set (400 items)",
            "a member: _thread.lock",
        ],
    },
    Row {
        kind: KnownKind {
            code: "threads-alive",
            says: "threads are started and do not end",
            so: "look what they wait for (py-spy dump, faulthandler), and end them; use a pool",
            unless: Some("these threads are still at work"),
        },
        signs: &[In(&["module threading", "._active: dict"]), With("threading.*Thread")],
        example: &["module threading", "._active: dict (400 items)", "[140]: threading.Thread"],
    },
    Row {
        kind: KnownKind {
            code: "server-threads",
            says: "socketserver keeps each thread that served a request until the server closes",
            so: "set daemon_threads, or block_on_close = False, on the server class",
            unless: None,
        },
        signs: &[In(&["*: *Server", "._threads: *"])],
        example: &[
            "module __main__",
            ".SERVER: http.server.ThreadingHTTPServer",
            "._threads: socketserver._Threads (400 items)",
            "[7]: threading.Thread",
        ],
    },
    Row {
        kind: KnownKind {
            code: "modules-per-request",
            says: "modules are made while requests are served, and sys.modules keeps them",
            so: "import once; take what is made for a request out of sys.modules again",
            unless: None,
        },
        signs: &[In(&["module sys", ".modules: dict"])],
        example: &["module sys", ".modules: dict (400 items)", "['job_17']: module (job_17)"],
    },
    Row {
        kind: KnownKind {
            code: "modules-imported",
            says: "modules are still imported for the first time, by what is used late",
            so: "watch until all is loaded: a leak goes on",
            unless: Some("all modules are loaded soon: then it stops growing"),
        },
        signs: &[Named("_frozen_importlib*")],
        example: &["_frozen_importlib.ModuleSpec"],
    },
    Row {
        kind: KnownKind {
            code: "code-per-request",
            says: "code is compiled while requests are served, and its source lines or code objects are kept",
            so: "compile once and keep the result by its text; linecache.clearcache() lets the lines go",
            unless: Some("the same code comes again soon: then it stops growing"),
        },
        signs: &[In(&["module linecache", ".cache: dict"]), Named("code")],
        example: &["module linecache", ".cache: dict (400 items)", "['<job 17>']: tuple (4 items)"],
    },
    Row {
        kind: KnownKind {
            code: "classes-per-request",
            says: "classes are made while requests are served (type, namedtuple, dataclass, create_model in a function)",
            so: "make each class once, at import, or keep it by what it is made from",
            unless: Some(
                "the same classes are wanted again soon, and found: then it stops growing",
            ),
        },
        signs: &[
            In(&["*.tp_subclasses: dict"]),
            Named("type"),
            Named("abc.ABCMeta"),
            Named("enum.Enum*"),
            Named("*.*Metaclass"),
            Named("*.Meta*"),
        ],
        example: &[
            "module app",
            ".Base: type (app.Base)",
            ".tp_subclasses: dict (400 items)",
            "[93988891153472]: weakref.ReferenceType",
        ],
    },
    Row {
        kind: KnownKind {
            code: "ctypes-types",
            says: "ctypes keeps each pointer and function type that was made",
            so: "make them once; arrays of varying length through create_string_buffer or POINTER(c_char) and a cast",
            unless: Some("the same types are wanted again soon: then it stops growing"),
        },
        signs: &[In(&["module *ctypes", "._*_cache: dict"])],
        example: &[
            "module _ctypes",
            "._pointer_type_cache: dict (400 items)",
            "[<_ctypes.PyCArrayType>]: _ctypes.PyCPointerType",
        ],
    },
    Row {
        kind: KnownKind {
            code: "warnings-remembered",
            says: "each text of a warning is remembered once it was shown",
            so: "take what varies (ids, times) out of the texts, or filter with the action \"always\" or \"ignore\"",
            unless: Some("the same texts come again soon: then it stops growing"),
        },
        signs: &[In(&["*.__warningregistry__: dict"])],
        example: &[
            "module app",
            ".__warningregistry__: dict (400 items)",
            "a key: tuple (3 items)",
        ],
    },
    Row {
        kind: KnownKind {
            code: "finalizers",
            says: "weakref.finalize keeps its function and arguments until the object that it watches is gone",
            so: "let the arguments not refer to the object itself; detach() what is done",
            unless: Some("the objects that they watch are still in use"),
        },
        signs: &[In(&["module weakref", ".finalize: type", "._registry: dict"])],
        example: &[
            "module weakref",
            ".finalize: type (weakref.finalize)",
            "._registry: dict (400 items)",
            "[<weakref.finalize>]: weakref.finalize._Info",
            ".args: tuple (1 item)",
            "[0]: app.Upload",
        ],
    },
    Row {
        kind: KnownKind {
            code: "exit-handlers",
            says: "functions are registered to be called at exit, and stay until then",
            so: "atexit.unregister() what is done, or register one function for all",
            unless: None,
        },
        signs: &[
            In(&["module atexit", "…"]),
            In(&["module multiprocessing.util", "._finalizer_registry: dict"]),
        ],
        example: &[
            "module atexit",
            "in a C structure of module, 3 hops: method",
            ".__self__: __main__.Job",
        ],
    },
    Row {
        kind: KnownKind {
            code: "context-variables",
            says: "a context keeps a value for each ContextVar that was set in it",
            so: "make ContextVars at import, never in a function; reset() the value when the request is done",
            unless: Some("the requests that set them still run"),
        },
        signs: &[
            In(&["*: *Context", ".variables: hamt", "…"]),
            Along(&["C code*: _contextvars.Context"]),
            Named("*ContextVar"),
            Named("*hamt*"),
        ],
        example: &[
            "thread 16771 (MainThread), frame Runner.run (runners.py:86)",
            "local context: _contextvars.Context",
            ".variables: hamt",
            ".root: hamt_array_node",
            "C field at 0x88 × 2: hamt_bitmap_node",
            "C field at 0x28: __main__.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "tasks-waiting",
            says: "asyncio tasks wait for something that does not come, and keep what their coroutines refer to",
            so: "cancel each task when what it serves is gone (a client that disconnects), or give what it awaits a timeout",
            unless: Some("the clients or jobs that these tasks serve are still there"),
        },
        signs: &[
            From(&["*", "*: *Task"]),
            In(&["module nicegui.background_tasks", ".running_tasks: *"]),
            In(&["module asyncio*", "._*tasks: *", "…"]),
            In(&["module _asyncio", "._*tasks: *", "…"]),
            Named("*asyncio*.Task"),
        ],
        example: &[
            "module nicegui.background_tasks",
            ".running_tasks: set (400 items)",
            "a member: _asyncio.Task",
            "._coro: coroutine (shop.<locals>.checkout (driver.py:24))",
            "local basket: cell",
            ".cell_contents: __main__.Basket",
        ],
    },
    Row {
        kind: KnownKind {
            code: "waiters",
            says: "tasks wait for an Event, Lock or Condition that nobody sets or releases",
            so: "wait with a timeout, and cancel who waits when what it serves is gone",
            unless: Some("what they wait for still comes"),
        },
        signs: &[
            In(&["*: asyncio.locks.*", "._waiters: *"]),
            In(&["*: threading.*", "._waiters: *"]),
        ],
        example: &[
            "thread 0x7f00baa11b80 (MainThread), frame run (bootstrap.py:369)",
            "local server: app.Server",
            ".ready: asyncio.locks.Event",
            "._waiters: collections.deque (400 items)",
            "[381]: _asyncio.Future",
        ],
    },
    Row {
        kind: KnownKind {
            code: "timers",
            says: "timers are scheduled and keep their arguments until they are due, cancelled ones often too",
            so: "schedule fewer (one timer that looks after all), with shorter delays",
            unless: Some("they are due later: then as many end as begin"),
        },
        signs: &[
            In(&["*: *EventLoop", "._scheduled: list"]),
            Named("*.TimerHandle"),
            Named("tornado.ioloop.*"),
        ],
        example: &[
            "thread 16771 (MainThread), frame BaseEventLoop._run_once (base_events.py:1845)",
            "local self: asyncio.unix_events._UnixSelectorEventLoop",
            "._scheduled: list (400 items)",
            "[2]: asyncio.events.TimerHandle",
            "._args: tuple (1 item)",
            "[0]: __main__.Request",
        ],
    },
    Row {
        kind: KnownKind {
            code: "garbage-saved",
            says: "the collector puts what it finds into gc.garbage",
            so: "take gc.set_debug(gc.DEBUG_SAVEALL) or gc.DEBUG_LEAK out",
            unless: None,
        },
        signs: &[In(&["module gc", ".garbage: list"])],
        example: &["module gc", ".garbage: list (400 items)", "[0]: __main__.Node"],
    },
    Row {
        kind: KnownKind {
            code: "collection-frozen",
            says: "gc.freeze() is called again and again, and what is in reference cycles at such a moment is never freed",
            so: "call gc.freeze() once, at the end of start-up and after gc.collect(); or gc.unfreeze() before gc.collect()",
            unless: None,
        },
        signs: &[Frozen],
        example: &["__main__.Node"],
    },
    Row {
        kind: KnownKind {
            code: "collection-off",
            says: "automatic garbage collection is switched off, so objects in reference cycles are never freed",
            so: "look for gc.disable() and gc.set_threshold() and take them out; or call gc.collect() now and then",
            unless: None,
        },
        signs: &[Uncollected],
        example: &["__main__.Node"],
    },
    Row {
        kind: KnownKind {
            code: "garbage-waits",
            says: "these objects are garbage in reference cycles, and the collector did not come yet",
            so: "look for gc.disable(), gc.freeze() and a raised gc.set_threshold(); gc.collect() frees them",
            unless: None,
        },
        signs: &[Along(&["garbage that waits for the collector*"])],
        example: &[
            "garbage that waits for the collector: __main__.Node at 0x7fcd885502b0",
            ".me: __main__.Node",
        ],
    },
    Row {
        kind: KnownKind {
            code: "children-waiting",
            says: "child processes are started and not waited for",
            so: "call wait() or communicate(), or use subprocess.run",
            unless: Some("these processes still run"),
        },
        signs: &[In(&["module subprocess", "._active: list"]), Named("subprocess.Popen")],
        example: &["module subprocess", "._active: list (400 items)", "[7]: subprocess.Popen"],
    },
];
