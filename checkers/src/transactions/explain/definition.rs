//! What each anomaly is, in one sentence, and who defined it.
//!
//! A cycle is named by its edges, and its sentence is put together the same way: what the base is,
//! then what `-process` and `-realtime` add. `docs/anomalies.md` says the same at length; a test
//! holds the two together.

use super::super::lattice::{Anomaly, Model};

const ADYA: &str = "Adya, Weak Consistency (1999)";
const ELLE: &str = "Kingsbury and Alvaro, Elle (VLDB 2020)";
const CERONE: &str = "Cerone, Bernardi and Gotsman, A Framework for Transactional Consistency \
                      Models (CONCUR 2015)";
const BERENSON: &str = "Berenson et al., A Critique of ANSI SQL Isolation Levels (SIGMOD 1995)";
const BAILIS: &str = "Bailis et al., Scalable Atomic Visibility with RAMP Transactions \
                      (SIGMOD 2014)";
const SOVRAN: &str = "Sovran et al., Transactional Storage for Geo-Replicated Systems (SOSP 2011)";

/// What an anomaly is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// One sentence, without a full stop.
    pub sentence: String,
    /// Who defined it.
    pub source: &'static str,
}

/// The definition of the anomaly of this name.
pub fn definition(name: &str) -> Option<Definition> {
    let of = |text: &str, source| Some(Definition { sentence: text.to_owned(), source });
    if let Some(model) = name.strip_suffix("-cycle-exists") {
        let model = Model::from_name(model)?.name();
        let text = format!(
            "the dependencies have a cycle that {model} forbids, but no single cycle of a simpler \
             name was drawn out of them"
        );
        return of(&text, ELLE);
    }
    let suffixed = |suffix: &str, text: &str| {
        let base = Anomaly::from_name(name.strip_suffix(suffix)?)?;
        let (sentence, _) = base_definition(base)?;
        of(&format!("{sentence}, {text}"), ELLE)
    };
    let process = "where the order in which one process acted counts as well";
    let realtime = "where it counts as well that one completed before another began";
    suffixed("-process", process).or_else(|| suffixed("-realtime", realtime)).or_else(|| {
        let (sentence, source) = base_definition(Anomaly::from_name(name)?)?;
        of(sentence, source)
    })
}

/// Of everything that has no suffix.
fn base_definition(anomaly: Anomaly) -> Option<(&'static str, &'static str)> {
    cycle(anomaly).or_else(|| read(anomaly)).or_else(|| write(anomaly))
}

/// Anomalies that are cycles, and the classes that hold several of them.
fn cycle(anomaly: Anomaly) -> Option<(&'static str, &'static str)> {
    Some(match anomaly {
        Anomaly::G0 => {
            ("each of some transactions overwrote the next one's write, in a circle", ADYA)
        }
        Anomaly::G1c => (
            "information flowed in a circle: each of some transactions wrote what the next one \
             read or overwrote",
            ADYA,
        ),
        Anomaly::G1 => {
            ("an aborted read, an intermediate read, or a circular flow of information", ADYA)
        }
        Anomaly::GSingleItem => (
            "a cycle with exactly one anti-dependency: a transaction saw some of another's \
             effects and missed others",
            ADYA,
        ),
        Anomaly::GSingle => (
            "a cycle with exactly one anti-dependency, be it of an item or of a predicate: a \
             transaction saw some of another's effects and missed others",
            ADYA,
        ),
        Anomaly::GNonadjacentItem => (
            "a cycle with several anti-dependencies, no two of them in a row: no snapshots taken \
             in any order explain it",
            ELLE,
        ),
        Anomaly::GNonadjacent => (
            "a cycle with several anti-dependencies, of items or predicates, no two of them in a \
             row: no snapshots taken in any order explain it",
            ELLE,
        ),
        Anomaly::G2Item => (
            "a cycle with at least one anti-dependency: transactions each read what another one \
             overwrote",
            ADYA,
        ),
        Anomaly::G2 => {
            ("a cycle with at least one anti-dependency, be it of an item or of a predicate", ADYA)
        }
        _ => return shape(anomaly),
    })
}

/// Cycles that are of a kind as well, and those that Adya names for one model each.
fn shape(anomaly: Anomaly) -> Option<(&'static str, &'static str)> {
    Some(match anomaly {
        Anomaly::WriteSkew => (
            "transactions read what the others then overwrote, each writing something else, as if \
             it were alone",
            BERENSON,
        ),
        Anomaly::LongFork => {
            ("two transactions saw two independent writes in opposite orders", SOVRAN)
        }
        Anomaly::GMSR => ("a read misses effects of what the same snapshot depends on", ADYA),
        Anomaly::GSi | Anomaly::GSI => (
            "a transaction depends on one that had not committed when its snapshot was taken, or \
             misses one that had",
            ADYA,
        ),
        Anomaly::GSIa => {
            ("a transaction depends on another one that had not committed when it began", ADYA)
        }
        Anomaly::GSib | Anomaly::GSIb => (
            "a cycle with exactly one anti-dependency, where the order of beginnings counts as \
             well",
            ADYA,
        ),
        Anomaly::GMonotonic => (
            "a transaction read something, and later something older: its reads do not move \
             forward",
            ADYA,
        ),
        Anomaly::GCursor => (
            "a cycle with one anti-dependency whose edges are all about one item: an update of \
             that item was lost",
            ADYA,
        ),
        Anomaly::GUpdate => (
            "transactions that write, together with one that only reads, have a cycle with \
             anti-dependencies",
            ADYA,
        ),
        _ => return None,
    })
}

/// Anomalies of what one transaction read.
fn read(anomaly: Anomaly) -> Option<(&'static str, &'static str)> {
    Some(match anomaly {
        Anomaly::Internal => (
            "a transaction's read disagrees with what the same transaction wrote or read before",
            CERONE,
        ),
        Anomaly::G1a => ("a committed transaction read what an aborted one had written", ADYA),
        Anomaly::G1b => (
            "a transaction read a state from the middle of another one, which wrote the item once \
             more",
            ADYA,
        ),
        Anomaly::FutureRead => ("a transaction read what it wrote itself only afterwards", ELLE),
        Anomaly::GarbageRead => ("a transaction read a value that nobody ever wrote", ELLE),
        Anomaly::FracturedRead => (
            "a transaction saw one of another's writes and, of another item that it wrote too, an \
             older value",
            BAILIS,
        ),
        Anomaly::PredicateReadMiss => (
            "a read of everything that matches a predicate lacks what it should have matched, or \
             has what it should not",
            ELLE,
        ),
        _ => return None,
    })
}

/// Anomalies of the versions of an item.
fn write(anomaly: Anomaly) -> Option<(&'static str, &'static str)> {
    Some(match anomaly {
        Anomaly::DirtyUpdate => ("a committed write stands on top of one that was aborted", ELLE),
        Anomaly::DuplicateElements => ("one write shows twice in the same read", ELLE),
        Anomaly::IncompatibleOrder => {
            ("two reads of one item show its writes in orders that cannot both be", ELLE)
        }
        Anomaly::CyclicVersions => {
            ("the versions of one item would each have to come before themselves", ELLE)
        }
        Anomaly::LostUpdate => (
            "several transactions read one version of an item and each overwrote it, so that all \
             but one of them were lost",
            BERENSON,
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anomaly_has_a_definition_of_its_own() {
        let mut seen: Vec<String> = Vec::new();
        for anomaly in Anomaly::ALL {
            let said = definition(anomaly.name());
            let said = said.unwrap_or_else(|| panic!("{} has no definition", anomaly.name()));
            let twin = matches!(anomaly, Anomaly::GSI | Anomaly::GSIb);
            assert!(twin || !seen.contains(&said.sentence), "{}: {said:?}", anomaly.name());
            seen.push(said.sentence);
        }
        assert_eq!(definition("G9"), None);
    }
}
