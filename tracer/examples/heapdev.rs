use leakspy::session::{census, who};
use std::time::Duration;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a.len() > 2 && a[2] != "-s" {
        let o = who::WhoOptions { pause: false, values: true, top: 5 };
        match who::find(&a[1], &a[2], &o) {
            Ok(h) => println!("{}", serde_json::to_string_pretty(&h).unwrap()),
            Err(e) => println!("error: {e}"),
        }
        return;
    }
    let o = census::CensusOptions {
        pause: false,
        sessions: a.len() > 2,
        every: Duration::from_secs(1),
        looks_for: None,
    };
    match census::take(&a[1], &o, &|| false, &mut |_| ()) {
        Ok(c) => println!("{}", serde_json::to_string(&c).unwrap()),
        Err(e) => println!("error: {e}"),
    }
}
