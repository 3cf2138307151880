//! Sets of pieces that become one step by step. What lies in containers that each retain their own does not.

use super::measures::Measures;
use super::path::PlaceKey;
use super::piece::{Piece, is_part};

/// A container that grows by so many times less than another comes along with that.
const LITTLE: f64 = 4.0;

/// Sets of pieces, by the place of one of each (union and find).
pub struct Sets {
    parents: Vec<usize>,
    /// Of each set, by its first piece.
    anchors: Vec<Vec<Anchor>>,
    /// What waits for the collector is in no set with what may leak, however alike they grow.
    is_garbage: Vec<bool>,
}

/// A container that was measured, with what is in it.
#[derive(Clone, Debug, PartialEq)]
struct Anchor {
    place: PlaceKey,
    bytes_per_hour: f64,
    stands: bool,
}

impl Sets {
    /// Each piece alone.
    pub fn of(pieces: &[Piece<'_>], measures: &Measures) -> Self {
        let anchors = pieces.iter().map(|piece| anchor(piece, measures).into_iter().collect());
        let is_garbage = pieces.iter().map(Piece::is_garbage).collect();
        Self { parents: (0..pieces.len()).collect(), anchors: anchors.collect(), is_garbage }
    }

    /// The piece that stands for the set of this one.
    pub fn find(&mut self, mut at: usize) -> usize {
        while self.parents[at] != at {
            self.parents[at] = self.parents[self.parents[at]];
            at = self.parents[at];
        }
        at
    }

    /// Makes the sets of two pieces one, unless they are in containers that are apart, or of two kinds.
    pub fn join(&mut self, one: usize, other: usize) {
        if self.is_garbage[one] == self.is_garbage[other] {
            self.fill(one, other);
        }
    }

    /// The same of what may be of both kinds: arenas.
    pub fn fill(&mut self, one: usize, other: usize) {
        let (one, other) = (self.find(one), self.find(other));
        let is_apart =
            self.anchors[one].iter().any(|a| self.anchors[other].iter().any(|b| a.is_apart(b)));
        if one == other || is_apart {
            return;
        }
        // The first stands for all, so that the order is that of the pieces.
        let (first, second) = (one.min(other), one.max(other));
        self.parents[second] = first;
        for anchor in std::mem::take(&mut self.anchors[second]) {
            if !self.anchors[first].contains(&anchor) {
                self.anchors[first].push(anchor);
            }
        }
    }

    /// Whether the set of a piece lies in a container that grows no more.
    pub fn stands(&mut self, at: usize) -> bool {
        let set = self.find(at);
        self.anchors[set].iter().any(|anchor| anchor.stands)
    }
}

impl Anchor {
    /// Whether what is in one is not in the other, and does not come along with it.
    fn is_apart(&self, other: &Self) -> bool {
        let is_nested =
            self.place.starts_with(&other.place) || other.place.starts_with(&self.place);
        let (least, most) = match self.bytes_per_hour <= other.bytes_per_hour {
            true => (self.bytes_per_hour, other.bytes_per_hour),
            false => (other.bytes_per_hour, self.bytes_per_hour),
        };
        !is_nested && (self.stands != other.stands || LITTLE * least >= most)
    }
}

/// The container of a piece, where it was measured and retains what is in it: what others retain, too, is of none.
#[allow(clippy::cast_precision_loss, reason = "an address space ends at 2⁴⁷")]
fn anchor(piece: &Piece<'_>, measures: &Measures) -> Option<Anchor> {
    // What fills up in there grows, though the container around it does not.
    let place = piece.place().filter(|place| !measures.has_filling(place))?;
    let measured = measures.at(&place)?;
    let stands = measured.stands.is_some();
    let size = measures.sizes.at_place(&place);
    let retains = match piece.of_type().filter(|found| !is_part(&found.name)) {
        Some(found) => size.is_some_and(|size| size.most_bytes >= found.last_bytes / 2),
        None => true,
    };
    let bytes_per_hour = measured.bytes_per_hour.or(stands.then_some(0.0))?;
    (stands || retains).then_some(Anchor { place, bytes_per_hour, stands })
}
