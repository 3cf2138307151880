//! Where the boxes of a tree go: a column for each step, a row for each end, parents in the middle
//! of their children.

use super::tree::Tree;

/// Width and height of a box, in pixels.
pub const BOX: (usize, usize) = (236, 38);
/// Around the picture.
pub const MARGIN: usize = 20;
/// From box to box: room for what is written on an arrow.
const GAP: usize = 150;
/// From row to row.
const ROW: usize = 62;
/// Room for what is written beside the last boxes.
const ENDS: usize = 300;
/// The narrowest picture: its headline needs room, too.
const NARROWEST: usize = 640;

/// Places of boxes.
pub struct PlacedBoxes {
    /// Left upper corners, in the order of the tree's boxes.
    pub at: Vec<(usize, usize)>,
    /// Width of all.
    pub width: usize,
    /// Height of all.
    pub height: usize,
}

/// Places the boxes of a tree.
pub fn place(tree: &Tree) -> PlacedBoxes {
    let mut heights = vec![0; tree.nodes.len()];
    let mut row = 0;
    for at in leaves_first(tree) {
        heights[at] = match tree.nodes[at].next.as_slice() {
            [] => {
                row += 1;
                (row - 1) * ROW
            }
            [first, .., last] => usize::midpoint(heights[*first], heights[*last]),
            [only] => heights[*only],
        };
    }
    let left = |depth: usize| MARGIN + depth * (BOX.0 + GAP);
    let at = tree.nodes.iter().zip(&heights).map(|(node, height)| (left(node.depth), *height));
    let at: Vec<(usize, usize)> = at.collect();
    let right = at.iter().map(|(x, _)| x + BOX.0 + ENDS).max().unwrap_or(0);
    let height = MARGIN + row * ROW;
    PlacedBoxes { at, width: (right + MARGIN).max(NARROWEST), height }
}

/// All boxes, each after those behind it, branches in their order. Without recursion: paths are
/// long.
fn leaves_first(tree: &Tree) -> Vec<usize> {
    let mut order = Vec::with_capacity(tree.nodes.len());
    let mut open: Vec<usize> = tree.roots.clone();
    while let Some(at) = open.pop() {
        order.push(at);
        open.extend(&tree.nodes[at].next);
    }
    // Last branches were taken first, boxes before what is behind them: backwards it is as wanted.
    order.reverse();
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::retainers::samples;

    #[test]
    fn no_two_boxes_overlap_and_arrows_go_right() {
        let tree = Tree::from_groups(&samples::documents().groups);
        let placed = place(&tree);
        for (one, (x, y)) in placed.at.iter().enumerate() {
            for (other_x, other_y) in &placed.at[one + 1..] {
                assert!(x.abs_diff(*other_x) >= BOX.0 || y.abs_diff(*other_y) >= BOX.1);
            }
            assert!(x + BOX.0 <= placed.width && y + BOX.1 <= placed.height);
            for next in &tree.nodes[one].next {
                assert!(placed.at[*next].0 >= x + BOX.0 + GAP);
            }
        }
        // The first kind of path is the first row.
        let first = tree.nodes.iter().position(|node| node.end.is_some()).expect("an end");
        assert_eq!(placed.at[first].1, 0);
    }

    #[test]
    fn an_empty_tree_has_room_for_its_headline() {
        let placed = place(&Tree::default());
        assert_eq!((placed.width, placed.at.len()), (NARROWEST, 0));
    }
}
