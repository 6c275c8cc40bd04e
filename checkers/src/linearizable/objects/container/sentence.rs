//! A container's contradiction in one sentence.

use super::lives::{Life, Lives, Wrong};
use super::sweep::Clash;
use super::{ContainerOp, Discipline, value_text};
use crate::linearizable::model::Part;

/// More values are not listed.
const VALUES_MAX: usize = 6;

/// Why an operation cannot be, whatever the order.
pub(super) fn at_sight(discipline: Discipline, part: &Part<ContainerOp>, wrong: Wrong) -> String {
    let words = discipline.words();
    let (was_put, was_taken) = (words.was_put, words.was_taken);
    let (put, take) = (words.put, words.take);
    match wrong {
        Wrong::FromNowhere(op) => {
            format!("{} was {was_taken}, but nobody {was_put} it", value(part, op))
        }
        Wrong::TakenTwice([op, ..]) => {
            format!("{0} was {was_taken} twice, but was {was_put} once", value(part, op))
        }
        Wrong::TakenBefore([op, _]) => {
            let value = value(part, op);
            format!("the {take} of {value} had ended before the {put} of {value} began")
        }
    }
}

/// Why these lives cannot be. `lost`: takes of unknown result matter, but are too few.
pub(super) fn clash(
    discipline: Discipline,
    part: &Part<ContainerOp>,
    all: &Lives,
    clash: &Clash,
    lost: bool,
) -> String {
    let words = discipline.words();
    let name = |life: usize| value(part, all.lives[life].put);
    let mut sentence = match clash {
        Clash::Overtaken { first, second } => {
            let (a, b) = (name(*first), name(*second));
            let (was_put, was_taken, take) = (words.was_put, words.was_taken, words.take);
            if known(part, &all.lives[*first]) {
                format!(
                    "{b} was {was_put} after {a} had been, but was {was_taken} before the {take} \
                     of {a} began"
                )
            } else {
                format!(
                    "{b} was {was_put} after {a} had been, and was {was_taken}, but {a} had not \
                     been {was_taken} before"
                )
            }
        }
        Clash::Passed { taken, over } => format!(
            "{} was {}, while {}, which {} first",
            name(*taken),
            words.was_taken,
            inside_all_the_time(over, name),
            if over.len() == 1 { "comes" } else { "come" },
        ),
        Clash::NotEmpty { inside, .. } => format!(
            "{} found the {} empty, while {}",
            words.take,
            words.object,
            inside_all_the_time(inside, name),
        ),
        Clash::Tangled(values) => tangled(part, all, values),
    };
    if lost {
        let take = words.take;
        sentence.push_str(&format!(
            "; the {take}s of unknown result do not suffice for what had to be gone by then"
        ));
    }
    sentence
}

fn tangled(part: &Part<ContainerOp>, all: &Lives, values: &[usize]) -> String {
    let name = |life: usize| value(part, all.lives[life].put);
    if let [a, b] = *values {
        let (first, second) = if put_in(all, b, a) { (a, b) } else { (b, a) };
        let (a, b) = (name(first), name(second));
        return format!("{b} was pushed while {a} was inside, and {a} popped while {b} was inside");
    }
    let names = list(values, name);
    format!("no order of the pushes and pops of {names} pops the last of them every time")
}

/// Whether the one was pushed while the other was certainly inside.
fn put_in(all: &Lives, pushed: usize, inside: usize) -> bool {
    let (pushed, inside) = (&all.lives[pushed], all.lives[inside].inside());
    inside.start <= pushed.put_from && pushed.put_by <= inside.end
}

fn known(part: &Part<ContainerOp>, life: &Life) -> bool {
    !life.stays() && !part.ops[life.take as usize].is_optional()
}

fn inside_all_the_time(values: &[usize], name: impl Fn(usize) -> String) -> String {
    match values {
        [one] => format!("{} was inside all the time", name(*one)),
        _ => format!("at every moment one of {} was inside", list(values, name)),
    }
}

/// `1, 2 and 3`.
fn list(values: &[usize], name: impl Fn(usize) -> String) -> String {
    let mut names: Vec<String> = values.iter().take(VALUES_MAX).map(|&value| name(value)).collect();
    let more = values.len() - names.len();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn value(part: &Part<ContainerOp>, op: u32) -> String {
    match &part.ops[op as usize].op {
        ContainerOp::Put(value) | ContainerOp::Take(value) => value_text(value),
        ContainerOp::TakeNothing | ContainerOp::TakeUnknown => String::new(),
    }
}
