//! Patterns over the references of a path.

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
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(begin) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        // The last part is at the end, others are where they come first.
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(steps: &[&str]) -> Vec<String> {
        steps.iter().map(|step| (*step).to_owned()).collect()
    }

    #[test]
    fn a_star_is_any_text() {
        assert!(fits(".a: dict", ".a: dict") && !fits(".a: dict", ".a: dicts"));
        assert!(fits("*: dict", ".a: dict") && fits(".*callbacks: *", "._event_callbacks: list"));
        assert!(fits("*: logging.*Logger", ".root: logging.RootLogger"));
        assert!(!fits("a*a", "a") && fits("a*a", "aa") && fits("a*b*c", "abbc"));
        assert!(!fits("a*b*c", "acb") && fits("*", ""));
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

    proptest! {
        #[test]
        fn what_is_cut_out_of_a_text_fits(begin in ".{0,9}", middle in ".{0,9}", end in ".{0,9}") {
            prop_assume!(!begin.contains('*') && !end.contains('*'));
            let text = format!("{begin}{middle}{end}");
            let pattern = format!("{begin}*{end}");
            prop_assert!(fits(&pattern, &text));
        }
    }
}
