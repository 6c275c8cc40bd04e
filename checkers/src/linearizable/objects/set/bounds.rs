//! What is asked of one element, and the earliest and the latest of it.

/// An operation on one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    pub(super) element: u32,
    /// The position of the operation in the part.
    pub(super) op: u32,
    pub(super) what: What,
    /// The index of the invocation.
    pub(super) from: u32,
    /// The index of the completion, or [`NEVER`](crate::linearizable::engine::NEVER) for one that
    /// may have happened or not: adds and removes only.
    pub(super) by: u32,
}

/// What an operation on one element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Add,
    Remove,
    /// It was found: at least once, or exactly so many times.
    There(Option<u64>),
    /// It was not found.
    Absent,
}

/// An event index, and the operation that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bound {
    pub(super) at: u32,
    pub(super) op: u32,
}

/// The latest invocation among these.
pub(super) fn latest_from<'a>(asks: impl Iterator<Item = &'a Ask>) -> Option<Bound> {
    asks.map(|ask| Bound { at: ask.from, op: ask.op }).max()
}

/// The earliest invocation among these.
pub(super) fn earliest_from<'a>(asks: impl Iterator<Item = &'a Ask>) -> Option<Bound> {
    asks.map(|ask| Bound { at: ask.from, op: ask.op }).min()
}

/// The earliest completion among these that completed.
pub(super) fn earliest_by<'a>(asks: impl Iterator<Item = &'a Ask>) -> Option<Bound> {
    asks.map(|ask| Bound { at: ask.by, op: ask.op }).min()
}
