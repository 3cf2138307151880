//! Why, in sentences that a person would say.

use super::super::reasons::{duration, percent};
use super::course::Course;
use super::decide::{Decision, Ground};
use crate::model::{TypeGrowth, Verdict};

/// Types in step that are named in a sentence.
const NAMED: usize = 3;

/// The strongest first. `row` has everything but its reasons; `explained` says that its objects are parts of those of
/// another type.
pub fn reasons(
    course: &Course<'_>,
    decision: &Decision,
    row: &TypeGrowth,
    explained: bool,
) -> Vec<String> {
    let mut reasons = vec![ground(course, decision.ground)];
    reasons.push(format!("grew at {} of {} looks", course.grew, course.looks().saturating_sub(1)));
    reasons.extend(survivors(course));
    reasons.extend(retention(course));
    reasons.extend(held(course));
    reasons.extend(collections(course, decision.ground));
    reasons.extend(in_step(row));
    if explained {
        reasons
            .push("objects of this type are parts of others, which explain its growth".to_owned());
    }
    reasons.extend(caution(decision));
    reasons
}

fn ground(course: &Course<'_>, ground: Ground) -> String {
    let span = duration(course.span);
    match ground {
        Ground::Steady => format!("it grew for {span} and is not getting slower"),
        Ground::Early => format!("it grew for {span} and keeps what it takes"),
        Ground::EveryLook => "it grew at every look and keeps what it takes".to_owned(),
        Ground::Few => format!("{} looks are too few to say what it is", course.looks()),
        Ground::Uncollected => {
            "no full garbage collection came after these objects were born: they may be \
             garbage that waits for one"
                .to_owned()
        }
        Ground::Young => "it grew only lately".to_owned(),
        Ground::Falls => "old objects go after all".to_owned(),
        Ground::Replaced => "as many old objects go as new ones come".to_owned(),
        Ground::Slows(share) => format!(
            "it gets slower: the last third of the time brought {} of the average rate",
            percent(share)
        ),
        Ground::Stopped => "it grew at first and has stopped".to_owned(),
        Ground::Chance => "it grew so rarely that chance may explain it".to_owned(),
    }
}

fn survivors(course: &Course<'_>) -> Option<String> {
    (course.born > 0).then(|| {
        let (born, survived) = (course.born, course.survived);
        format!("of {born} born since the first look {survived} are still there")
    })
}

/// What is kept by thirds of the time, where there is more than all or nothing to say.
fn retention(course: &Course<'_>) -> Option<String> {
    let (born, kept) = (course.thirds.born_count, course.thirds.kept_count);
    let share = |third: usize| (born[third] > 0.0).then(|| kept[third] / born[third]);
    let (oldest, newest) = (share(0)?, share(2)?);
    (course.born > course.survived).then(|| {
        let (oldest, newest) = (percent(oldest), percent(newest));
        format!(
            "of those old enough to tell, {oldest} of the earliest are still there and {newest} of the latest"
        )
    })
}

/// Where nothing else says that it is no garbage.
fn held(course: &Course<'_>) -> Option<String> {
    (course.holder.is_some() && course.collections == Some(0))
        .then(|| "what came is reached from a root, so that it is no garbage".to_owned())
}

fn collections(course: &Course<'_>, ground: Ground) -> Option<String> {
    match course.collections? {
        0 => None,
        _ if course.kept <= 0.0 || ground == Ground::Replaced => None,
        1 => Some("what is kept survived a full garbage collection".to_owned()),
        _ => Some("what is kept survived full garbage collections".to_owned()),
    }
}

fn in_step(row: &TypeGrowth) -> Option<String> {
    let names: Vec<String> =
        row.together.iter().take(NAMED).map(|(name, ratio)| of_each(name, *ratio)).collect();
    let more = row.together.len().saturating_sub(NAMED);
    match (names.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("grows in step with {}", names.join(", "))),
        (false, more) => Some(format!("grows in step with {} and {more} more", names.join(", "))),
    }
}

/// A type and how many of it come with one object.
fn of_each(name: &str, ratio: f64) -> String {
    match ratio {
        ratio if (0.95..1.05).contains(&ratio) => format!("{name} (one for each)"),
        ratio if ratio >= 9.5 => format!("{name} ({ratio:.0} for each)"),
        ratio if ratio >= 0.7 => format!("{name} ({ratio:.1} for each)"),
        ratio => format!("{name} (one for {:.0})", 1.0 / ratio.max(1e-12)),
    }
}

fn caution(decision: &Decision) -> Option<String> {
    let early = matches!(decision.ground, Ground::Early | Ground::EveryLook);
    (decision.verdict == Verdict::Leak && early)
        .then(|| "a cache that is still filling would look the same so far".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_simple() {
        assert_eq!(of_each("dict", 57.2), "dict (57 for each)");
        assert_eq!(of_each("dict", 1.0), "dict (one for each)");
        assert_eq!(of_each("dict", 2.5), "dict (2.5 for each)");
        assert_eq!(of_each("Document", 1.0 / 57.0), "Document (one for 57)");
    }
}
