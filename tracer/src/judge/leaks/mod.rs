//! From findings and types to leaks: evidence that shares a cause is one leak, with one name, one rate and
//! one verdict. Pure: the same document gives the same leaks.
//!
//! | step | where |
//! |---|---|
//! | what common types grow in | `contained` |
//! | pieces: what may be evidence of a leak, and where it is retained | `piece`, `path` |
//! | clusters: the same container, types in step, blocks owned by them, arenas filled by them; never two containers of which each retains its own | `cluster`, `sets` |
//! | containers that grow, whatever is in them, where nothing else says so | `container` |
//! | objects that are lost, with the arenas that they fill and larger ones | `lost`, `extension` |
//! | one verdict, never surer than its evidence | `verdict` |
//! | how much and how fast | `amount` |
//! | what snapshots measured of containers: lengths and retained sizes | `measures`, `retained` |
//! | name, retainer, advice | `build` |
//! | the class that hangs from each of what it is named by | `carrier` |
//! | lines that allocated it | `created` |
//! | containers that grow in one that does not | `below` |
//! | caches that fill up, and those that are full | `refine`, `full` |
//! | what tells old objects from new ones | `distinguish` |
//! | what it is known as from other programs | `kinds` |
//! | what allocators retain of freed memory | `retention` |
//! | which are worth a place, and in which order | `order` |
//! | which share of the growth each explains | `share` |
//!
//! What only later evidence can say (which stack grew the container, what tells old instances from new
//! ones, declared limits) has its field in [`Leak`] and is filled in [`refine`](refine::refine).

mod amount;
mod below;
mod build;
mod carrier;
mod cluster;
mod contained;
mod container;
mod created;
mod distinguish;
mod evidence;
mod extension;
mod full;
mod kinds;
mod lost;
mod measures;
mod order;
#[cfg(test)]
mod overlap;
mod path;
mod piece;
mod refine;
mod retained;
mod retention;
mod sets;
mod settle;
mod share;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

pub use contained::place;
pub use path::place_of;
pub use settle::settle;

use crate::model::{Document, Leak};

/// The leaks of a judged document, most important first.
pub fn leaks(document: &Document) -> Vec<Leak> {
    let measures = measures::Measures::of(document);
    let pieces = piece::pieces(document, &measures);
    let clusters = cluster::clusters(document, &pieces, &measures);
    let (lost, clusters) = lost::lost(document, clusters);
    let refined = |leak| created::of_its_own(refine::refine(leak, document, &measures));
    let named = |cluster| carrier::named(build::leak(document, cluster, &measures), document);
    let leak = |cluster| refined(named(cluster));
    let clustered: Vec<Leak> = clusters.iter().map(leak).collect();
    let containers = container::leaks(document, &clustered, &measures.sizes).into_iter();
    let leaks = clustered
        .into_iter()
        .chain(containers.map(refined))
        .map(|leak| distinguish::distinguish(leak, document))
        .chain(lost)
        .map(|leak| Leak { known_kind: kinds::known(document, &leak), ..leak })
        .chain(retention::leak(document))
        .collect();
    share::explained(document, order::ranked(document, leaks))
}
