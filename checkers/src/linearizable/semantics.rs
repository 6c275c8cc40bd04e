//! What a recorded result means, where the field's tools differ. Explicit options, never guessed.
//!
//! | | initial | a nil read | a failed cas | open at the end |
//! |---|---|---|---|---|
//! | `jepsen` | nil | constrains nothing | did not happen | may have happened |
//! | `porcupine` | nil | found nil | found another value | may have happened |
//! | `strict` | nil | found nil | did not happen | may have happened |
//!
//! Jepsen is the default: its registers treat a nil result as "nobody knows". Our own clients
//! answer nil only for a key that is absent, so their runs are judged strictly.

use crate::history::Datum;

/// What the results of a history mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Semantics {
    /// What a register holds at first, and a counter.
    pub initial: Datum,
    /// What a read says that was answered with nil.
    pub nil_read: NilRead,
    /// What a `fail` of a compare-and-set says.
    pub failed_cas: FailedCas,
    /// What became of operations without completion, and of those that ended as `info`.
    pub open: Open,
}

/// What a read says that was answered with nil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NilRead {
    /// The object held nil.
    Found,
    /// Nothing.
    Unconstrained,
}

/// What a `fail` of a compare-and-set says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCas {
    /// That it did not happen.
    DidNotHappen,
    /// That it happened, and found another value than the one that it compared with.
    FoundAnother,
}

/// What became of an operation that nobody saw the end of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// It took effect at any time after its invocation, or never.
    MayHaveHappened,
    /// It never took effect.
    NeverHappened,
}

impl Semantics {
    /// Jepsen's and Knossos'.
    pub const JEPSEN: Self = Self {
        initial: Datum::Nil,
        nil_read: NilRead::Unconstrained,
        failed_cas: FailedCas::DidNotHappen,
        open: Open::MayHaveHappened,
    };

    /// Porcupine's.
    pub const PORCUPINE: Self =
        Self { nil_read: NilRead::Found, failed_cas: FailedCas::FoundAnother, ..Self::JEPSEN };

    /// Every nil is a result like any other.
    pub const STRICT: Self = Self { nil_read: NilRead::Found, ..Self::JEPSEN };
}

impl Default for Semantics {
    fn default() -> Self {
        Self::JEPSEN
    }
}

impl std::fmt::Display for Semantics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let nil_read = match self.nil_read {
            NilRead::Found => "a nil read found nil",
            NilRead::Unconstrained => "a nil read says nothing",
        };
        let failed_cas = match self.failed_cas {
            FailedCas::DidNotHappen => "a failed cas did not happen",
            FailedCas::FoundAnother => "a failed cas found another value",
        };
        let open = match self.open {
            Open::MayHaveHappened => "open operations may have happened",
            Open::NeverHappened => "open operations never happened",
        };
        write!(f, "initially {}; {nil_read}; {failed_cas}; {open}", self.initial)
    }
}
