//! The lines that allocated what a leak retains: of blocks that hang from its container. Others make the same common types, and
//! lines that only needed an arena may have made anything.

use super::cluster::Cluster;
use super::piece::{Piece, SMALL_OBJECTS, is_part};
use crate::model::{Basis, CallStack, CreatedAt, Finding, Frame, FrameKind, Leak};

/// Stacks that are given; more of them are in `findings`.
const STACKS: usize = 8;

/// Stacks of malloc; of arenas only where there are no others.
pub fn created_at(cluster: &Cluster<'_>, leader: &Piece<'_>) -> Vec<CreatedAt> {
    let of = |arenas: bool| {
        let pieces = cluster.pieces.iter().filter(move |piece| piece.is_arenas() == arenas);
        let pieces = pieces.filter(|piece| arenas || hangs(piece, leader));
        let stacks = pieces.filter_map(|piece| piece.of_stack());
        stacks.filter(|found| !found.site.stack.is_empty()).collect::<Vec<_>>()
    };
    let blocks = of(false);
    let slope = |found: &Finding| found.slope_bytes_per_hour.est.max(0.0);
    let all: f64 = blocks.iter().map(|found| slope(found)).sum();
    let mut stacks: Vec<CreatedAt> = blocks
        .iter()
        .map(|found| CreatedAt {
            stack: found.site.stack.clone(),
            share: if all > 0.0 { slope(found) / all } else { 0.0 },
            basis: Basis::Exact,
        })
        .collect();
    let has_others =
        cluster.pieces.iter().any(|piece| piece.of_stack().is_some() && !piece.is_arenas());
    if !has_others {
        stacks.extend(of(true).into_iter().map(of_arenas));
    }
    stacks.sort_by(|a, b| b.share.total_cmp(&a.share));
    stacks.truncate(STACKS);
    stacks
}

/// Whether the blocks of a stack are in what retains the piece that leads: the path to them leads through that, or no path is known and
/// their owner is no common type, which others have, too.
fn hangs(piece: &Piece<'_>, leader: &Piece<'_>) -> bool {
    let Some(place) = leader.place() else { return true };
    match (&piece.path, piece.owner()) {
        (Some(path), _) => path.place().starts_with(&place),
        (None, owner) => owner.is_none_or(|owner| !is_part(owner)),
    }
}

fn of_arenas(found: &Finding) -> CreatedAt {
    let (alike, all) = found.evidence.stacks_alike;
    let share = alike as f64 / all.max(1) as f64;
    CreatedAt { stack: found.site.stack.clone(), share, basis: Basis::Arena }
}

/// The leak without lines that needed an arena for all that is known, and may have made anything: those are told that run through a method of a class
/// that it is made of, or through what makes its container grow.
pub fn of_its_own(mut leak: Leak) -> Leak {
    if leak.name == SMALL_OBJECTS {
        return leak;
    }
    let growers: Vec<Frame> = leak.grown_by.iter().filter_map(|by| innermost(&by.stack)).collect();
    let classes = leak.evidence.types.iter().chain([&leak.name]).filter(|name| !is_part(name));
    let classes: Vec<String> =
        classes.map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect();
    let is_own = |frame: &Frame| {
        let is_method = |function: &str| {
            let class = function.rsplit_once('.').map_or("", |(class, _)| class);
            classes.iter().any(|own| class.rsplit('.').next() == Some(own))
        };
        let grows = |by: &Frame| (&by.function, &by.file) == (&frame.function, &frame.file);
        frame.function.as_deref().is_some_and(is_method) || growers.iter().any(grows)
    };
    leak.created_at.retain(|made| made.basis != Basis::Arena || python(&made.stack).any(is_own));
    leak
}

fn python(stack: &CallStack) -> impl DoubleEndedIterator<Item = &Frame> {
    stack.iter().filter(|frame| frame.kind == FrameKind::Python)
}

fn innermost(stack: &CallStack) -> Option<Frame> {
    python(stack).next_back().cloned()
}
