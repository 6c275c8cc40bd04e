//! What a file left open, and how it was understood.

/// A liberty that was taken with a file of others. It is said, because a verdict may hang on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Events without a time. They are one nanosecond later than the event before.
    Untimed {
        /// How many.
        events: usize,
    },
    /// Events with a time before that of an earlier event got that event's time. Jepsen's clients
    /// read the clock before their events are put in order.
    TimeRaised {
        /// How many.
        events: usize,
        /// The most by which a time was raised, in nanoseconds.
        most_ns: u64,
    },
    /// No event has a process. A completion belongs to the one open operation of its function.
    NoProcess,
    /// Events without a function are transactions, `txn`.
    NoFunction {
        /// How many.
        events: usize,
    },
}

impl std::fmt::Display for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Untimed { events } => {
                write!(f, "{} without a time, taken for 1 ns later than the one before", n(*events))
            }
            Self::TimeRaised { events, most_ns } => write!(
                f,
                "{} stamped before an earlier one, by up to {most_ns} ns: the order of the file \
                 counts",
                n(*events)
            ),
            Self::NoProcess => f.write_str(
                "no event has a process: a completion belongs to the one open operation of its f",
            ),
            Self::NoFunction { events } => {
                write!(f, "{} without an f, taken for transactions (txn)", n(*events))
            }
        }
    }
}

fn n(events: usize) -> String {
    format!("{events} event{}", if events == 1 { "" } else { "s" })
}
