//! Which write comes first, as far as time can tell.

use super::problem::Problem;

/// Which write comes first.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guess {
    /// The one that would in a linearization: a linearizable history needs no second try.
    Linearization,
    /// The one whose value was first known to be there: right for replicas that follow one log.
    Acknowledged,
}

pub(super) const GUESSES: [Guess; 2] = [Guess::Linearization, Guess::Acknowledged];

/// Where each write stands by the guess. In a linearization: zones (Gibbons & Korach 1997).
///
/// A value is certainly held from the first completion of those who set or found it to the last
/// invocation, if these are in this order; else it may be held anywhere between, but not while
/// another value of the key certainly is.
pub(super) fn points(problem: &Problem, guess: Guess) -> Vec<u32> {
    let mut first: Vec<u32> = problem.ops.iter().map(|op| op.ret).collect();
    let mut last: Vec<u32> = problem.ops.iter().map(|op| op.invoke).collect();
    for op in &problem.ops {
        if let Some(source) = op.source() {
            first[source as usize] = first[source as usize].min(op.ret);
            last[source as usize] = last[source as usize].max(op.invoke);
        }
    }
    if matches!(guess, Guess::Acknowledged) {
        return first;
    }
    let writes = || (0..problem.ops.len()).filter(|&at| problem.ops[at].sets);
    let mut certain: Vec<Vec<(u32, u32)>> = vec![Vec::new(); problem.keys];
    for at in writes().filter(|&at| first[at] < last[at]) {
        certain[problem.ops[at].key as usize].push((first[at], last[at]));
    }
    certain.iter_mut().for_each(|zones| zones.sort_unstable());
    let mut points = last.clone();
    for at in writes() {
        let zones = &certain[problem.ops[at].key as usize];
        let under = zones.partition_point(|zone| zone.0 < last[at]).checked_sub(1);
        points[at] = match under {
            _ if first[at] < last[at] => first[at],
            Some(under) => last[at].max(zones[under].1),
            None => last[at],
        };
    }
    points
}
