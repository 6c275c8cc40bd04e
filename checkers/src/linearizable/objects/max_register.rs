//! A register that keeps the greatest: `write n`, `read`.
//!
//! | operation | argument | answer |
//! |---|---|---|
//! | `write` | a whole number | not looked at |
//! | `read` | not looked at | the greatest number written so far; nil as the semantics say |
//!
//! It begins at the semantics' initial value; nil is less than every number.
//!
//! **Procedure**, exact for every history, O(n log n). A read of v takes effect after the first
//! write of v began: give it the later of the two beginnings. Then it is impossible only if
//! something greater, written or read, had completed before that.
//!
//! ```text
//!    write 2                 |-------|
//!    write 3       |--|
//!    read -> 2   |---------------|       3 was there before 2 could be: illegal
//! ```
//!
//! Why that suffices: let the register hold the greatest number among what has completed, always.
//! It has to hold that much. When it rises from u to w, let it first take every number between
//! them that an open read waits for, as far as its write began. A read that is not served so had
//! its beginning, as given above, after something greater had completed.

use super::super::model::{Answer, Call, Misfit, Model, Monitored, Part};
use super::super::semantics::{NilRead, Semantics};
use crate::history::Datum;
use rustc_hash::FxHashMap;

/// A register that keeps the greatest.
#[derive(Clone, Copy, Debug)]
pub struct MaxRegister {
    initial: Option<i64>,
    nil_read: NilRead,
}

/// An operation on a max-register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaxRegisterOp {
    /// This number, if it is greater than what is there.
    Write(i64),
    /// This was the greatest.
    Read(Option<i64>),
}

impl MaxRegister {
    /// A max-register that begins at the semantics' initial value.
    ///
    /// # Errors
    /// When the initial value is neither nil nor a whole number.
    pub fn new(semantics: &Semantics) -> Result<Self, Misfit> {
        let initial = match semantics.initial {
            Datum::Nil => None,
            Datum::Int(number) => Some(number),
            _ => return Err(Misfit::Shape("a whole number or nil as the initial value")),
        };
        Ok(Self { initial, nil_read: semantics.nil_read })
    }
}

impl Model for MaxRegister {
    type Op = MaxRegisterOp;
    /// Nothing before the first write.
    type State = Option<i64>;

    fn read(&self, call: &Call<'_>) -> Result<Option<MaxRegisterOp>, Misfit> {
        match (call.f, &call.answer) {
            ("write" | "read", Answer::Fail(_)) | ("read", Answer::Unknown) => Ok(None),
            ("write", _) => match call.argument {
                Datum::Int(number) => Ok(Some(MaxRegisterOp::Write(number))),
                _ => Err(Misfit::Shape("a whole number")),
            },
            ("read", Answer::Ok(Datum::Int(number))) => {
                Ok(Some(MaxRegisterOp::Read(Some(*number))))
            }
            ("read", Answer::Ok(Datum::Nil)) => {
                Ok((self.nil_read == NilRead::Found).then_some(MaxRegisterOp::Read(None)))
            }
            ("read", Answer::Ok(_)) => Err(Misfit::Shape("a whole number or nil as the answer")),
            _ => Err(Misfit::Function("write, read")),
        }
    }

    fn initial(&self) -> Option<i64> {
        self.initial
    }

    fn step(&self, state: &Option<i64>, op: &MaxRegisterOp, next: &mut Vec<Option<i64>>) {
        match *op {
            MaxRegisterOp::Write(number) => next.push((*state).max(Some(number))),
            MaxRegisterOp::Read(greatest) if greatest == *state => next.push(greatest),
            MaxRegisterOp::Read(_) => {}
        }
    }

    fn observes_only(&self, op: &MaxRegisterOp) -> bool {
        matches!(op, MaxRegisterOp::Read(_))
    }

    /// A number's writes and its reads: the others never find it, and find the same without it.
    fn group(&self, op: &MaxRegisterOp) -> Option<Datum> {
        match *op {
            MaxRegisterOp::Write(number) => Some(Datum::Int(number)),
            MaxRegisterOp::Read(number) => Some(number.map_or(Datum::Nil, Datum::Int)),
        }
    }

    fn monitor(&self, part: &Part<MaxRegisterOp>) -> Monitored {
        let greatest = Greatest::of(part);
        let mut written: FxHashMap<i64, usize> = FxHashMap::default();
        for (at, timed) in part.ops.iter().enumerate() {
            if let MaxRegisterOp::Write(number) = timed.op {
                written.entry(number).or_insert(at);
            }
        }
        let reads = part.ops.iter().enumerate();
        let contradiction =
            reads.filter(|(_, timed)| !timed.is_optional()).find_map(|(at, timed)| {
                let MaxRegisterOp::Read(found) = timed.op else { return None };
                let write = found.and_then(|number| written.get(&number).copied());
                self.against(part, &greatest, at, found, write)
            });
        contradiction.unwrap_or(Monitored::Legal)
    }

    fn op_text(&self, op: &MaxRegisterOp) -> String {
        match *op {
            MaxRegisterOp::Write(number) => format!("write {number}"),
            MaxRegisterOp::Read(found) => format!("read -> {}", text(found)),
        }
    }

    fn state_text(&self, state: &Option<i64>) -> String {
        text(*state)
    }
}

impl MaxRegister {
    /// What contradicts this read, if anything does. `write` is the first write of its number.
    fn against(
        &self,
        part: &Part<MaxRegisterOp>,
        greatest: &Greatest,
        read: usize,
        found: Option<i64>,
        write: Option<usize>,
    ) -> Option<Monitored> {
        let timed = &part.ops[read];
        let read_text = self.op_text(&timed.op);
        let illegal = |mut culprits: Vec<u32>, sentence: String| {
            culprits.sort_unstable();
            Some(Monitored::Illegal { culprits, sentence })
        };
        if found < self.initial {
            let initial = text(self.initial);
            let sentence = format!("{read_text} is impossible: the register began at {initial}");
            return illegal(vec![read as u32], sentence);
        }
        let write = write.filter(|_| found != self.initial);
        let began = match write.map(|write| part.ops[write].invoke) {
            Some(began) if began > timed.ret => {
                let sentence = format!("{read_text} completed before {} was written", text(found));
                return illegal(vec![read as u32, write? as u32], sentence);
            }
            None if found != self.initial => {
                let sentence = format!("{read_text}: nobody ever wrote {}", text(found));
                return illegal(vec![read as u32], sentence);
            }
            began => began.map_or(timed.invoke, |began| began.max(timed.invoke)),
        };
        let (_, more, witness) = greatest.before(began).filter(|&(_, more, _)| more > found)?;
        let witness_text = self.op_text(&part.ops[witness].op);
        if began == timed.invoke {
            let sentence = format!("{witness_text} completed before {read_text} began");
            return illegal(vec![read as u32, witness as u32], sentence);
        }
        let (found, more) = (text(found), text(more));
        let sentence = format!(
            "{read_text} is impossible: {witness_text} completed before any write of {found} \
             began, so the register never held {found}, but {more} or more"
        );
        illegal(vec![read as u32, write? as u32, witness as u32], sentence)
    }
}

/// The greatest number, written or read, among what had completed, and whose it was.
struct Greatest(Vec<(u32, Option<i64>, usize)>);

impl Greatest {
    fn of(part: &Part<MaxRegisterOp>) -> Self {
        let completed = part.ops.iter().enumerate().filter(|(_, timed)| !timed.is_optional());
        let mut rising: Vec<(u32, Option<i64>, usize)> = completed
            .map(|(at, timed)| match timed.op {
                MaxRegisterOp::Write(number) => (timed.ret, Some(number), at),
                MaxRegisterOp::Read(found) => (timed.ret, found, at),
            })
            .collect();
        rising.sort_unstable_by_key(|&(ret, ..)| ret);
        let mut most = None;
        rising.retain(|&(_, number, _)| {
            let rises = number > most;
            most = most.max(number);
            rises
        });
        Self(rising)
    }

    fn before(&self, index: u32) -> Option<(u32, Option<i64>, usize)> {
        let behind = self.0.partition_point(|&(ret, ..)| ret < index);
        behind.checked_sub(1).map(|last| self.0[last])
    }
}

fn text(number: Option<i64>) -> String {
    number.map_or_else(|| "nil".to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::agreement::{Said, compare, on_all, part, parts};
    use super::MaxRegisterOp::{Read, Write};
    use super::*;
    use proptest::prelude::*;

    const EMPTY: MaxRegister = MaxRegister { initial: None, nil_read: NilRead::Found };

    #[test]
    fn it_is_decided_as_brute_force_decides_it() {
        let said = on_all(&EMPTY, 4, &[Write(1), Write(2), Read(None), Read(Some(1))]);
        assert!(said.legal > 10_000 && said.illegal > 10_000 && said.unfit == 0, "{said:?}");
        let begun = MaxRegister { initial: Some(1), ..EMPTY };
        let said = on_all(&begun, 4, &[Write(0), Write(2), Read(Some(1)), Read(Some(2))]);
        assert!(said.legal > 10_000 && said.illegal > 10_000 && said.unfit == 0, "{said:?}");
    }

    proptest! {
        #[test]
        fn larger_histories_too(part in parts(
            vec![Write(1), Write(2), Write(3), Read(Some(1)), Read(Some(2)), Read(Some(3))], 7
        )) {
            compare(&EMPTY, &part, &mut Said::default());
        }
    }

    fn sentence(ops: &[(MaxRegisterOp, u32, Option<u32>)]) -> (Vec<u32>, String) {
        match EMPTY.monitor(&part(ops)) {
            Monitored::Illegal { culprits, sentence } => (culprits, sentence),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_contradicts_a_read_is_named() {
        let stale = [(Write(1), 0, Some(1)), (Write(2), 2, Some(3)), (Read(Some(1)), 4, Some(5))];
        let expected = "write 2 completed before read -> 1 began".to_owned();
        assert_eq!(sentence(&stale), (vec![1, 2], expected));
        let late = [(Read(Some(2)), 0, Some(9)), (Write(3), 1, Some(2)), (Write(2), 3, Some(8))];
        let (culprits, text) = sentence(&late);
        assert_eq!(culprits, [0, 1, 2]);
        assert!(text.contains("so the register never held 2, but 3 or more"), "{text}");
        let never = [(Read(Some(4)), 0, Some(1))];
        assert_eq!(sentence(&never).1, "read -> 4: nobody ever wrote 4");
    }
}
