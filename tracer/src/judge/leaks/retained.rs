//! How much the retainer of a leak retains, where a snapshot measured that.

use std::collections::HashMap;

use super::path::{Path, PlaceKey};
use crate::model::{Document, Leak, RetainedSize};

/// The leak with the retained size of what its path ends in. That stands for what it holds, unless
/// others retain most of its objects, too: then emptying this one frees little.
pub fn measured(mut leak: Leak, sizes: &RetainedPlaces) -> Leak {
    let Some(retainer) = &mut leak.retained_by else { return leak };
    let place = Path::parse(&retainer.path).map(|path| path.place());
    let Some(size) = place.and_then(|place| sizes.0.get(&place).copied()) else { return leak };
    retainer.retained = Some(size);
    if size.objects >= leak.now.count.div_ceil(2) {
        leak.now.bytes = size.most_bytes;
    }
    leak
}

/// Retained sizes by place.
pub struct RetainedPlaces(HashMap<PlaceKey, RetainedSize>);

impl RetainedPlaces {
    /// Of a document. Of several objects at one place, such as the lists of all sessions, the largest: the place is that of the container
    /// that grows.
    pub fn of(document: &Document) -> Self {
        let mut places: HashMap<PlaceKey, RetainedSize> = HashMap::new();
        for found in &document.history.retained_sizes {
            let Some(place) = Path::parse(&found.path).map(|path| path.place()) else { continue };
            let known = places.entry(place).or_default();
            if known.most_bytes < found.size.most_bytes {
                *known = found.size;
            }
        }
        Self(places)
    }
}
