//! Which native frames are runtime frames, the interpreter's own: they lead from one Python
//! function to the next, or from the start of a thread to the first. Reports hide them by default.
//!
//! Only glue counts as runtime frames. A function that does something for its caller
//! (`PyList_Append`, `dict_resize`, `PyBytes_FromStringAndSize`) is what a user wants to see above
//! an allocation.

/// Where a name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// In the interpreter's module only.
    Interpreter,
    /// In any module: code that starts processes and threads.
    Anywhere,
}

/// How a name matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Exact,
    Prefix,
}

use Match::{Exact, Prefix};
use Scope::{Anywhere, Interpreter};

/// One row per name or family of names. CPython 3.6 to 3.15.
#[rustfmt::skip]
const RUNTIME_FRAMES: &[(&str, Match, Scope)] = &[
    // The evaluation loop and its entries (Python/ceval.c).
    ("_PyEval_",                       Prefix, Interpreter),
    ("PyEval_EvalCode",                Prefix, Interpreter),
    ("PyEval_EvalFrame",               Prefix, Interpreter),
    ("PyEval_Call",                    Prefix, Interpreter),
    ("_TAIL_CALL_",                    Prefix, Interpreter),
    ("_PyFunction_",                   Prefix, Interpreter),
    ("function_code_fastcall",         Exact,  Interpreter),
    ("fast_function",                  Exact,  Interpreter),
    ("call_function",                  Exact,  Interpreter),
    ("do_call_core",                   Exact,  Interpreter),
    ("do_call",                        Exact,  Interpreter),
    ("trace_call_function",            Exact,  Interpreter),
    ("eval_frame_handle_pending",      Exact,  Interpreter),
    // Calls (Objects/call.c).
    ("PyObject_Call",                  Prefix, Interpreter),
    ("PyObject_Vectorcall",            Prefix, Interpreter),
    ("_PyObject_Call",                 Prefix, Interpreter),
    ("_PyObject_FastCall",             Prefix, Interpreter),
    ("_PyObject_Vectorcall",           Prefix, Interpreter),
    ("_PyObject_MakeTpCall",           Exact,  Interpreter),
    ("PyVectorcall_",                  Prefix, Interpreter),
    ("_PyVectorcall_",                 Prefix, Interpreter),
    ("_PyStack_",                      Prefix, Interpreter),
    ("PyCFunction_Call",               Prefix, Interpreter),
    ("_PyCFunction_",                  Prefix, Interpreter),
    ("_PyMethodDef_",                  Prefix, Interpreter),
    ("_PyMethodDescr_",                Prefix, Interpreter),
    ("PyFunction_Call",                Exact,  Interpreter),
    ("function_call",                  Exact,  Interpreter),
    ("object_vacall",                  Exact,  Interpreter),
    ("vectorcall_method",              Exact,  Interpreter),
    ("cfunction_vectorcall",           Prefix, Interpreter),
    ("cfunction_call",                 Prefix, Interpreter),
    ("method_vectorcall",              Prefix, Interpreter),
    ("methoddescr_call",               Exact,  Interpreter),
    ("method_call",                    Exact,  Interpreter),
    ("instancemethod_call",            Exact,  Interpreter),
    ("classmethoddescr_call",          Exact,  Interpreter),
    ("wrapperdescr_",                  Prefix, Interpreter),
    ("wrapper_call",                   Exact,  Interpreter),
    // Slots that lead back into Python (Objects/typeobject.c).
    ("slot_",                          Prefix, Interpreter),
    ("call_method",                    Exact,  Interpreter),
    ("call_unbound",                   Prefix, Interpreter),
    ("vectorcall_unbound",             Exact,  Interpreter),
    ("vectorcall_maybe",               Exact,  Interpreter),
    ("lookup_maybe_method",            Exact,  Interpreter),
    ("type_call",                      Exact,  Interpreter),
    ("type_vectorcall",                Exact,  Interpreter),
    // Generators and coroutines (Objects/genobject.c).
    ("gen_send",                       Prefix, Interpreter),
    ("gen_iternext",                   Exact,  Interpreter),
    ("_gen_throw",                     Exact,  Interpreter),
    ("_PyGen_Send",                    Exact,  Interpreter),
    ("PyIter_Send",                    Exact,  Interpreter),
    // The main program and threads (Modules/main.c, Python/pythonrun.c, Modules/_threadmodule.c).
    ("main",                           Exact,  Interpreter),
    ("Py_Main",                        Exact,  Interpreter),
    ("Py_BytesMain",                   Exact,  Interpreter),
    ("Py_RunMain",                     Exact,  Interpreter),
    ("_Py_UnixMain",                   Exact,  Interpreter),
    ("pymain_",                        Prefix, Interpreter),
    ("PyRun_",                         Prefix, Interpreter),
    ("_PyRun_",                        Prefix, Interpreter),
    ("run_mod",                        Exact,  Interpreter),
    ("run_eval_code_obj",              Exact,  Interpreter),
    ("pyrun_",                         Prefix, Interpreter),
    ("run_file",                       Exact,  Interpreter),
    ("run_command",                    Exact,  Interpreter),
    ("builtin_exec",                   Prefix, Interpreter),
    ("t_bootstrap",                    Exact,  Interpreter),
    ("thread_run",                     Exact,  Interpreter),
    ("pythread_wrapper",               Exact,  Interpreter),
    ("_start",                         Exact,  Anywhere),
    ("__libc_start_",                  Prefix, Anywhere),
    ("libc_start_main_",               Prefix, Anywhere),
    ("generic_start_main",             Prefix, Anywhere),
    ("start_thread",                   Exact,  Anywhere),
    ("clone",                          Exact,  Anywhere),
    ("__clone",                        Exact,  Anywhere),
    ("clone3",                         Exact,  Anywhere),
    ("__clone3",                       Exact,  Anywhere),
];

/// Whether a function is a runtime frame. `function` may carry the suffixes of split or cloned
/// functions.
pub fn is_runtime_frame(function: &str, in_interpreter: bool) -> bool {
    let name = base_name(function);
    RUNTIME_FRAMES.iter().any(|(row, by, scope)| {
        let matches = match by {
            Exact => name == *row,
            Prefix => name.starts_with(row),
        };
        matches && (in_interpreter || *scope == Anywhere)
    })
}

/// Whether a function is where a process or thread starts, so that nothing lies further out.
pub fn is_thread_start(function: &str) -> bool {
    is_runtime_frame(function, false)
}

/// The name without what compilers append to parts and clones: `gen_send_ex.isra.0`, `main.cold`.
fn base_name(function: &str) -> &str {
    function.split_once('.').map_or(function, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glue_is_runtime_in_the_interpreter_only() {
        for glue in [
            "_PyEval_EvalFrameDefault",
            "_PyEval_EvalFrameDefault.cold",
            "_PyFunction_Vectorcall",
            "method_vectorcall_FASTCALL_KEYWORDS",
            "cfunction_vectorcall_O",
            "_PyObject_MakeTpCall",
            "PyObject_CallMethodObjArgs",
            "slot_tp_init",
            "gen_send_ex.isra.0",
            "pymain_run_file",
        ] {
            assert!(is_runtime_frame(glue, true), "{glue}");
            assert!(!is_runtime_frame(glue, false), "{glue} of another module");
        }
    }

    #[test]
    fn starts_are_runtime_frames_everywhere() {
        for start in ["_start", "__libc_start_main_impl", "__libc_start_call_main", "clone3"] {
            assert!(is_runtime_frame(start, false), "{start}");
            assert!(is_thread_start(start), "{start}");
        }
    }

    #[test]
    fn functions_that_work_for_their_caller_are_not() {
        for function in [
            "PyList_Append",
            "dict_resize",
            "PyBytes_FromStringAndSize",
            "list_sort_impl",
            "PyObject_Malloc",
            "_PyObject_GC_New",
            "PyType_GenericAlloc",
            "builtin_sorted",
            "import_find_and_load",
        ] {
            assert!(!is_runtime_frame(function, true), "{function}");
        }
    }
}
