//! Blocks of malloc that are lost with small objects: a part of the same leak, whose stacks say where it is made.
//!
//! | they are | when |
//! |---|---|
//! | larger objects of the same kind | their type is that of the leak, or the one extension that may have lost it made them |
//! | what the objects hold | the package that defines the type made them (arrays and their data), or what leads to them begins at such an object, or objects of their owner's type come with each of the leak |

use crate::judge::leaks::cluster::Cluster;
use crate::judge::leaks::measures::Measures;
use crate::judge::leaks::piece::{Piece, owner};
use crate::judge::leaks::{build, extension};
use crate::model::{
    Amount, Basis, Document, Finding, Leak, LeakRetainer, NATIVE_ROOT, RootKind, TypeGrowth,
};

/// What blocks are of a leak of lost objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// More of the same, only larger.
    Objects,
    /// What the objects hold, which is no more of them.
    Content,
}

/// Whether a cluster is of blocks that are lost as the small objects of a leak are, or with them; then they are joined to it.
pub fn join(document: &Document, cluster: &Cluster<'_>, leaks: &mut [Leak]) -> bool {
    let lost = cluster.pieces.iter().filter(|piece| piece.is_unreachable());
    let stacks: Vec<&Finding> = lost.filter_map(|piece: &&Piece<'_>| piece.of_stack()).collect();
    if stacks.is_empty() {
        return false;
    }
    let parts = leaks.iter_mut().map(|leak| (part(document, &stacks, leak), leak));
    let Some((part, leak)) = parts.filter_map(|(part, leak)| Some((part?, leak))).next() else {
        return false;
    };
    let blocks = build::leak(document, cluster, &Measures::default());
    let is_content = part == Part::Content;
    let count = if is_content { 0 } else { blocks.now.count };
    leak.now = leak.now.plus(Amount { count, ..blocks.now });
    leak.rate.bytes_per_hour = leak.rate.bytes_per_hour.plus(blocks.rate.bytes_per_hour);
    leak.rate.count_per_hour += if is_content { 0.0 } else { blocks.rate.count_per_hour };
    leak.explains = leak.explains.zip(blocks.explains).map(|(one, other)| one + other);
    leak.created_at.retain(|made| made.basis != Basis::Arena);
    leak.created_at.extend(blocks.created_at);
    leak.grounds.extend(blocks.grounds);
    leak.evidence.findings.extend(blocks.evidence.findings);
    if leak.retained_by.is_none() {
        leak.retained_by = stacks.iter().find_map(|stack| led_to_from(stack, leak));
    }
    true
}

fn part(document: &Document, stacks: &[&Finding], leak: &Leak) -> Option<Part> {
    let library = extension::of_stack(&stacks.first()?.site.stack);
    let types = || stacks.iter().filter_map(|found| Some(&found.types.as_ref()?.first()?.0));
    let makes = library.is_some_and(|library| extension::makes(library, &leak.name));
    let is_library = |stack| library.is_some() && extension::of_stack(stack) == library;
    match () {
        () if makes && types().next().is_none() => Some(Part::Content),
        () if types().any(|name| *name == leak.name)
            || makes
            || leak.created_at.iter().any(|made| is_library(&made.stack)) =>
        {
            Some(Part::Objects)
        }
        () if stacks.iter().any(|stack| led_to_from(stack, leak).is_some()) => Some(Part::Content),
        () if stacks
            .iter()
            .filter_map(|stack| owner(stack))
            .any(|name| comes_with(document, name, leak)) =>
        {
            Some(Part::Content)
        }
        () => None,
    }
}

/// The path from a lost object to the owners of most blocks of a stack: first the object, then how it leads on.
fn led_to_from(stack: &Finding, leak: &Leak) -> Option<LeakRetainer> {
    let is_native = stack.owners.is_some_and(|owners| owners.root == Some(RootKind::Native));
    let (root, through) = stack.retainer.as_deref().filter(|_| is_native)?.split_first()?;
    let root = root.split(" at 0x").next().unwrap_or(root);
    let class = root.strip_prefix(NATIVE_ROOT)?;
    leak.evidence.types.iter().any(|name| name == class).then(|| LeakRetainer {
        path: vec![root.to_owned()],
        through: through.to_vec(),
        ..LeakRetainer::default()
    })
}

/// Whether objects of a type come with each of those that are lost.
fn comes_with(document: &Document, name: &str, leak: &Leak) -> bool {
    let has = |found: &TypeGrowth, other: &str| {
        found.together.iter().any(|(name, each)| name == other && *each > 0.0)
    };
    document.types.iter().flatten().any(|found| {
        found.name == leak.name && has(found, name) || found.name == name && has(found, &leak.name)
    })
}
