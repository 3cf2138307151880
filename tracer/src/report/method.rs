//! Ways to attach probes, in words.

use crate::model::AttachMethod;

/// A way to attach probes.
pub const fn method(method: AttachMethod) -> &'static str {
    match method {
        AttachMethod::Session => "uprobe session links",
        AttachMethod::Multi => "uprobe multi links",
        AttachMethod::Perf => "perf events",
        AttachMethod::Trace => "trace events",
    }
}

/// Which kernels have a way to attach.
pub const fn kernel_with(method: AttachMethod) -> &'static str {
    match method {
        AttachMethod::Session => "a kernel from 6.13 on has it; without it returns cost more",
        AttachMethod::Multi => "a kernel from 6.10 on has it",
        AttachMethod::Perf => "a kernel from 5.15 on with perf events has it",
        AttachMethod::Trace => "a kernel from 5.15 on with uprobe events has it",
    }
}
