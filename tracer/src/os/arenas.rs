//! How our own malloc deals out memory.

/// glibc gives every thread an arena of its own, up to eight for each processor, and keeps what is
/// freed in each of them. Work here moves from thread to thread, so that all arenas grow to the
/// size of the largest piece of work; two are enough for what runs at once.
const MOST: libc::c_int = 2;

/// Before the first thread is started.
#[cfg(target_env = "gnu")]
pub fn limit() {
    // SAFETY: takes two numbers and keeps them; no other thread is inside malloc yet. What it
    // returns says whether the number was believed; when not, all is as it was.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, MOST) };
}

/// Other C libraries have no arenas for each thread.
#[cfg(not(target_env = "gnu"))]
pub fn limit() {}
