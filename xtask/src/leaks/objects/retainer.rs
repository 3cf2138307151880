//! The names in a description of what holds objects, which is written for people.

/// Names of attributes and classes, the retainer's own first: of each dotted or underscored name,
/// of each camel-cased word and of a word that stands alone between arrows the last part.
pub fn names(retainer: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for step in retainer.split("->") {
        let words: Vec<&str> = step.split(|letter| !is_part(letter)).collect();
        let words: Vec<&str> = words.iter().map(|word| word.trim_matches('.')).collect();
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        for word in &words {
            let name = word.rsplit('.').next().unwrap_or(word);
            let named = words.len() == 1 || is_name(word);
            if named && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// Whether prose would not have the word like this.
fn is_name(word: &str) -> bool {
    word.contains(['.', '_']) || word.chars().skip(1).any(char::is_uppercase)
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

/// Whether `text` has the name as a word of its own.
pub fn has_word(text: &str, name: &str) -> bool {
    text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_retainer_comes_first() {
        let described = "pkg.core.Hub._open (dict; weak keys) -> list -> bound method Page.draw -> Page -> it's own";
        assert_eq!(names(described), ["_open", "list", "draw", "Page"]);
        assert_eq!(
            names("Bill.total (in the class dict) -> cache -> key (self, \"EUR\")"),
            ["total", "cache", "EUR"]
        );
        assert!(names("").is_empty());
    }

    #[test]
    fn names_are_whole_words() {
        assert!(has_word("module pkg .registry → list [0]", "registry"));
        assert!(has_word("bound method Page.draw", "draw"));
        assert!(!has_word(".registry_of → list", "registry"));
        assert!(!has_word("anything", ""));
    }
}
