//! C structs that tell nobody where their references are: one plain row for each, or for each span of
//! minor versions between which it changed.
//!
//! The offsets were measured in every version from 3.8 to 3.15 (x86-64, GIL builds): objects were made,
//! and the words in them compared with what Python says that they hold. A row needs to have only what
//! a type does not publish in its `tp_members`, nor as its `__dict__`.

use super::FieldAt;

/// What instances of some C types own.
struct CStruct {
    /// Their `tp_name`s.
    names: &'static [&'static str],
    /// First and last minor version.
    minors: (u8, u8),
    /// The references.
    fields: &'static [FieldAt],
    /// Whether there are no others.
    whole: bool,
}

/// References of the instances of the C type of a name, and whether there are no others.
pub fn c_struct(name: &str, minor: u8) -> Option<(&'static [FieldAt], bool)> {
    let fits = |row: &&CStruct| {
        (row.minors.0..=row.minors.1).contains(&minor) && row.names.contains(&name)
    };
    STRUCTS.iter().find(fits).map(|row| (row.fields, row.whole))
}

/// All that the instances have, in every version.
const fn whole(names: &'static [&'static str], fields: &'static [FieldAt]) -> CStruct {
    CStruct { names, minors: (0, u8::MAX), fields, whole: true }
}

/// What the instances have in every version; there may be more.
const fn part(names: &'static [&'static str], fields: &'static [FieldAt]) -> CStruct {
    CStruct { names, minors: (0, u8::MAX), fields, whole: false }
}

/// From a minor version to another.
const fn between(first: u8, last: u8, row: CStruct) -> CStruct {
    CStruct { minors: (first, last), ..row }
}

const STRUCTS: &[CStruct] = &[
    // `Include/cpython/pyerrors.h`
    between(
        0,
        10,
        whole(
            &["BaseException"],
            &[("args", 24), ("__traceback__", 32), ("__context__", 40), ("__cause__", 48)],
        ),
    ),
    between(
        11,
        u8::MAX,
        whole(
            &["BaseException"],
            &[
                ("args", 24),
                ("__notes__", 32),
                ("__traceback__", 40),
                ("__context__", 48),
                ("__cause__", 56),
            ],
        ),
    ),
    // `Include/cpython/traceback.h`
    whole(&["traceback"], &[("tb_next", 16), ("tb_frame", 24)]),
    // `Objects/descrobject.c`
    whole(&["method-wrapper"], &[("__objclass__", 16), ("__self__", 24)]),
    part(
        &[
            "method_descriptor",
            "classmethod_descriptor",
            "member_descriptor",
            "getset_descriptor",
            "wrapper_descriptor",
        ],
        &[("__qualname__", 32)],
    ),
    // `Modules/_functoolsmodule.c`; the links of the list belong to the cache.
    between(
        0,
        9,
        whole(
            &["functools._lru_cache_wrapper"],
            &[("cache", 72), ("__wrapped__", 88), ("cache_info_type", 112)],
        ),
    ),
    between(
        10,
        u8::MAX,
        whole(
            &["functools._lru_cache_wrapper"],
            &[
                ("cache", 72),
                ("__wrapped__", 88),
                ("kwd_mark", 112),
                ("lru_list_elem_type", 120),
                ("cache_info_type", 128),
            ],
        ),
    ),
    whole(&["functools._lru_list_elem"], &[("key", 40), ("result", 48)]),
    // `Modules/_asynciomodule.c`
    between(
        0,
        8,
        part(
            FUTURES,
            &[
                LOOP,
                CALLBACK,
                CONTEXT,
                CALLBACKS,
                EXCEPTION,
                ("_result", 56),
                ("_source_traceback", 64),
            ],
        ),
    ),
    between(
        9,
        9,
        part(
            FUTURES,
            &[
                LOOP,
                CALLBACK,
                CONTEXT,
                CALLBACKS,
                EXCEPTION,
                ("_result", 56),
                ("_source_traceback", 64),
                ("_cancel_message", 72),
            ],
        ),
    ),
    between(
        10,
        u8::MAX,
        part(
            FUTURES,
            &[
                LOOP,
                CALLBACK,
                CONTEXT,
                CALLBACKS,
                EXCEPTION,
                ("_exception.__traceback__", 56),
                ("_result", 64),
                ("_source_traceback", 72),
                ("_cancel_message", 80),
            ],
        ),
    ),
    between(
        0,
        8,
        part(TASKS, &[("_fut_waiter", 104), ("_coro", 112), ("name", 120), ("_context", 128)]),
    ),
    between(
        9,
        9,
        part(TASKS, &[("_fut_waiter", 144), ("_coro", 152), ("name", 160), ("_context", 168)]),
    ),
    between(
        10,
        10,
        part(TASKS, &[("_fut_waiter", 152), ("_coro", 160), ("name", 168), ("_context", 176)]),
    ),
    between(
        11,
        12,
        part(TASKS, &[("_fut_waiter", 128), ("_coro", 136), ("name", 144), ("_context", 152)]),
    ),
    between(
        13,
        13,
        part(TASKS, &[("_fut_waiter", 112), ("_coro", 120), ("name", 128), ("_context", 136)]),
    ),
    between(
        14,
        u8::MAX,
        part(TASKS, &[("_fut_waiter", 120), ("_coro", 128), ("name", 136), ("_context", 144)]),
    ),
    part(&["_asyncio.FutureIter"], &[("future", 16)]),
    // `Objects/genobject.c`
    part(&["coroutine_wrapper"], &[("cw_coroutine", 16)]),
    part(&["async_generator_asend"], &[("ags_gen", 16), ("ags_sendval", 24)]),
    part(&["async_generator_athrow"], &[("agt_gen", 16), ("agt_arguments", 24)]),
    whole(&["async_generator_wrapped_value"], &[("agw_val", 16)]),
    // `Modules/_sre`
    part(&["re.Pattern"], &[("groupindex", 32), ("indexgroup", 40), ("pattern", 48)]),
    part(&["re.Match"], &[("string", 24), ("regs", 32), ("re", 40)]),
    part(&["_sre.SRE_Scanner"], &[("pattern", 16)]),
    // `Modules/_ssl.c`
    part(&["_ssl._SSLContext"], &[("sni_callback", 40), ("_msg_callback", 64)]),
    part(
        &["_ssl._SSLSocket"],
        &[("_socket", 16), ("context", 32), ("owner", 48), ("server_hostname", 56)],
    ),
    // `Python/context.c`, `Python/hamt.c`
    part(CONTEXT_VARIABLES, &[("name", 16), ("default", 24)]),
    part(&["Context", "_contextvars.Context"], &[("parent", 16), ("variables", 24)]),
    whole(&["Token", "_contextvars.Token"], &[("context", 16), ("var", 24), ("old_value", 32)]),
    part(&["hamt"], &[("root", 16)]),
    // `Modules/_threadmodule.c`
    between(0, 12, part(&["_thread._local"], &[("args", 24), ("kwargs", 32), ("of threads", 48)])),
    between(
        13,
        u8::MAX,
        part(&["_thread._local"], &[("args", 16), ("kwargs", 24), ("of threads", 40)]),
    ),
    // `Modules/_queuemodule.c`
    between(0, 12, part(&["_queue.SimpleQueue"], &[("items", 32)])),
    // `Modules/_operator.c`
    part(&["operator.itemgetter"], &[("items", 24)]),
    part(&["operator.attrgetter"], &[("attributes", 24)]),
    // `Objects/memoryobject.c`
    part(&["memoryview"], &[("managedbuffer", 24)]),
    part(&["managedbuffer"], &[("obj", 40)]),
    part(&["_io.BytesIO"], &[("buffer", 16)]),
    // Iterators: `Objects/*object.c`, `Python/bltinmodule.c`
    whole(
        &[
            "iterator",
            "list_iterator",
            "list_reverseiterator",
            "tuple_iterator",
            "str_iterator",
            "str_ascii_iterator",
            "bytes_iterator",
            "bytearray_iterator",
            "reversed",
        ],
        &[("seq", 24)],
    ),
    whole(&["callable_iterator"], &[("callable", 16), ("sentinel", 24)]),
    whole(
        &[
            "dict_keyiterator",
            "dict_valueiterator",
            "dict_itemiterator",
            "dict_reversekeyiterator",
            "dict_reversevalueiterator",
            "dict_reverseitemiterator",
        ],
        &[("dict", 16), ("result", 40)],
    ),
    whole(&["dict_keys", "dict_values", "dict_items"], &[("mapping", 16)]),
    whole(&["set_iterator"], &[("set", 16)]),
    part(&["enumerate"], &[("iterator", 24), ("result", 32), ("index", 40)]),
    part(&["zip"], &[("iterators", 24), ("result", 32)]),
    part(&["map"], &[("iterators", 16), ("function", 24)]),
    whole(&["filter"], &[("function", 16), ("iterator", 24)]),
    part(&["_collections._deque_iterator", "collections._deque_iterator"], &[("deque", 32)]),
    part(
        &["_collections._deque_reverse_iterator", "collections._deque_reverse_iterator"],
        &[("deque", 32)],
    ),
    // `Modules/itertoolsmodule.c`
    whole(&["itertools.chain"], &[("source", 16), ("active", 24)]),
    part(&["itertools.islice", "itertools.batched"], &[("iterator", 16)]),
    whole(&["itertools.count"], &[("count", 24), ("step", 32)]),
    part(&["itertools.cycle"], &[("iterator", 16), ("saved", 24)]),
    whole(&["itertools.repeat"], &[("element", 16)]),
    part(
        &[
            "itertools.starmap",
            "itertools.takewhile",
            "itertools.dropwhile",
            "itertools.filterfalse",
        ],
        &[("function", 16), ("iterator", 24)],
    ),
    whole(
        &["itertools.groupby"],
        &[("iterator", 16), ("key_function", 24), ("target_key", 32), ("key", 40), ("value", 48)],
    ),
    whole(&["itertools._grouper"], &[("parent", 16), ("target_key", 24)]),
    part(&["itertools._tee"], &[("data", 16)]),
    part(&["itertools._tee_dataobject"], &[("iterator", 16), ("next", 32)]),
    whole(
        &["itertools.accumulate"],
        &[("total", 16), ("iterator", 24), ("function", 32), ("initial", 40)],
    ),
    part(&["itertools.product"], &[("pools", 16), ("result", 32)]),
    part(&["itertools.permutations"], &[("pool", 16), ("result", 40)]),
    part(
        &["itertools.combinations", "itertools.combinations_with_replacement"],
        &[("pool", 16), ("result", 32)],
    ),
    whole(&["itertools.zip_longest"], &[("iterators", 32), ("result", 40), ("fillvalue", 48)]),
    whole(&["itertools.compress"], &[("data", 16), ("selectors", 24)]),
    part(&["itertools.pairwise"], &[("iterator", 16), ("old", 24)]),
];

const FUTURES: &[&str] = &["_asyncio.Future"];
const TASKS: &[&str] = &["_asyncio.Task"];
const CONTEXT_VARIABLES: &[&str] = &["ContextVar", "_contextvars.ContextVar"];
const LOOP: FieldAt = ("_loop", 16);
const CALLBACK: FieldAt = ("_callback", 24);
const CONTEXT: FieldAt = ("_callback.context", 32);
const CALLBACKS: FieldAt = ("_callbacks", 40);
const EXCEPTION: FieldAt = ("_exception", 48);

#[cfg(test)]
mod tests {
    use super::*;

    /// One row for each type and version, and each word once.
    #[test]
    fn rows_do_not_contradict_each_other() {
        for minor in 8..=15 {
            let of_minor = |row: &&CStruct| (row.minors.0..=row.minors.1).contains(&minor);
            let mut names: Vec<&str> =
                STRUCTS.iter().filter(of_minor).flat_map(|row| row.names).copied().collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "3.{minor}");
            for name in names {
                let (fields, _) = c_struct(name, minor).unwrap();
                assert!(fields.is_sorted_by(|a, b| a.1 < b.1), "{name}");
                assert!(fields.iter().all(|field| field.1 >= 16 && field.1 % 8 == 0), "{name}");
            }
        }
        assert_eq!(c_struct("BaseException", 8).unwrap().0[1], ("__traceback__", 32));
        assert_eq!(c_struct("BaseException", 15).unwrap().0[2], ("__traceback__", 40));
        assert!(c_struct("app.Model", 12).is_none());
    }
}
