//! Patterns over the references of a path.

use crate::judge::wildcard::Wildcard;

/// Stands for any references.
const ANY: &str = "…";

/// Whether a path begins so.
pub fn begins(pattern: &[&str], path: &[String]) -> bool {
    match pattern {
        [] => true,
        [ANY, rest @ ..] => (0..=path.len()).any(|skipped| begins(rest, &path[skipped..])),
        [first, rest @ ..] => match path {
            [step, steps @ ..] => fits(first, step) && begins(rest, steps),
            [] => false,
        },
    }
}

/// Whether it is somewhere on a path.
pub fn contains(pattern: &[&str], path: &[String]) -> bool {
    (0..path.len()).any(|start| begins(pattern, &path[start..]))
}

/// Whether a path ends so.
pub fn ends(pattern: &[&str], path: &[String]) -> bool {
    (0..path.len()).any(|start| is(pattern, &path[start..]))
}

/// Whether a path is so from its begin to its end.
fn is(pattern: &[&str], path: &[String]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [ANY, rest @ ..] => (0..=path.len()).any(|skipped| is(rest, &path[skipped..])),
        [first, rest @ ..] => match path {
            [step, steps @ ..] => fits(first, step) && is(rest, steps),
            [] => false,
        },
    }
}

/// Whether a text is so, where `*` stands for any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    match pattern.contains('*') {
        true => Wildcard::whole(pattern).matches(text),
        false => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(steps: &[&str]) -> Vec<String> {
        steps.iter().map(|step| (*step).to_owned()).collect()
    }

    #[test]
    fn an_ellipsis_is_any_references() {
        let steps = path(&["module m", ".a: A", ".b: B", ".c: list"]);
        assert!(ends(&[".b: B", ".c: list"], &steps) && !ends(&[".b: B"], &steps));
        assert!(ends(&["module m", "…", ".c: *"], &steps) && ends(&[".a: A", "…"], &steps));
        assert!(contains(&[".b: B"], &steps) && !contains(&[".a: A", ".c: list"], &steps));
        assert!(begins(&["module m", "…", ".c: list"], &steps) && !begins(&[".a: A"], &steps));
        assert!(!ends(&[".a: A"], &[]) && !contains(&["…"], &[]));
    }
}
