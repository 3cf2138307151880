//! Names come from the target and are hostile: one function per medium makes them harmless.
//!
//! What cannot be shown is shown as its code, `\x1b` or `\u{202e}`, so that a reader sees that
//! something was there.

use std::borrow::Cow;

use crate::model::visible::{self, code, is_control, is_deceptive};

/// For a terminal, and for everything that a person reads: no control characters, nothing that
/// reorders or hides text, no line breaks.
pub fn terminal(text: &str) -> Cow<'_, str> {
    visible::text(text)
}

/// For one frame of a folded stack: as [`terminal`], and without the semicolon, which separates
/// frames there; it becomes a colon, as stack collapsers commonly do.
pub fn folded(text: &str) -> Cow<'_, str> {
    visible::replace(
        text,
        |c| c == ';' || is_control(c) || is_deceptive(c),
        |c, out| if c == ';' { out.push(':') } else { code(c, out) },
    )
}

/// For the text of an XML or HTML element, or an attribute's value in either kind of quotes.
pub fn xml(text: &str) -> Cow<'_, str> {
    let special = |c| matches!(c, '&' | '<' | '>' | '"' | '\'');
    visible::replace(
        text,
        |c| special(c) || is_control(c) || is_deceptive(c),
        |c, out| match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => code(c, out),
        },
    )
}

/// For a string in double quotes in the language of Graphviz (lang.html, "escString"): a backslash
/// would begin an escape, and an ampersand an entity.
pub fn dot(text: &str) -> Cow<'_, str> {
    visible::replace(
        text,
        |c| matches!(c, '"' | '\\' | '&') || is_control(c) || is_deceptive(c),
        |c, out| match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            _ => {
                let mut seen = String::new();
                code(c, &mut seen);
                out.push_str(&seen.replace('\\', "\\\\"));
            }
        },
    )
}

/// Whether JSON text should have this as `\uXXXX`: JSON may hold it as it is, but a terminal that
/// the JSON is printed on would obey it.
pub(super) fn is_unsafe_in_json(c: char) -> bool {
    !c.is_ascii() && (is_control(c) || is_deceptive(c))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Not a character of XML 1.0, not even as a reference (section 2.2 of the recommendation).
    fn is_xml_forbidden(c: char) -> bool {
        matches!(c, '\u{fffe}' | '\u{ffff}') || (c < ' ' && !matches!(c, '\t' | '\n' | '\r'))
    }

    #[test]
    fn what_is_harmless_stays() {
        for text in ["keep", "Ünïcödé.méthode", "日本語", "operator<", "a b", "C:\\x", ""] {
            assert!(matches!(terminal(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn terminal_sequences_become_visible() {
        assert_eq!(terminal("a\x1b[31mb\u{7}"), "a\\x1b[31mb\\x07");
        assert_eq!(terminal("a\u{9b}31m"), "a\\x9b31m");
        assert_eq!(terminal("a\r\nb\tc"), "a\\r\\nb\\tc");
        assert_eq!(terminal("user\u{202e}nimda"), "user\\u{202e}nimda");
    }

    #[test]
    fn folded_keeps_frames_and_lines_apart() {
        assert_eq!(folded("[u8; 8]\nevil 99"), "[u8: 8]\\nevil 99");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            xml("<script>alert('x' && \"y\")</script>\0"),
            "&lt;script&gt;alert(&#39;x&#39; &amp;&amp; &quot;y&quot;)&lt;/script&gt;\\x00"
        );
    }

    #[test]
    fn a_string_of_graphviz_stays_one() {
        assert_eq!(dot("a\"];b\\N\n&lt;"), "a\\\"];b\\\\N\\\\n&amp;lt;");
    }

    /// Any text, with the interesting characters more often than chance has them.
    fn hostile() -> impl Strategy<Value = String> {
        let special = prop::sample::select(
            "\0\u{7}\n\r\t\x1b\u{7f}\u{85}\u{9b};&<>'\"\\ \u{ad}\u{202e}\u{2066}\u{2028}\u{200b}\u{feff}\u{fffe}"
                .chars()
                .collect::<Vec<_>>(),
        );
        prop::collection::vec(prop_oneof![special, any::<char>()], 0..40)
            .prop_map(|characters| characters.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_terminal_gets_nothing_to_obey(text in hostile()) {
            let safe = terminal(&text);
            prop_assert!(!safe.chars().any(|c| is_control(c) || is_deceptive(c)));
            prop_assert_eq!(terminal(&safe), safe.as_ref());
        }

        #[test]
        fn a_folded_frame_is_one_frame_of_one_line(text in hostile()) {
            let safe = folded(&text);
            let separates = safe.contains([';', '\n', '\r', '\0', '\u{2028}', '\u{85}']);
            prop_assert!(!separates);
            prop_assert!(!safe.chars().any(is_xml_forbidden));
        }

        #[test]
        fn a_string_of_graphviz_is_the_visible_text(text in hostile()) {
            let safe = dot(&text);
            let mut decoded = String::new();
            let mut letters = safe.chars();
            while let Some(c) = letters.next() {
                prop_assert!(c != '"' && !is_control(c));
                decoded.extend(if c == '\\' { letters.next() } else { Some(c) });
            }
            let visible = terminal(&text);
            prop_assert_eq!(decoded.replace("&amp;", "&"), visible);
        }

        #[test]
        fn xml_can_be_decoded_to_the_visible_text(text in hostile()) {
            let safe = xml(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'', '\0', '\n']));
            let decoded = safe
                .replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"")
                .replace("&#39;", "'").replace("&amp;", "&");
            prop_assert!(!safe.chars().any(is_xml_forbidden));
            let visible = terminal(&text);
            prop_assert_eq!(decoded, visible);
        }
    }
}
