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
        breaks: Breaks::Safety,
        about: "Any node answers reads from its own state without asking anybody.",
        exposed_by: "--faults none --time 10s",
        seen_in: "etcd answered reads without asking a quorum: coreos/etcd issue 741, 2014",
    },
    PlantedBug {
        name: "early-ack",
        breaks: Breaks::Safety,
        about: "A leader commits, applies and answers as soon as its own log has the entry.",
        exposed_by: "--faults partition-leader --time 20s",
        seen_in: "Redpanda claimed entries replicated that a new leader then truncated: \
                  redpanda-data/redpanda pull request 3003, 2021",
    },
    PlantedBug {
        name: "forget-vote",
        breaks: Breaks::Safety,
        about: "Neither a vote nor the term that it was given in is written to disk, so a \
                restarted cluster elects another leader in a term that had one.",
        exposed_by: "--faults election-storm --time 45s",
        seen_in: "Votes forgotten within their term: camunda/camunda issue 5356, 2020, and \
                  hazelcast/hazelcast pull request 16643, 2020; the rule is figure 2 of the paper",
    },
    PlantedBug {
        name: "forget-term",
        breaks: Breaks::Safety,
        about: "Votes are written to disk without their terms, so a restarted cluster begins again \
                at term zero, and entries of before count as newer than those that it commits.",
        exposed_by: "--faults election-storm --time 45s",
        seen_in: "PySyncObj lost committed entries when all members restarted at once: \
                  bakwc/PySyncObj pull request 202, 2026; the rule is figure 2 of the paper",
    },
    PlantedBug {
        name: "vote-twice",
        breaks: Breaks::Safety,
        about: "A node votes for every candidate of a term whose log is good enough, so a term may \
                have two leaders.",
        exposed_by: "--on sim --faults election-storm,slow --time 90s",
        seen_in: "akka-raft forgot for whom it had voted: ktoso/akka-raft issue 56, 2015; also \
                  etcd-io/etcd pull request 2461, 2015; section 5.2 of the paper",
    },
    PlantedBug {
        name: "vote-outlives-term",
        breaks: Breaks::Liveness,
        about: "A vote binds its node in later terms too: once all have voted for themselves \
                nobody is ever elected again.",
        exposed_by: "--faults kill-leader --time 20s",
        seen_in: "Servers that had each voted for themselves elected nobody any more: \
                  kanaka/raft.js issue 2, 2014; the rule is figure 2 of the paper",
    },
    PlantedBug {
        name: "no-fsync",
        breaks: Breaks::Safety,
        about: "Entries are acknowledged before they are on disk.",
        exposed_by: "--faults kill-all --time 20s",
        seen_in: "NATS JetStream flushed every two minutes and acknowledged at once: \
                  jepsen.io/analyses/nats-2.12.1, 2025",
    },
    PlantedBug {
        name: "commit-old-term",
        breaks: Breaks::Safety,
        about: "Entries of earlier terms are committed by counting replicas, so no entry of its \
                own begins a leader's term; its own entries are sent in batches, every 300 ms.",
        exposed_by: "--faults deposed-leaders --time 45s",
        seen_in: "LogCabin, by the author of the paper: logcabin/logcabin issue 44, 2013; also \
                  canonical/raft issue 220, 2021; figure 8 of the paper",
    },
    PlantedBug {
        name: "commit-beyond-match",
        breaks: Breaks::Safety,
        about: "A follower commits as much as the leader has committed, also what lies behind the \
                place where their logs are known to agree.",
        exposed_by: "--on sim --faults election-storm --fault-interval 500ms --rate 500 --clients \
                     60 --time 90s",
        seen_in: "Copycat committed entries that a later leader had overwritten: atomix/copycat \
                  issue 265, 2017; also scylladb/scylladb issue 9965, 2022",
    },
    PlantedBug {
        name: "truncate-on-stale-append",
        breaks: Breaks::Safety,
        about: "A follower truncates its log behind every append, so one that comes late removes \
                entries that were acknowledged since.",
        exposed_by: "--on sim --faults deposed-leaders --rate 300 --clients 30 --time 45s",
        seen_in: "A heartbeat that was overtaken deleted entries: willemt/raft issue 37, 2017",
    },
    PlantedBug {
        name: "append-without-previous-check",
        breaks: Breaks::Safety,
        about: "A follower appends wherever its log is long enough, without comparing the term of \
                the entry before.",
        exposed_by: "--on sim --faults kill,partition --fault-interval 500ms --rate 300 --clients \
                     30 --keys 20 --time 90s",
        seen_in: "akka-raft appended without a look at the entry before: ktoso/akka-raft issue 32, \
                  2015; the rule is section 5.3 of the paper",
    },
    PlantedBug {
        name: "read-index-early",
        breaks: Breaks::Safety,
        about: "A leader answers reads before an entry of its own term is committed, so it may not \
                know what earlier leaders have committed.",
        exposed_by: "--on sim --faults slow,lossy,partition,kill --fault-interval 500ms --rate 300 \
                     --clients 30 --time 90s",
        seen_in: "etcd's ReadIndex: etcd-io/etcd issue 7331, 2017; thesis, section 6.4",
    },
    PlantedBug {
        name: "long-lease",
        breaks: Breaks::Safety,
        about: "The lease lasts eight election timeouts, and followers do not hold back votes.",
        exposed_by: "--faults partition-leader --fault-interval 1500ms --reads lease --time 45s",
        seen_in: "JRaft read from a leader that another had replaced: sofastack/sofa-jraft issue \
                  25, 2019; thesis, section 6.4.1",
    },
    PlantedBug {
        name: "lease-ignores-clock-rate",
        breaks: Breaks::Safety,
        about: "The lease lasts two election timeouts from the answer on, as long as a follower \
                waits at most: nothing is left for one that waits less, or whose clock is fast.",
        exposed_by: "--on sim --faults clock-rate-all,sluggish-leader,partition-leader \
                     --fault-interval 500ms --rate 300 --clients 30 --reads lease --time 45s",
        seen_in: "TiKV's leases trusted that clocks go alike: tikv/tikv issue 964, 2016; also \
                  etcd-io/etcd issue 6005, 2016; thesis, section 6.4.1",
    },
    PlantedBug {
        name: "snapshot-forgets-last",
        breaks: Breaks::Safety,
        about: "A snapshot claims an entry whose effect it lacks.",
        exposed_by: "--faults kill-all --fault-interval 500ms --fault-length 500ms --set \
                     snapshot-every=5 --time 45s",
        seen_in: "The example server of etcd's Raft took snapshots that lacked changes already \
                  counted: etcd-io/etcd issue 8091, 2017",
    },
    PlantedBug {
        name: "snapshot-overwrites-newer",
        breaks: Breaks::Safety,
        about: "A snapshot that is older than its receiver replaces the state, while what counts \
                as applied stays; new leaders begin by sending theirs to everybody.",
        exposed_by: "--on sim --faults election-storm --rate 500 --clients 60 --time 90s",
        seen_in: "OpenRaft's state machine went back to an older state: databendlabs/openraft pull \
                  request 543, 2022; Ratis leaders sent such snapshots: Alluxio/alluxio pull \
                  request 12179, 2020",
    },
    PlantedBug {
        name: "vote-without-log-check",
        breaks: Breaks::Safety,
        about: "Votes go to any candidate, however old its log is.",
        exposed_by: "--faults partition-halves --fault-interval 100ms --time 30s",
        seen_in: "streed/simpleRaft issue 10, 2016; the rule is section 5.4.1 of the paper",
    },
    PlantedBug {
        name: "overlapping-changes",
        breaks: Breaks::Safety,
        about: "A change of members begins before the one before it is committed, so two \
                configurations may have majorities without a common node.",
        exposed_by: "--on sim --faults members-minority --time 45s",
        seen_in: "Changes in flight together in HashiCorp's Raft: hashicorp/raft issue 158, 2016; \
                  thesis, section 4.1",
    },
    PlantedBug {
        name: "cas-at-proposal",
        breaks: Breaks::Safety,
        about: "A compare-and-set is compared when it is proposed, not when it is applied.",
        exposed_by: "--faults none --time 10s",
        seen_in: "A race between check and use, CWE-367",
    },
    PlantedBug {
        name: "retry-applied-twice",
        breaks: Breaks::Safety,
        about: "A leader proposes again what is not committed when the next heartbeats are due, \
                and every copy takes effect.",
        exposed_by: "--on sim --faults disk-slow-all --reads lease --keys 1 --ops-per-key 400..400 \
                     --rate 300 --clients 20 --time 45s",
        seen_in: "jetcd sent again what had taken effect: jepsen.io/analyses/jetcd-0.8.2, 2024; \
                  section 8 of the paper",
    },
    PlantedBug {
        name: "unknown-said-failed",
        breaks: Breaks::Safety,
        about: "A leader that steps down says that what it had proposed did not happen; its \
                successor may commit it all the same.",
        exposed_by: "--faults kill-majority --rate 300 --clients 30 --time 45s",
        seen_in: "Nebula told callers that an append had failed which a later leader committed: \
                  vesoft-inc/nebula pull request 3880, 2022",
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

/// What a planted bug breaks, and so which checker is to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Something wrong happens: the claimed consistency model.
    Safety,
    /// Nothing happens any more, although everything works again.
    Liveness,
}

impl Breaks {
    /// The checker that is to find it, for a target that claims to be linearizable.
    pub fn checker(self) -> &'static str {
        match self {
            Self::Safety => "linearizable",
            Self::Liveness => "liveness",
        }
    }
}

/// A real mistake that somebody made in such a system.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it breaks.
    pub breaks: Breaks,
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
