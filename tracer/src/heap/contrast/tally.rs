//! How often old and new objects have each value of a field.

use std::collections::HashMap;

use super::fields::{FieldId, FieldNames, FieldValue};
use crate::model::{FieldContrast, TerminalState};

/// So many of the old objects must have a value, and by this much fewer new ones: a difference that a reader
/// sees. Of terminal states new objects that ended already are expected.
const MOST_OLD: f64 = 0.8;
const FEWER: f64 = 0.5;
const FEWER_TERMINAL: f64 = 0.1;
/// Most values of one field: one with more is a measure or a name.
const VALUES: usize = 16;

/// Old and new objects with a value.
type Counts = [u64; 2];

/// Counts of one type.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    objects: Counts,
    fields: HashMap<FieldId, HashMap<FieldValue, Counts>>,
}

impl Tally {
    /// Counts an object, by its fields.
    pub fn add(&mut self, fields: &[(FieldId, FieldValue)], is_young: bool) {
        let at = usize::from(is_young);
        self.objects[at] += 1;
        for (field, value) in fields {
            let values = self.fields.entry(*field).or_default();
            if values.len() <= VALUES || values.contains_key(value) {
                values.entry(value.clone()).or_default()[at] += 1;
            }
        }
    }

    /// The values that most old objects have, and fewer new ones, those that differ most first.
    pub fn contrasts(&self, class: &str, names: &FieldNames) -> Vec<FieldContrast> {
        let few = |values: &&HashMap<FieldValue, Counts>| values.len() <= VALUES;
        let fields = self.fields.iter().filter(|(_, values)| few(values));
        let all: Vec<(FieldId, String, Counts)> = fields
            .flat_map(|(field, values)| {
                self.facts(values).into_iter().map(|(value, counts)| (*field, value, counts))
            })
            .collect();
        let compared = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let [old, young] = self.objects;
        let contrast = |(field, value, counts): (FieldId, String, Counts)| FieldContrast {
            class: class.to_owned(),
            field: names.name(field).to_owned(),
            value,
            old: [counts[0], old],
            young: [counts[1], young],
            compared,
            ..FieldContrast::default()
        };
        let mut found: Vec<FieldContrast> = all.into_iter().map(contrast).collect();
        found.retain(differs);
        found.sort_by(|a, b| {
            let terminal = |found: &FieldContrast| is_terminal(found);
            let by_name = || (&a.field, &a.value).cmp(&(&b.field, &b.value));
            terminal(b)
                .cmp(&terminal(a))
                .then(difference(b).total_cmp(&difference(a)))
                .then_with(by_name)
        });
        found
    }

    /// What can be said of a field, and of how many objects it is true.
    fn facts(&self, values: &HashMap<FieldValue, Counts>) -> Vec<(String, Counts)> {
        let mut facts: Vec<(String, Counts)> =
            values.iter().filter_map(|(value, counts)| Some((value.words()?, *counts))).collect();
        let set = values.values().fold([0, 0], |sum, of| [sum[0] + of[0], sum[1] + of[1]]);
        let without =
            |all: Counts, of: &Counts| [all[0].saturating_sub(of[0]), all[1].saturating_sub(of[1])];
        let unset = without(self.objects, &set);
        if unset != [0, 0] {
            facts.push(("not set".to_owned(), unset));
        }
        for (value, words) in [(FieldValue::None, "not None"), (FieldValue::Empty, "not empty")] {
            if let Some(counts) = values.get(&value) {
                facts.push((words.to_owned(), without(set, counts)));
            }
        }
        facts
    }
}

/// Share of old objects with the value less that of new ones.
#[allow(clippy::cast_precision_loss, reason = "a sample is small")]
pub fn difference(found: &FieldContrast) -> f64 {
    let share = |[some, all]: [u64; 2]| some as f64 / all.max(1) as f64;
    share(found.old) - share(found.young)
}

fn is_terminal(found: &FieldContrast) -> bool {
    TerminalState::of(&found.class, &found.field, &found.value).is_some()
}

#[allow(clippy::cast_precision_loss, reason = "a sample is small")]
fn differs(found: &FieldContrast) -> bool {
    let least = if is_terminal(found) { FEWER_TERMINAL } else { FEWER };
    found.old[0] as f64 >= MOST_OLD * found.old[1] as f64 && difference(found) >= least
}
