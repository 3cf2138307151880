//! How much the retainer of a leak retains, where a snapshot measured that.

use std::collections::HashMap;

use super::path::{PlaceKey, place_of};
use crate::model::{Document, Leak, RetainedSize};

/// The leak with the retained size of what its path ends in. That stands for what it holds, unless
/// it is less than half of the objects or bytes that grew: then others retain them, too, and emptying this
/// one alone frees little.
pub fn measured(mut leak: Leak, sizes: &RetainedPlaces) -> Leak {
    let Some(retainer) = &mut leak.retained_by else { return leak };
    let Some(size) = sizes.at(&retainer.path) else { return leak };
    retainer.retained = Some(size);
    if size.objects >= leak.now.count.div_ceil(2) && size.most_bytes >= leak.now.bytes / 2 {
        leak.now.bytes = size.most_bytes;
    }
    leak
}

/// Retained sizes by place.
#[derive(Default)]
pub struct RetainedPlaces(HashMap<PlaceKey, RetainedSize>);

impl RetainedPlaces {
    /// What the object at the end of a path retains.
    pub fn at(&self, path: &[String]) -> Option<RetainedSize> {
        self.0.get(&place_of(path)?).copied()
    }

    /// Of a document. Of several objects at one place, such as the lists of all sessions, the largest: the place is that of the container
    /// that grows.
    pub fn of(document: &Document) -> Self {
        let mut places: HashMap<PlaceKey, RetainedSize> = HashMap::new();
        for found in &document.history.retained_sizes {
            let Some(place) = place_of(&found.path) else { continue };
            let known = places.entry(place).or_default();
            if known.most_bytes < found.size.most_bytes {
                *known = found.size;
            }
        }
        Self(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Confidence, LeakRetainer, RetainedPlace};
    use crate::report::leaks::samples;

    fn path(items: u64) -> Vec<String> {
        vec!["module app".into(), format!(".KEPT: list ({items} items)")]
    }

    /// A leak of 100 objects with 1000 bytes, whose list retains so much; and what it holds then.
    fn held(objects: u64, most_bytes: u64) -> (u64, Option<RetainedSize>) {
        let size = RetainedSize { objects, least_bytes: 1, most_bytes };
        let mut document = samples::leaking();
        // Lengths of a path are no part of its place; the largest stands.
        document.history.retained_sizes = [size, RetainedSize::default()]
            .map(|size| RetainedPlace { path: path(7), size })
            .to_vec();
        let mut leak = samples::leaks::plain("app.Page", Confidence::Suspect);
        leak.now = Amount { count: 100, bytes: 1000 };
        leak.retained_by = Some(LeakRetainer { path: path(9), ..LeakRetainer::default() });
        let leak = measured(leak, &RetainedPlaces::of(&document));
        (leak.now.bytes, leak.retained_by.and_then(|by| by.retained))
    }

    #[test]
    fn the_retained_size_stands_where_it_is_most_of_the_leak() {
        assert_eq!(held(101, 4000).0, 4000);
        assert_eq!(held(50, 500).0, 500);
        assert_eq!(held(101, 499).0, 1000);
        let (bytes, retained) = held(49, 4000);
        assert_eq!((bytes, retained.map(|size| size.most_bytes)), (1000, Some(4000)));
    }
}
