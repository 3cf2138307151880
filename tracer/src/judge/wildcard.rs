//! Texts with gaps: `*` stands for anything.

/// Parts of a text in this order, with anything between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard {
    from_start: bool,
    to_end: bool,
    parts: Vec<String>,
}

impl Wildcard {
    /// A whole text: `.handlers: *`.
    pub fn whole(text: &str) -> Self {
        Self::new(text, true, true)
    }

    /// A part of one; `^` stands for its beginning and `$` for its end (compiler-rt,
    /// `sanitizer_common/sanitizer_common.cpp`, `TemplateMatch`).
    pub fn part(text: &str) -> Self {
        let (from_start, text) = text.strip_prefix('^').map_or((false, text), |rest| (true, rest));
        let (to_end, text) = text.strip_suffix('$').map_or((false, text), |rest| (true, rest));
        match text {
            // `^$` is no more than nothing.
            "" => Self::new(text, false, false),
            _ => Self::new(text, from_start, to_end),
        }
    }

    fn new(text: &str, from_start: bool, to_end: bool) -> Self {
        let mut parts: Vec<String> = text.split('*').map(str::to_owned).collect();
        // `^*a` is no more than `a`, and `a*$` no more than `a`.
        let is_bound = |part: Option<&String>| part.is_some_and(|part| !part.is_empty());
        let from_start = from_start && (parts.len() == 1 || is_bound(parts.first()));
        let to_end = to_end && (parts.len() == 1 || is_bound(parts.last()));
        if parts.len() > 1 || !from_start {
            parts.retain(|part| !part.is_empty());
        }
        Self { from_start, to_end, parts }
    }

    /// Each part as early as possible, the last one at the end if it must be there: if any way
    /// fits, this one does.
    pub fn matches(&self, text: &str) -> bool {
        let Some((last, before)) = self.parts.split_last() else { return true };
        let mut rest = text;
        for (index, part) in before.iter().enumerate() {
            match find(rest, part, self.from_start && index == 0) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        let at_start = self.from_start && before.is_empty();
        match self.to_end {
            true if at_start => rest == last,
            true => rest.ends_with(last.as_str()),
            false => find(rest, last, at_start).is_some(),
        }
    }
}

/// What comes after `part` in `text`.
fn find<'a>(text: &'a str, part: &str, at_start: bool) -> Option<&'a str> {
    match at_start {
        true => text.strip_prefix(part),
        false => text.split_once(part).map(|(_, after)| after),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is(pattern: &str, text: &str) -> bool {
        Wildcard::whole(pattern).matches(text)
    }

    #[test]
    fn whole_texts_are_compared() {
        assert!(is(".a: dict", ".a: dict") && !is(".a: dict", ".a: dicts"));
        assert!(is("*: dict", ".a: dict") && is(".*callbacks: *", "._event_callbacks: list"));
        assert!(is("*: logging.*Logger", ".root: logging.RootLogger"));
        assert!(!is("a*a", "a") && is("a*a", "aa") && is("a*b*c", "abbc"));
        assert!(!is("a*b*c", "acb") && is("*", "") && is("", "") && !is("", "a"));
    }

    #[test]
    fn parts_are_those_of_leak_sanitizer() {
        let matches = |pattern: &str, name: &str| Wildcard::part(pattern).matches(name);
        for (pattern, name) in [
            ("keep", "Cache.keep_all"),
            ("^Cache", "Cache.keep"),
            ("keep$", "Cache.keep"),
            ("^Cache.keep$", "Cache.keep"),
            ("Ca*ep", "Cache.keep"),
            ("^/srv/*.py$", "/srv/app/main.py"),
            ("*", "anything"),
            ("^*keep", "Cache.keep"),
            ("a*$", "banana"),
            ("ana$", "banana"),
            ("^b*ana$", "banana"),
            ("^$", "anything"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("^keep", "Cache.keep"),
            ("Cache$", "Cache.keep"),
            ("^Cache$", "Cache.keep"),
            ("ep*Ca", "Cache.keep"),
            ("^anan*nana$", "banana"),
            ("Keep", "keep"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    proptest! {
        #[test]
        fn what_is_cut_out_of_a_text_fits(begin in ".{0,9}", middle in ".{0,9}", end in ".{0,9}") {
            prop_assume!(!begin.contains('*') && !end.contains('*'));
            let text = format!("{begin}{middle}{end}");
            let pattern = format!("{begin}*{end}");
            prop_assert!(is(&pattern, &text));
        }

        /// A name with anything put between its parts still matches.
        #[test]
        fn stars_stand_for_anything(parts in prop::collection::vec("[a-c]{1,3}", 1..4), between in "[a-c]{0,4}") {
            let pattern = format!("^{}$", parts.join("*"));
            prop_assert!(Wildcard::part(&pattern).matches(&parts.join(&between)));
        }
    }
}
