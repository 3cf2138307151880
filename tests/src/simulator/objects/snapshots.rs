//! What snapshots of a simulated heap see: the same series as a real census has, also where
//! something came to a halt.

use leakspy::model::{Document, NoObjects, Note, TypePoint, TypeRetainer, TypeSeries};

use super::super::random::Random;
use super::super::recording::Recording;
use super::super::stalled::Halt;
use super::super::world::World;
use super::heap::{Class, SimulatedHeap};

/// The recording of a heap.
pub fn document(heap: &SimulatedHeap, halt: Halt) -> Document {
    let mut random = heap.random.clone();
    let times = times(heap, halt, &mut random);
    let end = times.last().copied().unwrap_or(0.0);
    let world = World::new(end.max(1.0), 1);
    let mut document = Recording::new(&world, None).document(end);
    document.capture.notes = halt.notes();
    document.capture.seconds = end;
    if !heap.is_finished {
        let reason = NoObjects::EndedEarly;
        document.capture.notes.push(Note::ObjectsUnfinished { reason });
    }
    let history = &mut document.history;
    history.counts = times.len();
    history.types =
        heap.classes.iter().map(|class| series(class, heap, &times, halt, &mut random)).collect();
    let held = heap.classes.iter().filter(|class| class.is_held && heap.is_finished);
    history.type_retainers = held.map(retainer).collect();
    document
}

/// When snapshots are taken: the first at once, the last at the end.
fn times(heap: &SimulatedHeap, halt: Halt, random: &mut Random) -> Vec<f64> {
    let every = heap.watch.every;
    let end = halt.shifted(heap.watch.seconds());
    let mut times = vec![0.0];
    let mut due = every;
    while due < end - 0.5 * every {
        let late = if halt == Halt::Irregular { random.between(0.0, 0.9 * every) } else { 0.0 };
        if !halt.hides(due, random) {
            times.push(due + late);
        }
        due += every;
    }
    times.push(end.max(due));
    times
}

fn series(
    class: &Class,
    heap: &SimulatedHeap,
    times: &[f64],
    halt: Halt,
    random: &mut Random,
) -> TypeSeries {
    let mut points = Vec::with_capacity(times.len());
    // Of each object the snapshot that saw it first, once one did.
    let mut first: Vec<Option<usize>> = vec![None; class.objects.len()];
    let lives: Vec<(f64, f64)> = class
        .objects
        .iter()
        .map(|(birth, death)| (halt.shifted(*birth), halt.shifted(*death)))
        .collect();
    for (snapshot, t) in times.iter().enumerate() {
        let is_there = |at: &usize| lives[*at].0 <= *t && *t < lives[*at].1;
        let is_torn = heap.torn.is_some_and(|torn| torn as usize == snapshot);
        let mut there: Vec<usize> = (0..lives.len()).filter(is_there).collect();
        if is_torn {
            // Those that it missed are taken for new ones by the next.
            there.retain(|_| random.chance(0.5));
            (0..lives.len()).filter(|at| !there.contains(at)).for_each(|at| first[at] = None);
        }
        let gone = |at: &usize| lives[*at].1 <= *t && first[*at].is_some();
        let mut free: Vec<usize> =
            (0..lives.len()).filter(gone).filter_map(|at| first[at]).collect();
        (0..lives.len()).filter(|at| lives[*at].1 <= *t).for_each(|at| first[at] = None);
        let (mut born, mut retained) = (0, class.before);
        for at in there {
            if first[at].is_none() && random.chance(class.reused) {
                first[at] = free.pop();
            }
            match first[at] {
                Some(_) => retained += 1,
                None => {
                    first[at] = Some(snapshot);
                    born += 1;
                }
            }
        }
        if snapshot == 0 {
            (born, retained) = (0, 0);
        }
        let count = class.before + first.iter().flatten().count() as u64;
        points.push(TypePoint {
            t: *t,
            count,
            bytes: count * class.size,
            retained_count: retained,
            born_count: born,
            collections: heap
                .collections
                .as_ref()
                .map(|all| all.iter().filter(|at| halt.shifted(**at) <= *t).count() as u64),
        });
    }
    let mut survivors = vec![0; times.len()];
    survivors[0] = class.before;
    first.iter().flatten().for_each(|snapshot| survivors[*snapshot] += 1);
    TypeSeries { name: class.name.clone(), points, survivors }
}

fn retainer(class: &Class) -> TypeRetainer {
    let path = vec![("module app".to_owned(), None), (".all".to_owned(), Some("list".to_owned()))];
    let last = ("[0]".to_owned(), Some(class.name.clone()));
    TypeRetainer { name: class.name.clone(), path: path.into_iter().chain([last]).collect() }
}
