//! How much the retainer of a leak retains, where a snapshot measured that.

use std::collections::HashMap;

use super::path::{PlaceKey, place_of};
use crate::model::{Document, RetainedSize};

/// Retained sizes by place.
#[derive(Default)]
pub struct RetainedPlaces(HashMap<PlaceKey, RetainedSize>);

impl RetainedPlaces {
    /// What the object at the end of a path retains.
    pub fn at(&self, path: &[String]) -> Option<RetainedSize> {
        self.at_place(&place_of(path)?)
    }

    /// What the object at a place retains.
    pub fn at_place(&self, place: &PlaceKey) -> Option<RetainedSize> {
        self.0.get(place).copied()
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
