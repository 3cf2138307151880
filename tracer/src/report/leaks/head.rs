//! The head of how a process was judged: how long it was watched, and what it did.

use std::io;

use crate::model::{Document, Interval, ProcessGrowth};
use crate::report::quantity::{counted, duration, rate, share_in_words};
use crate::report::text::head::{notes, resident, target};
use crate::report::text::page::Page;
use crate::report::utc;

pub fn write(page: &mut Page<'_>, document: &Document) -> io::Result<()> {
    page.gap()?;
    page.heading("How it was judged")?;
    page.paragraph(0, &watched(document))?;
    notes(page, &document.capture.notes)
}

fn watched(document: &Document) -> String {
    let mut sentences = vec![format!(
        "{}, watched for {} from {}.",
        target(document),
        duration(document.capture.seconds),
        utc(document.capture.started)
    )];
    sentences.extend(resident(document));
    if let Some(growth) = &document.growth {
        sentences.push(trend(growth));
        sentences.extend(explained(growth));
        sentences.push(tested(growth));
    }
    sentences.join(" ")
}

fn trend(growth: &ProcessGrowth) -> String {
    let slope = &growth.slope_bytes_per_hour;
    let range = rate::range(slope);
    match growth.significant {
        true => format!("Its anonymous memory grows by {range}."),
        false if *slope == Interval::default() => {
            "How its anonymous memory grows could not be measured.".to_owned()
        }
        false => {
            format!("Its anonymous memory shows no growth that can be told from none ({range}).")
        }
    }
}

fn explained(growth: &ProcessGrowth) -> Option<String> {
    let share = growth.explained.filter(|share| share.is_finite() && growth.significant)?;
    Some(format!("What was found explains {} of that.", share_in_words(share)))
}

fn tested(growth: &ProcessGrowth) -> String {
    let stacks = counted(growth.looked_at, "stack was", "stacks were");
    let grew = counted(growth.tested, "of them", "of them");
    let mut text = format!("{stacks} examined; {grew} grew enough to be tested.");
    if growth.warm_up_seconds.is_finite() && growth.warm_up_seconds >= 1.0 {
        let warm = duration(growth.warm_up_seconds);
        text.push_str(&format!(" The first {warm} count as warming up."));
    }
    text
}
