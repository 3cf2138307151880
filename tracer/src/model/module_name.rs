//! Names of modules that are made for each session.

/// Hexadecimal digits that are no word any more.
const ID: usize = 16;

/// The name of a module without what only tells it from others of its kind: Bokeh runs each session
/// in a module of its own, `bokeh_app_` and 32 hexadecimal digits, so that the same class has a new
/// name in each. Runs of so many digits become `*`.
pub fn without_ids(module: &str) -> String {
    let mut kept = String::new();
    let mut rest = module;
    while let Some(start) = rest.find(|c: char| c.is_ascii_hexdigit()) {
        let (before, run) = rest.split_at(start);
        let end = run.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(run.len());
        let (run, after) = run.split_at(end);
        kept.push_str(before);
        let is_id = run.len() >= ID && run.bytes().any(|byte| byte.is_ascii_digit());
        kept.push_str(if is_id { "*" } else { run });
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_sessions_are_one_kind() {
        assert_eq!(without_ids("bokeh_app_f0573807021b447e807385618da0a57e"), "bokeh_app_*");
        assert_eq!(without_ids("bokeh_app_f0573807021b447e807385618da0a57e.a"), "bokeh_app_*.a");
        for same in ["holoviews.streams", "decade", "a1b2c3", "x.deadbeefdeadbeefdeadbeef", ""] {
            assert_eq!(without_ids(same), same);
        }
    }
}
