//! The objects that are known by name.

/// The object whose history is judged: its sequential specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A register per key: `read`, `write`.
    Register,
    /// A register per key with `cas` as well: `[from, to]`.
    CasRegister,
    /// Keys with `get`, `put`, `append`, `delete`, `cas`.
    Kv,
    /// Elements that are there or not: `add`, `remove`, `contains`, `read`.
    Set,
    /// Elements that are there so many times.
    Multiset,
    /// First in, first out: `enqueue`, `dequeue`.
    FifoQueue,
    /// `dequeue` gives any element.
    UnorderedQueue,
    /// Last in, first out: `push`, `pop`.
    Stack,
    /// `poll` gives the least element, or the greatest.
    PriorityQueue {
        /// Whether the greatest comes first.
        greatest_first: bool,
    },
    /// `add` (of a negative number, too), `increment`, `decrement`, `read`.
    Counter,
    /// `write`; `read` gives the greatest value ever written.
    MaxRegister,
    /// `acquire` and `release`; whoever holds it.
    Mutex,
    /// Its holder may acquire it again, and releases it as often.
    ReentrantMutex,
    /// At most so many permits are out.
    Semaphore {
        /// Permits.
        permits: u32,
    },
    /// Every `acquire` gives a token, each greater than the last.
    FencedLock,
    /// At most one leader in each term.
    Leader,
    /// `append` gives an offset; `read` what stands from an offset on.
    Log,
}

impl Object {
    /// Every object, with its name and one sentence.
    pub const ALL: &'static [(&'static str, Self, &'static str)] = &[
        ("register", Self::Register, "a register per key: read, write"),
        ("cas-register", Self::CasRegister, "a register per key: read, write, cas [from, to]"),
        ("kv", Self::Kv, "keys with get, put, append, delete, cas"),
        ("set", Self::Set, "elements: add, remove, contains, read"),
        ("multiset", Self::Multiset, "elements with a count: add, remove, count, read"),
        ("fifo-queue", Self::FifoQueue, "first in, first out: enqueue, dequeue"),
        ("unordered-queue", Self::UnorderedQueue, "dequeue gives any element"),
        ("stack", Self::Stack, "last in, first out: push, pop"),
        (
            "priority-queue",
            Self::PriorityQueue { greatest_first: false },
            "insert, poll: the least element first",
        ),
        (
            "max-priority-queue",
            Self::PriorityQueue { greatest_first: true },
            "insert, poll: the greatest element first",
        ),
        ("counter", Self::Counter, "add (negative, too), increment, decrement, read"),
        ("max-register", Self::MaxRegister, "write; read gives the greatest value written"),
        ("mutex", Self::Mutex, "acquire, release; anybody may release"),
        ("reentrant-mutex", Self::ReentrantMutex, "its holder may acquire it again"),
        ("semaphore", Self::Semaphore { permits: 1 }, "at most --permits permits are out"),
        ("fenced-lock", Self::FencedLock, "every acquire gives a token greater than the last"),
        ("leader", Self::Leader, "at most one leader in each term"),
        ("log", Self::Log, "append gives an offset; read what stands from an offset on"),
    ];

    /// The object of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, ..)| *known == name).map(|(_, object, _)| *object)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let kind = std::mem::discriminant(&self);
        let greatest = matches!(self, Self::PriorityQueue { greatest_first: true });
        Self::ALL
            .iter()
            .find(|(_, known, _)| {
                let known_greatest = matches!(known, Self::PriorityQueue { greatest_first: true });
                std::mem::discriminant(known) == kind && known_greatest == greatest
            })
            .map_or("object", |(name, ..)| name)
    }
}
