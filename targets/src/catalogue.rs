//! Which targets there are, what they claim, and which bugs can be planted in them.

/// A bundled target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The interfaces that it serves, with the consistency model that it claims for each.
    pub claims: &'static [(Interface, &'static str)],
    /// How it can be set up.
    pub options: &'static [TargetOption],
    /// Mistakes that can be planted.
    pub bugs: &'static [PlantedBug],
}

/// A way to set a target up.
#[derive(Clone, Copy, Debug)]
pub struct TargetOption {
    /// Its name on the command line, without the dashes.
    pub name: &'static str,
    /// What it takes: the choices, or the unit.
    pub takes: &'static str,
    /// What it is without being given.
    pub default: &'static str,
    /// What it does, in a sentence.
    pub about: &'static str,
}

/// The bundled targets, by name.
pub const TARGETS: &[Target] = &[Target {
    name: "raft",
    about: "A replicated log with elected leaders, serving a key-value store.",
    claims: &[(Interface::Kv, "linearizable")],
    options: RAFT_OPTIONS,
    bugs: RAFT_BUGS,
}];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

const RAFT_OPTIONS: &[TargetOption] = &[
    TargetOption {
        name: "reads",
        takes: "index | lease",
        default: "index",
        about: "How a leader makes sure that it still leads before it answers a read: it asks a \
                majority, or relies on a majority's promise and its own clock.",
    },
    TargetOption {
        name: "election-timeout",
        takes: "milliseconds",
        default: "250",
        about: "The shortest time without a leader before an election.",
    },
    TargetOption {
        name: "heartbeat",
        takes: "milliseconds",
        default: "50",
        about: "How often a leader gives a sign of life.",
    },
    TargetOption {
        name: "snapshot-every",
        takes: "entries",
        default: "2000",
        about: "How many entries are applied before the log is replaced by a snapshot.",
    },
];

/// In the order of [`crate::raft::Bug::ALL`].
const RAFT_BUGS: &[PlantedBug] = &[
    PlantedBug {
        name: "stale-read",
        about: "Any node answers reads from its own state without asking anybody.",
        exposed_by: "--faults none --time 10s",
        seen_in: "etcd answered reads without asking a quorum: coreos/etcd issue 741, 2014",
    },
    PlantedBug {
        name: "early-ack",
        about: "A leader commits, applies and answers as soon as its own log has the entry.",
        exposed_by: "--faults partition-leader --time 20s",
        seen_in: "Redpanda claimed entries replicated that a new leader then truncated: \
                  redpanda-data/redpanda pull request 3003, 2021",
    },
    PlantedBug {
        name: "forget-vote",
        about: "Neither a vote nor the term that it was given in is written to disk, so a \
                restarted cluster elects another leader in a term that had one.",
        exposed_by: "--faults election-storm --time 45s",
        seen_in: "Votes forgotten within their term: camunda/camunda issue 5356, 2020, and \
                  hazelcast/hazelcast pull request 16643, 2020; the rule is figure 2 of the paper",
    },
    PlantedBug {
        name: "no-fsync",
        about: "Entries are acknowledged before they are on disk.",
        exposed_by: "--faults kill-all --time 20s",
        seen_in: "NATS JetStream flushed every two minutes and acknowledged at once: \
                  jepsen.io/analyses/nats-2.12.1, 2025",
    },
    PlantedBug {
        name: "commit-old-term",
        about: "Entries of earlier terms are committed by counting replicas, so no entry of its \
                own begins a leader's term; its own entries are sent in batches, every 300 ms.",
        exposed_by: "--faults deposed-leaders --time 45s",
        seen_in: "LogCabin, by the author of the paper: logcabin/logcabin issue 44, 2013; also \
                  canonical/raft issue 220, 2021; figure 8 of the paper",
    },
    PlantedBug {
        name: "long-lease",
        about: "The lease lasts eight election timeouts, and followers do not hold back votes.",
        exposed_by: "--faults partition-leader --fault-interval 1500ms --reads lease --time 45s",
        seen_in: "JRaft read from a leader that another had replaced: sofastack/sofa-jraft \
                  issue 25, 2019; thesis, section 6.4.1",
    },
    PlantedBug {
        name: "snapshot-forgets-last",
        about: "A snapshot claims an entry whose effect it lacks.",
        exposed_by: "--faults kill-all --fault-interval 500ms --fault-length 500ms \
                     --set snapshot-every=5 --time 45s",
        seen_in: "The example server of etcd's Raft took snapshots that lacked changes already \
                  counted: etcd-io/etcd issue 8091, 2017",
    },
    PlantedBug {
        name: "vote-without-log-check",
        about: "Votes go to any candidate, however old its log is.",
        exposed_by: "--faults partition-halves --fault-interval 100ms --time 30s",
        seen_in: "streed/simpleRaft issue 10, 2016; the rule is section 5.4.1 of the paper",
    },
    PlantedBug {
        name: "cas-at-proposal",
        about: "A compare-and-set is compared when it is proposed, not when it is applied.",
        exposed_by: "--faults none --time 10s",
        seen_in: "A race between check and use, CWE-367",
    },
];

/// What a target can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Read, write and compare-and-set per key.
    Kv,
}

impl Interface {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
        }
    }
}

/// A real mistake that somebody made in such a system.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The mistake, in a sentence.
    pub about: &'static str,
    /// The run that exposes it, as arguments: `--faults partition-leader --reads lease`.
    pub exposed_by: &'static str,
    /// Where such a bug was seen.
    pub seen_in: &'static str,
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, target};
    use crate::raft::Bug;

    #[test]
    fn every_planted_bug_is_in_the_catalogue_under_its_own_name() {
        let listed: Vec<_> = target("raft").map_or(&[][..], |raft| raft.bugs).iter().collect();
        let names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        assert_eq!(listed.iter().map(|bug| bug.name).collect::<Vec<_>>(), names);
        assert!(Bug::ALL.iter().all(|bug| Bug::named(bug.name()) == Some(*bug)));
        assert!(TARGETS.is_sorted_by_key(|target| target.name));
    }
}
