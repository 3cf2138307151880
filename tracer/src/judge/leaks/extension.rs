//! Which extension may have lost small objects: the one on whose account new arenas were needed.
//!
//! Which line made an object that lies in an arena is not known, only which lines needed the arenas. Most of
//! these are the background's. But where only one extension is called by the lines that needed any, it is worth a word.

use crate::model::{Basis, CallStack, CreatedAt, Document, Finding, Frame, FrameKind, Site};
use crate::report::blame;
use crate::report::origin::{self, Origin};

/// Arenas that an extension must have needed.
const FEWEST: u64 = 2;
/// Its share of those that any extension needed.
const MOST: f64 = 0.8;

/// Stacks of one extension.
struct Extension<'a> {
    module: &'a str,
    arenas: u64,
    sites: Vec<&'a Site>,
}

/// The stacks of the only extension that needed arenas, with their shares of all; none where there is no such
/// extension.
pub fn stacks(document: &Document, arenas: &[&Finding]) -> Vec<CreatedAt> {
    let ids = || arenas.iter().flat_map(|found| &found.evidence.sites);
    let sites: Vec<&Site> =
        document.sites.iter().filter(|site| ids().any(|id| *id == site.id)).collect();
    let mut extensions: Vec<Extension<'_>> = Vec::new();
    for site in &sites {
        let Some(module) = of_stack(&site.stack) else { continue };
        let at = extensions.iter().position(|known| known.module == module);
        let at = at.unwrap_or_else(|| {
            extensions.push(Extension { module, arenas: 0, sites: Vec::new() });
            extensions.len() - 1
        });
        extensions[at].arenas += site.live.count;
        extensions[at].sites.push(site);
    }
    let all = |counts: &mut dyn Iterator<Item = u64>| counts.fold(0, u64::saturating_add);
    let of_any = all(&mut extensions.iter().map(|of| of.arenas));
    let of_all = all(&mut sites.iter().map(|site| site.live.count));
    let Some(first) = extensions.into_iter().max_by_key(|of| of.arenas) else { return Vec::new() };
    if first.arenas < FEWEST || share(first.arenas, of_any) < MOST {
        return Vec::new();
    }
    let stack = |site: &Site| CreatedAt {
        stack: site.stack.clone(),
        share: share(site.live.count, of_all),
        basis: Basis::Arena,
    };
    let mut stacks: Vec<CreatedAt> = first.sites.into_iter().map(stack).collect();
    stacks.sort_by(|a, b| b.share.total_cmp(&a.share));
    stacks
}

/// Path of the extension that the application's innermost line called last.
pub fn of_stack(stack: &CallStack) -> Option<&str> {
    let frames: Vec<&Frame> = stack.iter().filter(|frame| !frame.is_runtime).collect();
    let line = blame::of(&frames)?.frame;
    let at = frames.iter().rposition(|frame| std::ptr::eq(*frame, line))?;
    let mut called = frames[at + 1..].iter().rev();
    called.find_map(|frame| {
        let of_package = matches!(origin::of_frame(frame), Origin::Package(_));
        let module = frame.module.as_deref().filter(|_| of_package)?;
        (frame.kind == FrameKind::Native).then_some(module)
    })
}

/// Whether a library is of the package that defines a type, `numpy.ndarray`.
pub fn makes(library: &str, class: &str) -> bool {
    let package = class.split_once('.').map(|(package, _)| package);
    package.is_some() && package == origin::package_of_file(library)
}

#[expect(clippy::cast_precision_loss, reason = "arenas are few")]
fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}
