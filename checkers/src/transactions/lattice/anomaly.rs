//! The anomalies by name: what goes wrong in a history, as Adya (1999), Elle (VLDB 2020), Cerone,
//! Bernardi and Gotsman (CONCUR 2015) and Berenson et al. (SIGMOD 1995) call it.

macro_rules! anomalies {
    ($($variant:ident = $name:literal,)*) => {
        /// Something that goes wrong between transactions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the names are the field's own; docs explain them")]
        pub enum Anomaly {
            $($variant,)*
        }

        impl Anomaly {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name, as Elle writes it where Elle has it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

anomalies! {
    Internal = "internal",
    G1a = "G1a",
    G1b = "G1b",
    G1c = "G1c",
    G1 = "G1",
    DirtyUpdate = "dirty-update",
    DuplicateElements = "duplicate-elements",
    IncompatibleOrder = "incompatible-order",
    CyclicVersions = "cyclic-versions",
    FutureRead = "future-read",
    LostUpdate = "lost-update",
    WriteSkew = "write-skew",
    PredicateReadMiss = "predicate-read-miss",
    G0 = "G0",
    GSingleItem = "G-single-item",
    GSingle = "G-single",
    GNonadjacentItem = "G-nonadjacent-item",
    GNonadjacent = "G-nonadjacent",
    G2Item = "G2-item",
    G2 = "G2",
    G0Process = "G0-process",
    G1Process = "G1-process",
    G1cProcess = "G1c-process",
    GSingleItemProcess = "G-single-item-process",
    GSingleProcess = "G-single-process",
    GNonadjacentItemProcess = "G-nonadjacent-item-process",
    GNonadjacentProcess = "G-nonadjacent-process",
    G2ItemProcess = "G2-item-process",
    G2Process = "G2-process",
    G0Realtime = "G0-realtime",
    G1Realtime = "G1-realtime",
    G1cRealtime = "G1c-realtime",
    GSingleItemRealtime = "G-single-item-realtime",
    GSingleRealtime = "G-single-realtime",
    GNonadjacentItemRealtime = "G-nonadjacent-item-realtime",
    GNonadjacentRealtime = "G-nonadjacent-realtime",
    G2ItemRealtime = "G2-item-realtime",
    G2Realtime = "G2-realtime",
    GMSR = "G-MSR",
    GSi = "G-SI",
    GSib = "G-SIb",
    GCursor = "G-cursor",
    GMonotonic = "G-monotonic",
    GUpdate = "G-update",
    GSI = "GSI",
    GSIa = "GSIa",
    GSIb = "GSIb",
    PL1CycleExists = "PL-1-cycle-exists",
    PL2CycleExists = "PL-2-cycle-exists",
    PLSICycleExists = "PL-SI-cycle-exists",
    PL299CycleExists = "PL-2.99-cycle-exists",
    PL3CycleExists = "PL-3-cycle-exists",
    StrongSessionPL1CycleExists = "strong-session-PL-1-cycle-exists",
    StrongSessionPL2CycleExists = "strong-session-PL-2-cycle-exists",
    StrongSessionSnapshotIsolationCycleExists = "strong-session-snapshot-isolation-cycle-exists",
    StrongSessionSerializableCycleExists = "strong-session-serializable-cycle-exists",
    StrongPL1CycleExists = "strong-PL-1-cycle-exists",
    StrongPL2CycleExists = "strong-PL-2-cycle-exists",
    StrongSnapshotIsolationCycleExists = "strong-snapshot-isolation-cycle-exists",
    PLSSCycleExists = "PL-SS-cycle-exists",
    GarbageRead = "garbage-read",
    FracturedRead = "fractured-read",
    LongFork = "long-fork",
}

impl Anomaly {
    /// The anomaly of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|anomaly| anomaly.name() == name)
    }

    /// Whether it only says that a cycle of some kind exists: `PL-2-cycle-exists`.
    pub fn says_cycle_exists(self) -> bool {
        self.name().ends_with("-cycle-exists")
    }
}

/// A set of anomalies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anomalies(u128);

const _: () = assert!(Anomaly::ALL.len() <= 128, "a set is one word");

impl Anomalies {
    /// With one more.
    #[must_use]
    pub fn with(self, anomaly: Anomaly) -> Self {
        Self(self.0 | 1 << anomaly as u8)
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
    pub fn has(self, anomaly: Anomaly) -> bool {
        self.0 & 1 << anomaly as u8 != 0
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in the order of [`Anomaly::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Anomaly> {
        Anomaly::ALL.iter().copied().filter(move |anomaly| self.has(*anomaly))
    }
}

impl FromIterator<Anomaly> for Anomalies {
    fn from_iter<I: IntoIterator<Item = Anomaly>>(anomalies: I) -> Self {
        anomalies.into_iter().fold(Self::default(), Self::with)
    }
}
