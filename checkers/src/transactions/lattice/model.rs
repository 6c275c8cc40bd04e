//! The consistency models by name, weak ones first.

macro_rules! models {
    (@friendly $canonical:literal) => { $canonical };
    (@friendly $canonical:literal $friendly:literal) => { $friendly };
    ($($variant:ident = $canonical:literal $($friendly:literal)?,)*) => {
        /// A consistency model: what a system promises of its transactions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the field's own; docs explain them")]
        pub enum Model {
            $($variant,)*
        }

        impl Model {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Adya's name, where there is one: `PL-2`.
            pub fn canonical(self) -> &'static str {
                match self {
                    $(Self::$variant => $canonical,)*
                }
            }

            /// The name in words, as Elle gives it in verdicts: `read-committed`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => models!(@friendly $canonical $($friendly)?),)*
                }
            }
        }
    };
}

models! {
    ReadUncommitted = "PL-1" "read-uncommitted",
    ReadCommitted = "PL-2" "read-committed",
    CursorStability = "PL-CS" "cursor-stability",
    MonotonicView = "PL-2L" "monotonic-view",
    MonotonicSnapshotRead = "PL-MSR" "monotonic-snapshot-read",
    ConsistentView = "PL-2+" "consistent-view",
    ForwardConsistentView = "PL-FCV" "forward-consistent-view",
    UpdateSerializable = "PL-3U" "update-serializable",
    MonotonicAtomicView = "monotonic-atomic-view",
    ReadAtomic = "read-atomic",
    CausalCerone = "causal-cerone",
    UpdateAtomic = "update-atomic",
    Prefix = "prefix",
    ParallelSnapshotIsolation = "parallel-snapshot-isolation",
    RepeatableRead = "PL-2.99" "repeatable-read",
    SnapshotIsolation = "PL-SI" "snapshot-isolation",
    ViewSerializable = "view-serializable",
    Serializable = "PL-3" "serializable",
    OneCopySerializable = "1SR",
    StrongSessionReadUncommitted = "strong-session-PL-1" "strong-session-read-uncommitted",
    StrongSessionReadCommitted = "strong-session-PL-2" "strong-session-read-committed",
    StrongReadUncommitted = "strong-PL-1" "strong-read-uncommitted",
    StrongReadCommitted = "strong-PL-2" "strong-read-committed",
    StrongSessionSnapshotIsolation = "strong-session-snapshot-isolation",
    StrongSnapshotIsolation = "strong-snapshot-isolation",
    SessionSerializable = "session-serializable",
    StrongSessionSerializable = "strong-session-serializable",
    ReadYourWrites = "read-your-writes",
    MonotonicReads = "monotonic-reads",
    MonotonicWrites = "monotonic-writes",
    WritesFollowReads = "writes-follow-reads",
    Pram = "PRAM",
    Causal = "causal",
    Sequential = "sequential",
    Linearizable = "linearizable",
    StrictSerializable = "PL-SS" "strong-serializable",
}

impl Model {
    /// The model of this name, be it Adya's or the one in words.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "strict-serializable" => Some(Self::StrictSerializable),
            "conflict-serializable" => Some(Self::Serializable),
            _ => Self::ALL
                .iter()
                .copied()
                .find(|model| model.canonical() == name || model.name() == name),
        }
    }
}

/// A set of models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Models(u64);

const _: () = assert!(Model::ALL.len() <= 64, "a set is one word");

impl Models {
    /// With one more.
    #[must_use]
    pub fn with(self, model: Model) -> Self {
        Self(self.0 | 1 << model as u8)
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Without those of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it is there.
    pub fn has(self, model: Model) -> bool {
        self.0 & 1 << model as u8 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`Model::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Model> {
        Model::ALL.iter().copied().filter(move |model| self.has(*model))
    }
}

impl FromIterator<Model> for Models {
    fn from_iter<I: IntoIterator<Item = Model>>(models: I) -> Self {
        models.into_iter().fold(Self::default(), Self::with)
    }
}
