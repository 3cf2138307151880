//! Which object leads to which.

/// References between objects, by their numbers: those of object `i` are
/// `targets[starts[i]..starts[i + 1]]`.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    starts: Vec<u32>,
    targets: Vec<u32>,
    /// Who may refer to what, found when all others were put in; by the first.
    late: Vec<(u32, u32)>,
}

/// In a target: this may be no reference.
const UNCERTAIN: u32 = 1 << 31;

impl Graph {
    /// The references of the next object begin here.
    pub(super) fn begin(&mut self) {
        self.starts.push(u32::try_from(self.targets.len()).unwrap_or(u32::MAX));
    }

    /// The object whose references are being put in refers to this one.
    pub(super) fn refer(&mut self, target: u32, certain: bool) {
        if self.targets.len() < u32::MAX as usize {
            self.targets.push(target | if certain { 0 } else { UNCERTAIN });
        }
    }

    /// Says, after all other references, what objects may refer to besides.
    pub(super) fn refer_late(&mut self, mut late: Vec<(u32, u32)>) {
        late.sort_unstable();
        late.dedup();
        self.late = late;
    }

    /// What an object refers to: number, and whether that is certain.
    pub fn references_of(&self, number: u32) -> impl Iterator<Item = (u32, bool)> + '_ {
        let at = |index: usize| {
            self.starts.get(index).map_or(self.targets.len(), |start| *start as usize)
        };
        let (from, to) = (at(number as usize), at(number as usize + 1));
        let targets = self.targets.get(from..to).unwrap_or(&[]);
        let late = self.late.partition_point(|(from, _)| *from < number);
        let late = self.late[late..].iter().take_while(move |(from, _)| *from == number);
        targets
            .iter()
            .map(|target| (target & !UNCERTAIN, target & UNCERTAIN == 0))
            .chain(late.map(|(_, target)| (*target, false)))
    }

    /// Of `count` objects those that `through` lead to and that cannot be reached from `roots`
    /// otherwise: what would be free if `through` were.
    pub fn only_through(&self, count: usize, through: &[u32], roots: &[u32]) -> Vec<u32> {
        let mut barred = vec![false; count];
        for &number in through {
            if let Some(barred) = barred.get_mut(number as usize) {
                *barred = true;
            }
        }
        self.spread(&mut barred, roots);
        // What was not reached is barred no longer, so that what `through` lead to is found among
        // it.
        let reached = barred;
        let mut kept = reached.clone();
        for &number in through {
            if let Some(kept) = kept.get_mut(number as usize) {
                *kept = false;
            }
        }
        self.spread(&mut kept, through);
        let barred: std::collections::HashSet<u32> = through.iter().copied().collect();
        let new = |number: &u32| {
            let at = *number as usize;
            kept[at] && (!reached[at] || barred.contains(number))
        };
        (0..u32::try_from(count).unwrap_or(0)).filter(new).collect()
    }

    /// Marks all that `from` lead to, except through what is marked already.
    fn spread(&self, marked: &mut [bool], from: &[u32]) {
        let mut open: Vec<u32> = Vec::new();
        let mut mark = |number: u32, open: &mut Vec<u32>| {
            if let Some(mark) = marked.get_mut(number as usize)
                && !std::mem::replace(mark, true)
            {
                open.push(number);
            }
        };
        from.iter().for_each(|&number| mark(number, &mut open));
        while let Some(at) = open.pop() {
            self.references_of(at).for_each(|(target, _)| mark(target, &mut open));
        }
    }
}
