//! The lattice as data: Elle's table of anomalies and models, and what ours adds to it.
//!
//! Elle's part is its `consistency_model` namespace (0.2.8), which joins Adya (1999), Bailis et al.
//! (VLDB 2013), Cerone, Bernardi and Gotsman (CONCUR 2015) and Daudjee and Salem (VLDB 2006). The
//! corpus holds its closures, and a test holds ours against them.
//!
//! What is added:
//!
//! ```text
//!   garbage-read     a read of what nobody wrote       no model allows it; weakest: PL-1
//!   fractured-read   a part of what a transaction did  read-atomic        => G-single-item
//!   long-fork        two reads, two orders             prefix             => G-nonadjacent-item
//! ```
//!
//! A garbage read is more than a dirty read (G1a): even read-uncommitted shows only what somebody
//! wrote, so it stands where Elle puts duplicate elements. A fractured read and a long fork are
//! *kinds* of cycles that break models (read-atomic, prefix) which the bare cycle does not break:
//! `T1 -ww-> T2 -rw-> T1` on one key is a G-single-item, and read-atomic allows it.

use super::anomaly::Anomaly::{self, *};
use super::model::Model;

/// What is there, too, where this anomaly is.
pub(super) fn implies(anomaly: Anomaly) -> &'static [Anomaly] {
    match anomaly {
        G0 => &[G1c, G0Process],
        G0Process => &[G1cProcess, G0Realtime],
        G0Realtime => &[G1cRealtime],
        G1a | G1b => &[G1],
        G1c => &[G1, G1cProcess],
        G1cProcess => &[G1Process, G1cRealtime],
        G1cRealtime => &[G1Realtime],
        G1 => &[G1Process],
        G1Process => &[G1Realtime],
        GSingleItem => &[GSingle, GSingleItemProcess, GNonadjacentItem],
        GSingleItemProcess => &[GSingleProcess, GSingleItemRealtime, GNonadjacentItemProcess],
        GSingleItemRealtime => &[GSingleRealtime, GNonadjacentItemRealtime],
        GSingle => &[GNonadjacent, GSingleProcess, GSIb],
        GSingleProcess => &[GNonadjacentProcess, GSingleRealtime],
        GSingleRealtime => &[GNonadjacentRealtime],
        GNonadjacentItem => &[GNonadjacent, G2Item, GNonadjacentItemProcess],
        GNonadjacentItemProcess => &[GNonadjacentProcess, G2ItemProcess, GNonadjacentItemRealtime],
        GNonadjacentItemRealtime => &[G2ItemRealtime, GNonadjacentRealtime],
        GNonadjacent => &[G2, GNonadjacentProcess],
        GNonadjacentProcess => &[G2Process, GNonadjacentRealtime],
        GNonadjacentRealtime => &[G2Realtime],
        G2Item => &[G2, G2ItemProcess],
        G2ItemProcess => &[G2Process, G2ItemRealtime],
        G2ItemRealtime => &[G2Realtime],
        G2 => &[G2Process],
        G2Process => &[G2Realtime],
        GSIa | GSIb => &[GSI],
        IncompatibleOrder | DirtyUpdate => &[G1a],
        FutureRead => &[G1c],
        LostUpdate => &[WriteSkew, G2Item],
        WriteSkew => &[G2],
        GarbageRead => &[G1a],
        FracturedRead => &[GSingleItem],
        LongFork => &[GNonadjacentItem],
        _ => &[],
    }
}

/// Which weaker models a model contains.
pub(super) fn contains(model: Model) -> &'static [Model] {
    use Model::*;
    match model {
        ReadCommitted => &[ReadUncommitted],
        CursorStability | MonotonicView | MonotonicSnapshotRead | MonotonicAtomicView => {
            &[ReadCommitted]
        }
        ConsistentView => &[CursorStability, MonotonicView],
        ForwardConsistentView => &[ConsistentView],
        UpdateSerializable => &[ForwardConsistentView],
        ReadAtomic => &[MonotonicAtomicView],
        CausalCerone | UpdateAtomic => &[ReadAtomic],
        Prefix => &[CausalCerone],
        ParallelSnapshotIsolation => &[CausalCerone, UpdateAtomic],
        RepeatableRead => &[CursorStability, MonotonicAtomicView],
        SnapshotIsolation => &[
            ForwardConsistentView,
            MonotonicSnapshotRead,
            MonotonicAtomicView,
            ParallelSnapshotIsolation,
            Prefix,
        ],
        Serializable => &[RepeatableRead, UpdateSerializable, SnapshotIsolation, ViewSerializable],
        StrongSessionReadUncommitted => &[ReadUncommitted],
        StrongSessionReadCommitted => &[ReadCommitted, StrongSessionReadUncommitted],
        StrongReadUncommitted => &[StrongSessionReadUncommitted],
        StrongReadCommitted => &[StrongSessionReadCommitted, StrongReadUncommitted],
        StrongSessionSnapshotIsolation => &[SnapshotIsolation, StrongSessionReadCommitted],
        StrongSnapshotIsolation => &[StrongSessionSnapshotIsolation, StrongReadCommitted],
        StrongSessionSerializable => &[Serializable, StrongSessionSnapshotIsolation],
        SessionSerializable => &[OneCopySerializable],
        Pram => &[MonotonicReads, MonotonicWrites, ReadYourWrites],
        Causal => &[WritesFollowReads, Pram],
        Sequential => &[Causal],
        Linearizable => &[Sequential],
        StrictSerializable => &[
            Serializable,
            SnapshotIsolation,
            Linearizable,
            SessionSerializable,
            StrongSessionSerializable,
            StrongSnapshotIsolation,
        ],
        ReadUncommitted | ViewSerializable | OneCopySerializable => &[],
        ReadYourWrites | MonotonicReads | MonotonicWrites | WritesFollowReads => &[],
    }
}

/// What a model forbids by itself, beside what the weaker ones forbid.
pub(super) fn proscribes(model: Model) -> &'static [Anomaly] {
    use Model::*;
    match model {
        ReadUncommitted => &[G0, DuplicateElements, CyclicVersions, GarbageRead, PL1CycleExists],
        ReadCommitted => &[G1, PL2CycleExists],
        CursorStability => &[G1, GCursor, LostUpdate],
        MonotonicView => &[G1, GMonotonic],
        MonotonicSnapshotRead => &[G1, GMSR],
        ConsistentView => &[G1, GSingle],
        ForwardConsistentView => &[G1, GSib],
        UpdateSerializable => &[G1, GUpdate],
        ReadAtomic => &[Internal, G1a, FutureRead, FracturedRead],
        CausalCerone | ParallelSnapshotIsolation => &[Internal, G1a],
        Prefix => &[Internal, G1a, LongFork],
        UpdateAtomic => &[LostUpdate],
        RepeatableRead => &[G1, G2Item, LostUpdate, PL299CycleExists],
        SnapshotIsolation => &[Internal, G1, GSi, GNonadjacent, PLSICycleExists],
        Serializable => &[Internal, G1, G2, PredicateReadMiss, PL3CycleExists],
        StrongSessionReadUncommitted => &[G0Process, StrongSessionPL1CycleExists],
        StrongSessionReadCommitted => &[G1cProcess, StrongSessionPL2CycleExists],
        StrongReadUncommitted => &[G0Realtime, StrongPL1CycleExists],
        StrongReadCommitted => &[G1cRealtime, StrongPL2CycleExists],
        StrongSessionSnapshotIsolation => {
            &[Internal, G1Process, GNonadjacentProcess, StrongSessionSnapshotIsolationCycleExists]
        }
        StrongSnapshotIsolation => {
            &[Internal, G1Realtime, GNonadjacentRealtime, StrongSnapshotIsolationCycleExists]
        }
        StrongSessionSerializable => &[G1Process, G2Process, StrongSessionSerializableCycleExists],
        StrictSerializable => &[G1, G1cRealtime, G2Realtime, PLSSCycleExists],
        MonotonicAtomicView | ViewSerializable | OneCopySerializable | SessionSerializable => &[],
        ReadYourWrites | MonotonicReads | MonotonicWrites | WritesFollowReads => &[],
        Pram | Causal | Sequential | Linearizable => &[],
    }
}
