//! Paths as a tree for pictures: what they have in common at their begin is drawn once.

use crate::model::{ObjectDetail, Reference, RetainerGroup, RootKind};
use crate::report::escape;
use crate::report::path::{ShownStep, steps};
use crate::report::quantity::{bytes, count, counted};

/// References that are drawn at either end of a path that is too long for a picture.
const ENDS: usize = 8;

/// One box. Its texts are harmless to read, and not yet escaped for a medium.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// How one comes here; empty for a root.
    pub via: String,
    /// Whether the layout says that this is a reference.
    pub certain: bool,
    /// First line: a type, or what a root is.
    pub title: String,
    /// Second line.
    pub detail: String,
    /// What the path begins with, for its colour.
    pub root: RootKind,
    /// What ends here.
    pub end: Option<PathEnd>,
    /// Objects that are reached through here.
    pub through: u64,
    /// Boxes that come after, by their places in the tree.
    pub next: Vec<usize>,
    /// Boxes before it.
    pub depth: usize,
}

/// Objects at the end of a kind of path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEnd {
    /// Objects.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl PathEnd {
    /// `57 objects, 9.8 KiB`
    pub fn words(&self) -> String {
        format!("{}, {}", counted(self.count, "object", "objects"), bytes(self.bytes))
    }
}

/// Boxes, and which of them are roots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// All boxes.
    pub nodes: Vec<Node>,
    /// Boxes with nothing before them, by their places.
    pub roots: Vec<usize>,
}

impl Tree {
    /// The tree of all groups; the order of groups is that of its branches.
    pub fn from_groups(groups: &[RetainerGroup]) -> Self {
        let mut tree = Self::default();
        for group in groups {
            tree.add(group);
        }
        tree
    }

    fn add(&mut self, group: &RetainerGroup) {
        let mut at = self.place(None, root(group));
        self.pass(at, group);
        for step in steps(&group.path, ENDS) {
            let node = match step {
                ShownStep::Reference(reference) => self.reference(at, reference, group.root),
                ShownStep::More(more) => self.more(at, more, group.root),
            };
            at = self.place(Some(at), node);
            self.pass(at, group);
        }
        let end = self.nodes[at].end.get_or_insert(PathEnd { count: 0, bytes: 0 });
        end.count = end.count.saturating_add(group.count);
        end.bytes = end.bytes.saturating_add(group.bytes);
    }

    fn pass(&mut self, at: usize, group: &RetainerGroup) {
        let through = &mut self.nodes[at].through;
        *through = through.saturating_add(group.count);
    }

    /// The box after `before` that reads the same, or a new one.
    fn place(&mut self, before: Option<usize>, node: Node) -> usize {
        let siblings = match before {
            Some(before) => &self.nodes[before].next,
            None => &self.roots,
        };
        let same = |at: &&usize| {
            let other = &self.nodes[**at];
            (&other.via, &other.title, &other.detail, other.certain, other.root)
                == (&node.via, &node.title, &node.detail, node.certain, node.root)
        };
        if let Some(same) = siblings.iter().find(same) {
            return *same;
        }
        let new = self.nodes.len();
        self.nodes.push(node);
        match before {
            Some(before) => self.nodes[before].next.push(new),
            None => self.roots.push(new),
        }
        new
    }

    fn reference(&self, before: usize, reference: &Reference, root: RootKind) -> Node {
        let detail = reference.detail.as_ref().map(ObjectDetail::notation).unwrap_or_default();
        Node {
            via: escape::terminal(&reference.notation()).into_owned(),
            certain: reference.certain,
            title: escape::terminal(&reference.class).into_owned(),
            detail: escape::terminal(&detail).into_owned(),
            root,
            end: None,
            through: 0,
            next: Vec::new(),
            depth: self.nodes[before].depth + 1,
        }
    }

    fn more(&self, before: usize, more: usize, root: RootKind) -> Node {
        let more = count(u64::try_from(more).unwrap_or(u64::MAX));
        Node {
            via: String::new(),
            certain: true,
            title: "…".to_owned(),
            detail: format!("{more} more references"),
            root,
            end: None,
            through: 0,
            next: Vec::new(),
            depth: self.nodes[before].depth + 1,
        }
    }
}

fn root(group: &RetainerGroup) -> Node {
    let name = escape::terminal(&group.root_name).into_owned();
    let (title, detail) = match group.root {
        // `module holoviews.streams`, `thread 12, frame run (server.py:88)`
        RootKind::Module => match name.split_once(' ') {
            Some((kind, name)) => (name.to_owned(), kind.to_owned()),
            None => (name, String::new()),
        },
        RootKind::Frame => (name, "running frame".to_owned()),
        RootKind::StaticType => (name, "static type".to_owned()),
        RootKind::Native => (name, "retained from outside the heap".to_owned()),
        RootKind::Garbage => (name, "garbage: nothing retains it".to_owned()),
    };
    Node {
        via: String::new(),
        certain: true,
        title,
        detail,
        root: group.root,
        end: None,
        through: 0,
        next: Vec::new(),
        depth: 0,
    }
}

/// All of what a box says, for whoever points at it.
pub fn in_full(node: &Node, group_words: &str) -> String {
    [node.via.as_str(), node.title.as_str(), node.detail.as_str(), group_words]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("\u{a0}· ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::retainers::samples;

    #[test]
    fn what_paths_have_in_common_is_there_once() {
        let documents = samples::documents();
        let tree = Tree::from_groups(&documents.groups);
        assert_eq!(tree.roots.len(), 4);
        let module = &tree.nodes[tree.roots[0]];
        assert_eq!(
            (module.title.as_str(), module.detail.as_str()),
            ("holoviews.streams", "module")
        );
        assert_eq!((module.through, module.next.len()), (62, 1));
        let fork = tree.nodes.iter().find(|node| node.next.len() == 2).expect("a fork");
        assert_eq!((fork.via.as_str(), fork.depth), (".data", 3));
        let ends: Vec<u64> = tree.nodes.iter().filter_map(|node| Some(node.end?.count)).collect();
        assert_eq!(ends, [57, 5, 3, 2, 1]);
    }

    #[test]
    fn the_same_path_twice_is_one_with_the_sum() {
        let group = samples::registry();
        let tree = Tree::from_groups(&[group.clone(), group]);
        let ends: Vec<PathEnd> = tree.nodes.iter().filter_map(|node| node.end).collect();
        assert_eq!(ends, [PathEnd { count: 114, bytes: 20_064 }]);
    }

    #[test]
    fn the_middle_of_a_long_path_is_a_number() {
        let tree = Tree::from_groups(&samples::long().groups);
        assert_eq!(tree.nodes.len(), 1 + 2 * ENDS + 1);
        assert!(tree.nodes.iter().any(|node| node.detail == "84 more references"));
    }
}
