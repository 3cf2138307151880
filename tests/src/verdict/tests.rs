//! The comparison itself must be able to fail: each test changes one thing in a report that agrees.

use serde_json::{Value, json};

use super::*;

fn frame(function: &str, line: u32) -> Value {
    json!({"kind": "python", "function": function, "file": "/srv/app.py", "line": line, "module": null})
}

fn site(frames: &[(&str, u32)], count: u64) -> Value {
    let mut stack: Vec<Value> =
        frames.iter().map(|(function, line)| frame(function, *line)).collect();
    stack.insert(
        1,
        json!({"kind": "native", "function": "sorted", "file": null, "line": null, "module": "x"}),
    );
    json!({
        "live_bytes": 10_033 * count, "live_count": count, "allocated_bytes": 10_033 * count, "allocated_count": count,
        "size_class": 16384, "domain": "malloc", "allocator": "calloc", "stack": stack, "notes": [],
    })
}

fn report(sites: Value) -> Report {
    let value = json!({"schema": 1, "target": {}, "capture": {}, "losses": {}, "sites": sites});
    serde_json::from_value(value).unwrap()
}

fn truth(frames: &[(&str, u32)], count: u64) -> Truth {
    let frames: Vec<Value> = frames.iter().map(|(function, line)| frame(function, *line)).collect();
    let one =
        json!({"frames": frames, "block_bytes": 10_033, "count": count, "bytes": 10_033 * count});
    serde_json::from_value(json!({"expect": [one], "facts": {}, "witness": null})).unwrap()
}

const STACK: [(&str, u32); 3] = [("<module>", 9), ("serve", 5), ("keep", 12)];

#[test]
fn the_same_stack_and_amount_agree() {
    agrees(&truth(&STACK, 10), &report(json!([site(&STACK, 10)]))).unwrap();
}

/// The same Python stack over different native paths is several sites.
#[test]
fn amounts_of_one_stack_are_added() {
    agrees(&truth(&STACK, 10), &report(json!([site(&STACK, 4), site(&STACK, 6)]))).unwrap();
}

#[test]
fn one_block_too_few_or_too_many_is_found() {
    for count in [0, 9, 11] {
        agrees(&truth(&STACK, 10), &report(json!([site(&STACK, count)]))).unwrap_err();
    }
}

#[test]
fn a_wrong_line_is_found_in_every_frame() {
    for index in 0..STACK.len() {
        let mut wrong = STACK;
        wrong[index].1 += 1;
        agrees(&truth(&STACK, 10), &report(json!([site(&wrong, 10)]))).unwrap_err();
    }
}

#[test]
fn a_missing_or_doubled_frame_is_found() {
    let wrong = [STACK[0], STACK[2]];
    agrees(&truth(&STACK, 10), &report(json!([site(&wrong, 10)]))).unwrap_err();
    let wrong = [STACK[0], STACK[1], STACK[1], STACK[2]];
    agrees(&truth(&STACK, 10), &report(json!([site(&wrong, 10)]))).unwrap_err();
}

/// All expected blocks are there, and beside them a stack with the same leaf that never was.
#[test]
fn an_invented_stack_is_found() {
    let invented = [STACK[0], ("other", 7), STACK[2]];
    let sites = json!([site(&STACK, 10), site(&invented, 1)]);
    agrees(&truth(&STACK, 10), &report(sites)).unwrap_err();
}

#[test]
fn truncated_stacks_must_be_the_innermost_and_say_so() {
    let deep: Vec<(&str, u32)> = (1..=200).map(|line| ("descend", line)).collect();
    let truth = truth(&deep, 1);
    let mut kept = site(&deep[80..], 1);
    agrees_truncated(&truth, &report(json!([kept.clone()]))).unwrap_err();
    kept["notes"] = json!(["The outermost frames are missing."]);
    agrees_truncated(&truth, &report(json!([kept]))).unwrap();
    let mut outermost = site(&deep[..120], 1);
    outermost["notes"] = json!(["The innermost frames are missing."]);
    agrees_truncated(&truth, &report(json!([outermost]))).unwrap_err();
}
