//! A key as a register: possible where every value shows how it came about.
//!
//! ```text
//!   put p   append a   append b   append c   get -> "pab"
//!
//!   "pab" can only be p, then a, then b, nothing in between:
//!     put p     write p            what was put, and what a key holds at first, are values
//!     append a  cas p -> pa        every append that somebody saw the result of makes one, too,
//!     append b  cas pa -> pab      out of the one that stands before it
//!     append c  write (c)          nobody saw it: whatever it made, nobody looks for it
//!     get       read pab
//! ```
//!
//! Precondition: no piece is appended twice, and every value that somebody found can be taken apart
//! into something that was put (or nil) and pieces in one way only. Then a value says which append
//! made it and what was there before, so the register has an order exactly when the key has: each
//! state of the one is a state of the other. An append that nobody saw behaves as a blind write of
//! a value of its own: no value that was found has its piece in it, so nobody can be placed behind
//! it but whoever does not look.
//!
//! A register with unique writes and chains of cas is decided at sight, whatever the concurrency.

use super::super::super::engine::{Limits, Outcome};
use super::super::super::model::{Model, Part, Timed};
use super::super::super::register::{self, Effect};
use super::{Content, Kv, KvOp, shown, text_of};
use crate::history::Datum;
use rustc_hash::FxHashMap;

/// Bytes compared to take values apart, at most.
const COMPARED_BYTES_MAX: u64 = 1 << 32;

/// Trials to find fewer culprits, and operations that they may look at together.
const TRIALS_MAX: usize = 400;
const TRIALS_OPS_MAX: usize = 4_000_000;

/// What a part is as a register.
#[derive(Debug)]
pub(super) enum Chain {
    /// The register's operations, by position, and the number of its values. Zero is the initial
    /// one.
    Register { ops: Vec<Timed<Effect>>, values: usize },
    /// There is no order, as one value alone or two of them show.
    Impossible { culprits: Vec<u32>, sentence: String },
    /// The precondition does not hold.
    Unfit(String),
}

/// Pieces and what was put, for taking values apart.
struct Builder<'a> {
    kv: &'a Kv,
    part: &'a Part<KvOp>,
    /// What was put, and nil if keys begin so: content to value.
    bases: FxHashMap<Content, u32>,
    /// The append of each piece.
    pieces: FxHashMap<&'a Datum, u32>,
    texts: FxHashMap<&'a str, u32>,
    /// Whether values are lists; else they are texts.
    lists: bool,
    /// By position: the value that an append makes.
    made: Vec<u32>,
    /// By position: the value that was there before an append, and who saw that.
    before: Vec<Option<(u32, u32)>>,
    values: u32,
    /// The lengths of texts that were put and appended, ascending.
    base_lengths: Vec<usize>,
    piece_lengths: Vec<usize>,
    compared_bytes: u64,
}

impl Chain {
    pub(super) fn of(kv: &Kv, part: &Part<KvOp>) -> Self {
        let result = if part.ops.iter().any(|timed| matches!(timed.op, KvOp::Append(_))) {
            Builder::new(kv, part).and_then(Builder::chain)
        } else {
            Ok(plain(kv, part))
        };
        result.unwrap_or_else(|stopped| stopped)
    }
}

/// A key without append: contents are values.
fn plain(kv: &Kv, part: &Part<KvOp>) -> Chain {
    let mut values = FxHashMap::from_iter([(&kv.initial, 0)]);
    let mut value = |content| {
        let next = values.len() as u32;
        *values.entry(content).or_insert(next)
    };
    let effect = |timed: &Timed<KvOp>, effect| {
        let Timed { invoke, ret, info, .. } = *timed;
        Timed { op: effect, invoke, ret, info }
    };
    let mut ops = Vec::with_capacity(part.ops.len());
    for timed in &part.ops {
        let told = match &timed.op {
            KvOp::Get(found) => Effect::Read(value(found)),
            KvOp::Put(content) => Effect::Write(value(content)),
            KvOp::Cas(from, to) => Effect::Cas(value(from), value(to)),
            KvOp::Miss(from) => Effect::Miss(value(from)),
            KvOp::Append(_) => unreachable!("the caller looked for appends"),
        };
        ops.push(effect(timed, told));
    }
    Chain::Register { ops, values: values.len() }
}

impl<'a> Builder<'a> {
    fn new(kv: &'a Kv, part: &'a Part<KvOp>) -> Result<Self, Chain> {
        let unfit = |why: &str| Err(Chain::Unfit(why.to_owned()));
        let mut builder = Self {
            kv,
            part,
            bases: FxHashMap::from_iter([(kv.initial.clone(), 0)]),
            pieces: FxHashMap::default(),
            texts: FxHashMap::default(),
            lists: false,
            made: vec![0; part.ops.len()],
            before: vec![None; part.ops.len()],
            values: 1,
            base_lengths: Vec::new(),
            piece_lengths: Vec::new(),
            compared_bytes: 0,
        };
        for (at, timed) in (0..).zip(&part.ops) {
            match &timed.op {
                KvOp::Put(content) => builder.base(content),
                KvOp::Cas(_, to) if !timed.is_optional() => builder.base(to),
                KvOp::Cas(..) => return unfit("an indeterminate cas beside appends"),
                KvOp::Miss(_) => return unfit("a failed cas beside appends"),
                KvOp::Get(_) => {}
                KvOp::Append(piece) => {
                    if builder.pieces.insert(piece, at).is_some() {
                        return unfit("two appends of the same piece");
                    }
                    builder.made[at as usize] = builder.values;
                    builder.values += 1;
                }
            }
        }
        builder.lists = match builder.kind() {
            Some(lists) => lists,
            None => return unfit("not all is text and not all is lists"),
        };
        builder.texts =
            builder.pieces.iter().filter_map(|(piece, at)| Some((text_of(piece)?, *at))).collect();
        builder.base_lengths = ascending(builder.bases.keys().map(Content::len));
        builder.piece_lengths = ascending(builder.texts.keys().map(|text| text.len()));
        if builder.piece_lengths.first() == Some(&0) {
            return unfit("an empty piece");
        }
        Ok(builder)
    }

    fn base(&mut self, content: &Content) {
        if !self.bases.contains_key(content) {
            self.bases.insert(content.clone(), self.values);
            self.values += 1;
        }
    }

    /// Whether values are lists, if no append can meet a value that it does not fit.
    fn kind(&self) -> Option<bool> {
        let texts = self.bases.keys().all(|base| matches!(base, Content::Nil | Content::Text(_)))
            && self.pieces.keys().all(|piece| text_of(piece).is_some())
            && !self.kv.lists;
        let lists = self.bases.keys().all(|base| matches!(base, Content::Nil | Content::List(_)))
            && (self.kv.lists || self.pieces.keys().all(|piece| text_of(piece).is_none()));
        (texts || lists).then_some(lists)
    }

    fn chain(mut self) -> Result<Chain, Chain> {
        let part = self.part;
        let mut found: FxHashMap<&Content, u32> = FxHashMap::default();
        for (at, timed) in (0..).zip(&part.ops) {
            if let (KvOp::Get(content) | KvOp::Cas(content, _), false) =
                (&timed.op, timed.is_optional())
                && !found.contains_key(content)
            {
                found.insert(content, self.taken_apart(at, content)?);
            }
        }
        let mut ops = Vec::with_capacity(part.ops.len());
        for (at, timed) in part.ops.iter().enumerate() {
            let effect = match &timed.op {
                // Nobody saw what it found; a register drops it.
                KvOp::Get(_) if timed.is_optional() => Effect::Read(0),
                KvOp::Get(content) => Effect::Read(found[content]),
                KvOp::Put(content) => Effect::Write(self.bases[content]),
                KvOp::Cas(from, to) => Effect::Cas(found[from], self.bases[to]),
                KvOp::Append(_) => match self.before[at] {
                    Some((before, _)) => Effect::Cas(before, self.made[at]),
                    None => Effect::Write(self.made[at]),
                },
                KvOp::Miss(_) => unreachable!("refused in the beginning"),
            };
            let Timed { invoke, ret, info, .. } = *timed;
            ops.push(Timed { op: effect, invoke, ret, info });
        }
        Ok(Chain::Register { ops, values: self.values as usize })
    }

    /// The value that an operation found; writes down what stood before each append in it.
    fn taken_apart(&mut self, at: u32, content: &Content) -> Result<u32, Chain> {
        let text = |of: u32| self.kv.op_text(&self.part.ops[of as usize].op);
        let (base, appends) = match content {
            Content::Nil | Content::Other(_) => (content.clone(), Vec::new()),
            Content::Text(text) if !self.lists => self.text_apart(at, text)?,
            Content::List(list) if self.lists => self.list_apart(at, list)?,
            Content::Text(_) | Content::List(_) => return Err(self.unheard(at)),
        };
        let Some(&value) = self.bases.get(&base) else { return Err(self.unheard(at)) };
        let mut value = value;
        for &append in &appends {
            let (before, witness) = *self.before[append as usize].get_or_insert((value, at));
            if before != value {
                let culprits =
                    Vec::from_iter(std::collections::BTreeSet::from([append, witness, at]));
                let sentence = if witness == at {
                    format!("{} happened once, but {} has it twice", text(append), text(at))
                } else {
                    let [append, at, witness] = [append, at, witness].map(text);
                    format!("{at} and {witness} disagree on what stood before {append}")
                };
                return Err(Chain::Impossible { culprits, sentence });
            }
            value = self.made[append as usize];
        }
        Ok(value)
    }

    fn unheard(&self, at: u32) -> Chain {
        let text = self.kv.op_text(&self.part.ops[at as usize].op);
        let sentence = format!("{text}: no sequence of what was put and appended gives that");
        Chain::Impossible { culprits: vec![at], sentence }
    }

    fn ambiguous(content: &str) -> Chain {
        Chain::Unfit(format!("{} can have come about in several ways", shown(content)))
    }

    fn list_apart(&self, at: u32, list: &[Datum]) -> Result<(Content, Vec<u32>), Chain> {
        let mut ways = Vec::new();
        let pieces_from =
            list.iter().rposition(|piece| !self.pieces.contains_key(piece)).map_or(0, |at| at + 1);
        for &length in self.base_lengths.iter().filter(|length| **length <= list.len()) {
            if length >= pieces_from {
                let base = Content::List(list[..length].into());
                let bases = if length == 0 { vec![base, Content::Nil] } else { vec![base] };
                let known = bases.into_iter().filter(|base| self.bases.contains_key(base));
                ways.extend(known.map(|base| (base, length)));
            }
        }
        match &ways[..] {
            [] => Err(self.unheard(at)),
            [(base, length)] => {
                let appends = list[*length..].iter().map(|piece| self.pieces[piece]).collect();
                Ok((base.clone(), appends))
            }
            _ => Err(Self::ambiguous("a list")),
        }
    }

    fn text_apart(&mut self, at: u32, text: &str) -> Result<(Content, Vec<u32>), Chain> {
        let lengths = self.base_lengths.len() + self.piece_lengths.len();
        self.compared_bytes += (text.len() * lengths) as u64 * 16;
        if self.compared_bytes > COMPARED_BYTES_MAX {
            return Err(Chain::Unfit("the values are too long to be taken apart".to_owned()));
        }
        // By place, from the end: in how many ways the rest is pieces, and the piece there.
        let mut rest: Vec<(u8, u32, usize)> = vec![(0, 0, 0); text.len() + 1];
        rest[text.len()].0 = 1;
        for from in (0..text.len()).rev() {
            for &length in &self.piece_lengths {
                let Some(piece) = text.get(from..from + length) else { continue };
                let after = rest[from + length].0;
                let known = (after > 0).then(|| self.texts.get(piece)).flatten();
                if let Some(&append) = known {
                    rest[from] = ((rest[from].0 + after).min(2), append, length);
                }
            }
        }
        let mut ways = 0_u64;
        let mut one = None;
        for &length in &self.base_lengths {
            let Some(start) = text.get(..length) else { continue };
            let base = Content::Text(start.into());
            let bases = if length == 0 { vec![base, Content::Nil] } else { vec![base] };
            for base in bases.into_iter().filter(|base| self.bases.contains_key(base)) {
                if rest[length].0 > 0 {
                    ways += u64::from(rest[length].0);
                    one = Some((base, length));
                }
            }
        }
        let Some((base, mut from)) = one else { return Err(self.unheard(at)) };
        if ways > 1 {
            return Err(Self::ambiguous(text));
        }
        let mut appends = Vec::new();
        while from < text.len() {
            let (_, append, length) = rest[from];
            appends.push(append);
            from += length;
        }
        Ok((base, appends))
    }
}

fn ascending(lengths: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut lengths: Vec<usize> = lengths.collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// Positions of operations that have no order either, fewer if that is quickly found.
pub(super) fn culprits(
    part: &Part<KvOp>,
    ops: &[Timed<Effect>],
    values: usize,
    limits: &Limits<'_>,
) -> Vec<u32> {
    let mut kept: Vec<u32> = (0..ops.len() as u32).collect();
    let mut trials = TRIALS_MAX.min(TRIALS_OPS_MAX / ops.len().max(1));
    let mut size = kept.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < kept.len() && trials > 0 {
            let end = kept.len().min(from + size);
            let fewer = Fewer::without(part, ops, values, &kept, from..end);
            let smaller = fewer.kept.len() < kept.len();
            trials -= usize::from(smaller);
            if smaller && register::decide(&fewer.ops, values, limits).outcome == Outcome::Illegal {
                kept = fewer.kept;
            } else {
                from = end;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    kept
}

/// Some of the operations of a register, and what they are without the others.
struct Fewer {
    kept: Vec<u32>,
    ops: Vec<Timed<Effect>>,
}

impl Fewer {
    /// Takes out a range of the kept operations, as far as they can be taken out of every order:
    /// who only looks, and who makes a value that nobody who is left looks for. Behind the latter
    /// comes a blind write or nothing, and that can stand there without it, too.
    fn without(
        part: &Part<KvOp>,
        all: &[Timed<Effect>],
        values: usize,
        kept: &[u32],
        range: std::ops::Range<usize>,
    ) -> Self {
        let is_append = |at: u32| matches!(part.ops[at as usize].op, KvOp::Append(_));
        let outside = |index: &usize| !range.contains(index);
        let mut before: Vec<Option<u32>> = vec![None; values];
        let mut wanted: Vec<u32> = Vec::new();
        let mut missed = false;
        for (index, &at) in kept.iter().enumerate() {
            match all[at as usize].op {
                Effect::Cas(from, to) if is_append(at) => before[to as usize] = Some(from),
                Effect::Cas(from, _) => wanted.push(from),
                Effect::Read(value) if outside(&index) => wanted.push(value),
                Effect::Miss(_) => missed = true,
                Effect::Read(_) | Effect::Write(_) => {}
            }
        }
        let mut needed = vec![missed; values];
        while let Some(value) = wanted.pop() {
            if !std::mem::replace(&mut needed[value as usize], true) {
                wanted.extend(before[value as usize]);
            }
        }
        let is_needed = |at: u32| match all[at as usize].op {
            Effect::Read(_) => false,
            Effect::Miss(_) => true,
            Effect::Write(value) => needed[value as usize],
            Effect::Cas(_, to) => !is_append(at) || needed[to as usize],
        };
        let still = kept.iter().enumerate();
        let still = still.filter(|(index, at)| outside(index) || is_needed(**at));
        let kept: Vec<u32> = still.map(|(_, at)| *at).collect();
        let told = |at: &u32| match all[*at as usize] {
            // Nobody is left who saw what it was appended to.
            Timed { op: Effect::Cas(_, to), invoke, ret, info }
                if is_append(*at) && !needed[to as usize] =>
            {
                Timed { op: Effect::Write(to), invoke, ret, info }
            }
            timed => timed,
        };
        let ops = kept.iter().map(told).collect();
        Self { kept, ops }
    }
}
