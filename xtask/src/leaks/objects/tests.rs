use super::*;

fn case() -> Case {
    toml::from_str(
        "name = \"x\"\nkind = \"python\"\n[expected]\nframes = [\"a.py:f\"]\n\
         leaking_types = [\"list\", \"shop.Cart\"]\nholder = \"shop.state.OPEN (dict) -> list -> Cart\"",
    )
    .expect("a case")
}

fn census(names: &[&str]) -> Census {
    let rows = names.iter().map(|name| {
        format!(
            r#"{{"rank":1,"name":"{name}","verdict":"leak","confidence":"suspect","first_count":1,"last_count":9,"x":0}}"#
        )
    });
    let rows: Vec<String> = rows.collect();
    let text = format!(r#"{{"schema":1,"growth":[{}]}}"#, rows.join(","));
    serde_json::from_str(&text).expect("a census")
}

fn judged(names: &[&str]) -> Row {
    let (case, mut row) = (case(), blank(&case(), Version::Leaky));
    judge_types(&case, &census(names), &mut row);
    row
}

#[test]
fn a_leaking_type_must_be_among_the_first_three() {
    let row = judged(&["a.B", "dict", "shop.cart.Cart", "list"]);
    assert_eq!((row.named, row.outcome), (Some((3, "shop.cart.Cart".to_owned())), Outcome::Pass));
    let row = judged(&["a.B", "dict", "other.Cart", "shop.cart.Cart"]);
    assert_eq!((row.named, row.outcome, row.growth.len()), (None, Outcome::Fail, 3));
    let mut row = blank(&case(), Version::Leaky);
    let silent = serde_json::from_str(r#"{"growth":null}"#).expect("a census");
    judge_types(&case(), &silent, &mut row);
    assert_eq!((row.outcome, row.note.is_some()), (Outcome::Fail, true));
}

#[test]
fn a_cured_version_must_be_silent() {
    let sure = |name: &str, confidence: &str| {
        let mut census = census(&[name]);
        for one in census.growth.iter_mut().flatten() {
            one.confidence = confidence.to_owned();
        }
        judge_silence(&case(), &census)
    };
    assert_eq!(sure("shop.cart.Cart", "suspect"), Outcome::Fail);
    assert_eq!(sure("a.B", "suspect"), Outcome::Pass);
    assert_eq!(sure("a.B", "likely"), Outcome::Fail);
}

#[test]
fn classes_are_known_by_where_they_are_imported_from() {
    assert!(is_type("pandas.core.frame.DataFrame", "pandas.DataFrame"));
    assert!(is_type("__main__.Invoice", "Invoice"));
    assert!(!is_type("polars.DataFrame", "pandas.DataFrame"));
    assert!(!is_type("__main__.InvoiceRow", "Invoice"));
}

#[test]
fn types_of_the_application_are_asked_for_first() {
    let row = judged(&["list"]);
    assert_eq!(subjects(&case(), &row), ["shop.Cart", "Cart", "list", "list", "list"]);
}

#[test]
fn the_path_to_root_with_most_names_is_told() {
    let retainers = r#"{"groups":[
        {"count":5,"root_name":"module shop.state","chain":[{"via":".CLOSED","class":"list"}]},
        {"count":3,"root_name":"module shop.state","chain":[{"via":".OPEN","class":"dict"},
            {"via":"['1']","class":"list"},{"via":"[0]","class":"shop.cart.Cart"}]}]}"#;
    let mut row = blank(&case(), Version::Leaky);
    judge_retainer(&case(), &serde_json::from_str(retainers).expect("holders"), &mut row);
    assert!(row.is_retainer_named && row.words.iter().all(|word| word.1), "{row:?}");
    assert_eq!(
        row.path_to_root,
        "3 × module shop.state: .OPEN → dict ['1'] → list [0] → shop.cart.Cart"
    );
    let mut row = blank(&case(), Version::Leaky);
    let wrong = retainers.replace(".OPEN", ".SHUT");
    judge_retainer(&case(), &serde_json::from_str(&wrong).expect("holders"), &mut row);
    assert!(!row.is_retainer_named, "{row:?}");
}
