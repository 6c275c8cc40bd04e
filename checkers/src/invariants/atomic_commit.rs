//! All participants decide alike, and none commits over a no.
//!
//! | operation | value |
//! |---|---|
//! | `vote` | argument: `[txn, "yes"]`, `[txn, "no"]`, or `{"txn": id, "vote": "yes"}` |
//! | `decide`, `outcome` | answer: `[txn, "commit"]`, `[txn, "abort"]`, or with `"decision"` |
//!
//! The participant is the node that was asked, or the process where no node is said. `decide` says
//! what a participant was told or found out; nil as the answer is no decision yet.
//!
//! ```text
//!   n1  vote 7 yes    decide 7 -> commit
//!   n2  vote 7 no     decide 7 -> abort           disagreement, commit-after-no
//!   n3  vote 7 yes    ...                         blocked
//! ```
//!
//! The names are those of Skeen 1981 ("Nonblocking commit protocols") and of Gray and Lamport 2006
//! ("Consensus on transaction commit"), who ask for the same under *consistency*, *stability* and
//! *commit validity*:
//!
//! * `disagreement`: one participant committed, another aborted.
//! * `decision-changed`: one and the same participant said both.
//! * `commit-after-no`: somebody committed, and somebody voted no. Without every yes there is no
//!   commit, so it does not matter which came first.
//! * `commit-without-vote`: somebody had committed before a participant's first vote began; or, if
//!   the number of participants is known, before so many could have voted yes.
//! * `vote-changed`: one participant voted yes and no.
//! * `blocked`: voted yes, and learnt no decision before the history ended. A figure, with the
//!   longest time; a complaint if the protocol claims not to block.
//!
//! To abort is allowed at any time, for a failure is always a reason; how often it happened over
//! nothing but yes is a figure.
//!
//! A vote of unknown result may have been cast: as a yes it allows a commit, as a no it forbids
//! none. Jepsen has no such checker.

use super::Complaints;
use super::reading::{Dense, Done, Doubts, Place, operations, spread};
use super::shape::Item;
use super::subject::show;
use crate::history::pairing::Operation;
use crate::history::{EventType, History, Value};
use crate::verdict::Judgement;
use rustc_hash::FxHashMap;

/// A vote or a decision.
#[derive(Clone, Copy, Debug)]
struct Word {
    txn: u32,
    by: Place,
    op: Operation,
    /// Yes, or commit.
    positive: bool,
    /// Whether it was certainly said.
    certain: bool,
}

#[derive(Debug, Default)]
struct Scene<'h> {
    txns: Dense<Item<'h>>,
    votes: Vec<Word>,
    decisions: Vec<Word>,
}

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let mut doubts = Doubts::default();
    let mut scene = Scene::read(history, &mut doubts);
    scene.votes.sort_by_key(|word| word.txn);
    scene.decisions.sort_by_key(|word| word.txn);
    let mut court = Court {
        history,
        options,
        complaints: Complaints::new(history),
        waited_ns: Vec::new(),
        over_yes: 0,
    };
    let (mut votes, mut decisions) = (&scene.votes[..], &scene.decisions[..]);
    let mut decided = 0_u64;
    for txn in 0..scene.txns.len() {
        let vote = votes.iter().take_while(|word| word.txn as usize == txn).count();
        let decision = decisions.iter().take_while(|word| word.txn as usize == txn).count();
        let case = Case {
            name: show(scene.txns.thing(txn)),
            votes: &votes[..vote],
            decisions: &decisions[..decision],
        };
        court.judge(&case);
        decided += u64::from(decision > 0);
        (votes, decisions) = (&votes[vote..], &decisions[decision..]);
    }
    if decided == 0 {
        doubts.vacuous("nobody decided anything");
    }
    let mut figures = vec![
        ("transactions".to_owned(), scene.txns.len().to_string()),
        ("decided".to_owned(), decided.to_string()),
        ("aborted although all voted yes".to_owned(), court.over_yes.to_string()),
        ("participants blocked".to_owned(), court.waited_ns.len().to_string()),
    ];
    let waited = spread(&mut court.waited_ns);
    figures.extend(waited.map(|text| ("blocked time".to_owned(), text)));
    court.complaints.judgement("atomic-commit", claim, figures, doubts.verdict())
}

impl<'h> Scene<'h> {
    fn read(history: &'h History, doubts: &mut Doubts) -> Self {
        let mut scene = Self::default();
        let f = ["vote", "decide", "outcome"].map(|name| history.symbols.get(name));
        for done in operations(history) {
            match f.iter().position(|f| *f == Some(done.invoke.f)) {
                Some(0) => scene.vote(history, &done, doubts),
                Some(_) => scene.decide(history, &done, doubts),
                None => {}
            }
        }
        scene
    }

    fn vote(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        if done.outcome() == EventType::Fail {
            return;
        }
        let value = done.argument();
        match self.word(history, value, "vote", ["yes", "no"]) {
            Some((txn, positive)) => self.votes.push(Word {
                txn,
                by: done.place(),
                op: done.op,
                positive,
                certain: done.outcome() == EventType::Ok,
            }),
            None => {
                let expected = "[txn, \"yes\"] or [txn, \"no\"]";
                doubts.misfit(history, done.op.invoke_index(), expected);
            }
        }
    }

    fn decide(&mut self, history: &'h History, done: &Done<'_>, doubts: &mut Doubts) {
        let Some(value) = done.answer().filter(|value| *value != Value::Nil) else { return };
        match self.word(history, value, "decision", ["commit", "abort"]) {
            Some((txn, positive)) => self.decisions.push(Word {
                txn,
                by: done.place(),
                op: done.op,
                positive,
                certain: true,
            }),
            None => {
                let expected = "[txn, \"commit\"] or [txn, \"abort\"]";
                doubts.misfit(history, done.last_index(), expected);
            }
        }
    }

    /// The transaction, and whether the first of the two words was said of it.
    fn word(
        &mut self,
        history: &'h History,
        value: Value,
        field: &str,
        words: [&str; 2],
    ) -> Option<(u32, bool)> {
        let item = Item::of(history, value);
        let (mut txn, mut word) = (Item::Nil, Item::Nil);
        if let Some(mut items) = item.items() {
            (txn, word) = (items.next()?, items.next()?);
            if items.next().is_some() {
                return None;
            }
        }
        for (name, item) in item.fields().into_iter().flatten() {
            if name == "txn" {
                txn = item;
            } else if name == field {
                word = item;
            }
        }
        let Item::Text(word) = word else { return None };
        let word = word.strip_prefix('"')?.strip_suffix('"')?;
        let place = words.iter().position(|known| *known == word)?;
        (txn != Item::Nil).then(|| (self.txns.number(txn) as u32, place == 0))
    }
}

/// One transaction.
struct Case<'a> {
    name: String,
    votes: &'a [Word],
    decisions: &'a [Word],
}

struct Court<'a> {
    history: &'a History,
    options: &'a super::Options,
    complaints: Complaints<'a>,
    /// How long each blocked participant had waited when the history ended.
    waited_ns: Vec<u64>,
    over_yes: u64,
}

impl Court<'_> {
    fn judge(&mut self, case: &Case<'_>) {
        self.agreement(case);
        self.validity(case);
        self.blocked(case);
        let all_yes = !case.votes.is_empty() && case.votes.iter().all(|vote| vote.positive);
        self.over_yes += u64::from(all_yes && case.decisions.iter().any(|word| !word.positive));
    }

    fn add(&mut self, kind: &'static str, case: &Case<'_>, words: &[Word], sentence: &str) {
        let mut ops: Vec<Operation> = words.iter().map(|word| word.op).collect();
        ops.sort_unstable_by_key(|op| op.invoke_index());
        self.complaints.add(kind, Some(case.name.clone()), ops, || {
            format!("transaction {}: {sentence}", case.name)
        });
    }

    /// Decisions are alike, and stay; so do votes.
    fn agreement(&mut self, case: &Case<'_>) {
        if let Some(words) = of_one(case.decisions) {
            self.add("decision-changed", case, &words, "a participant decided both ways");
        }
        if let Some(words) = of_two(case.decisions) {
            let sentence = "one participant committed, another aborted";
            self.add("disagreement", case, &words, sentence);
        }
        if let Some(words) = of_one(case.votes) {
            self.add("vote-changed", case, &words, "a participant voted yes and no");
        }
    }

    /// Who commits has everybody's yes.
    fn validity(&mut self, case: &Case<'_>) {
        let commits = case.decisions.iter().filter(|word| word.positive);
        let Some(commit) = commits.min_by_key(|word| word.op.complete_index()) else { return };
        let no = case.votes.iter().find(|vote| !vote.positive && vote.certain);
        if let Some(no) = no {
            let sentence = "somebody committed although somebody voted no";
            self.add("commit-after-no", case, &[*commit, *no], sentence);
        }
        let known = commit.op.complete_index();
        let mut first: FxHashMap<Place, &Word> = FxHashMap::default();
        for vote in case.votes {
            first.entry(vote.by).or_insert(vote);
        }
        let late = case.votes.iter().find(|vote| {
            vote.certain && first[&vote.by].op == vote.op && known < Some(vote.op.invoke_index())
        });
        if let Some(vote) = late {
            let sentence = "a participant had not even voted when somebody committed";
            self.add("commit-without-vote", case, &[*commit, *vote], sentence);
            return;
        }
        let began = |vote: &&Word| Some(vote.op.invoke_index()) < known;
        let mut yes: Vec<Place> = case
            .votes
            .iter()
            .filter(|vote| vote.positive)
            .filter(began)
            .map(|vote| vote.by)
            .collect();
        yes.sort_unstable();
        yes.dedup();
        if let Some(needed) = self.options.participants.filter(|n| yes.len() < *n as usize) {
            let sentence = format!(
                "somebody committed when {} of {needed} participants can have voted yes",
                yes.len()
            );
            self.add("commit-without-vote", case, &[*commit], &sentence);
        }
    }

    /// Who voted yes waits for the decision.
    fn blocked(&mut self, case: &Case<'_>) {
        let mut votes: Vec<&Word> =
            case.votes.iter().filter(|vote| vote.positive && vote.certain).collect();
        votes.sort_by_key(|vote| vote.by);
        votes.dedup_by_key(|vote| vote.by);
        let mut told: Vec<Place> = case.decisions.iter().map(|word| word.by).collect();
        told.sort_unstable();
        let end_ns = self.history.events().last().map_or(0, |event| event.time_ns);
        for vote in votes.into_iter().filter(|vote| told.binary_search(&vote.by).is_err()) {
            let at = vote.op.complete_index().unwrap_or(vote.op.invoke_index());
            self.waited_ns.push(end_ns.saturating_sub(self.history.events()[at].time_ns));
            if self.options.nonblocking {
                let sentence = "a participant voted yes and never learnt the decision";
                self.add("blocked", case, &[*vote], sentence);
            }
        }
    }
}

/// The two words, both said for certain by one participant.
fn of_one(words: &[Word]) -> Option<[Word; 2]> {
    let mut first: FxHashMap<Place, &Word> = FxHashMap::default();
    words.iter().filter(|word| word.certain).find_map(|word| {
        let known = *first.entry(word.by).or_insert(word);
        (known.positive != word.positive).then_some([*known, *word])
    })
}

/// The two words, said by two participants.
fn of_two(words: &[Word]) -> Option<[Word; 2]> {
    let against = |one: &Word| {
        let other = words.iter().find(|word| word.positive != one.positive && word.by != one.by);
        other.map(|other| [*one, *other])
    };
    // If the first commit has nobody against it, then whoever aborted is the one who committed.
    let commit = words.iter().find(|word| word.positive)?;
    against(commit).or_else(|| against(words.iter().find(|word| !word.positive)?))
}

#[cfg(test)]
mod tests {
    use super::super::reading::tests::{history, said};
    use super::super::{Invariant, Options, check as judge};
    use proptest::prelude::*;
    use std::fmt::Write as _;

    const KINDS: [&str; 6] = [
        "disagreement",
        "decision-changed",
        "commit-after-no",
        "commit-without-vote",
        "vote-changed",
        "blocked",
    ];

    /// Who, whether it is a vote, and whether it is yes or commit.
    type Said = (u8, bool, bool);

    fn judged(text: &str, options: &Options) -> String {
        said(&judge("test", &history(text), Invariant::AtomicCommit, options), &KINDS)
    }

    fn verdict(text: &str) -> String {
        judged(text, &Options::default())
    }

    fn vote(participant: u8, word: &str) -> String {
        format!("{participant}@n{participant} invoke vote [7,\"{word}\"]\n{participant} ok vote\n")
    }

    fn decide(participant: u8, word: &str) -> String {
        format!(
            "{participant}@n{participant} invoke decide 7\n{participant} ok decide [7,\"{word}\"]\n"
        )
    }

    #[test]
    fn all_vote_yes_and_all_commit() {
        let votes = vote(1, "yes") + &vote(2, "yes");
        let right = votes.clone() + &decide(1, "commit") + &decide(2, "commit");
        assert_eq!(verdict(&right), "valid");
        assert_eq!(
            verdict(&(votes + &decide(1, "commit") + &decide(2, "abort"))),
            "disagreement 1"
        );
        assert_eq!(verdict(&vote(1, "yes")), "unknown: vacuous: nobody decided anything");
    }

    #[test]
    fn nobody_commits_over_a_no() {
        let votes = vote(1, "yes") + &vote(2, "no");
        assert_eq!(verdict(&(votes.clone() + &decide(1, "abort"))), "valid");
        assert_eq!(verdict(&(votes + &decide(1, "commit"))), "commit-after-no 1");
        let unknown =
            vote(1, "yes") + "2@n2 invoke vote [7,\"no\"]\n2 info vote\n" + &decide(1, "commit");
        assert_eq!(verdict(&unknown), "valid");
    }

    #[test]
    fn a_decision_stays() {
        let text = vote(1, "yes") + &decide(1, "commit");
        assert_eq!(verdict(&(text.clone() + &decide(1, "commit"))), "valid");
        assert_eq!(verdict(&(text + &decide(1, "abort"))), "decision-changed 1");
        let text = vote(1, "yes") + &vote(1, "no") + &decide(1, "abort");
        assert_eq!(verdict(&text), "vote-changed 1");
    }

    #[test]
    fn a_commit_needs_every_vote() {
        let early = vote(1, "yes") + &decide(1, "commit") + &vote(2, "yes") + &decide(2, "commit");
        assert_eq!(verdict(&early), "commit-without-vote 1");
        let two = vote(1, "yes") + &vote(2, "yes") + &decide(1, "commit");
        let of = |participants| Options { participants: Some(participants), ..Options::default() };
        assert_eq!(judged(&two, &of(2)), "valid");
        assert_eq!(judged(&two, &of(3)), "commit-without-vote 1");
        let perhaps = "3@n3 invoke vote [7,\"yes\"]\n3 info vote\n".to_owned() + &two;
        assert_eq!(judged(&perhaps, &of(3)), "valid");
    }

    #[test]
    fn who_voted_yes_and_learns_nothing_is_blocked() {
        let text = vote(1, "yes") + &vote(2, "yes") + &decide(1, "commit");
        let nonblocking = Options { nonblocking: true, ..Options::default() };
        assert_eq!(judged(&text, &nonblocking), "blocked 1");
        assert_eq!(judged(&(text.clone() + &decide(2, "commit")), &nonblocking), "valid");
        let judgement =
            judge("test", &history(&text), Invariant::AtomicCommit, &Options::default());
        let figure = |name: &str| {
            judgement.figures.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone())
        };
        assert_eq!(figure("participants blocked").as_deref(), Some("1"));
        assert!(figure("blocked time").unwrap().ends_with("most: 200.000 ms"));
    }

    #[test]
    fn maps_say_the_same_and_other_shapes_are_named() {
        let text = "1 invoke vote {\"txn\":\"a\",\"vote\":\"no\"}\n1 ok vote\n\
                    2 invoke outcome \"a\"\n2 ok outcome {\"decision\":\"commit\",\"txn\":\"a\"}";
        assert_eq!(verdict(text), "commit-after-no 1");
        let said =
            verdict("1 invoke vote [7,\"perhaps\"]\n1 ok vote\n1 invoke decide\n1 ok decide 7");
        assert!(said.contains("event 0 (vote): expected [txn, \"yes\"]"), "{said}");
        assert!(said.contains("event 3 (decide)"), "{said}");
    }

    proptest! {
        /// Votes and decisions at random, one after the other, against the definitions.
        #[test]
        fn verdicts_are_those_of_the_definitions(
            words in prop::collection::vec((0_u8..3, any::<bool>(), any::<bool>()), 0..8),
        ) {
            let mut text = String::new();
            for (participant, is_vote, positive) in &words {
                let lines = match (is_vote, positive) {
                    (true, true) => vote(*participant, "yes"),
                    (true, false) => vote(*participant, "no"),
                    (false, true) => decide(*participant, "commit"),
                    (false, false) => decide(*participant, "abort"),
                };
                write!(text, "{lines}").unwrap();
            }
            let pairs = |holds: &dyn Fn(Said, Said) -> bool| {
                words.iter().any(|one| words.iter().any(|other| holds(*one, *other)))
            };
            let expected = [
                pairs(&|a, b| !a.1 && !b.1 && a.2 != b.2 && a.0 != b.0),
                pairs(&|a, b| !a.1 && !b.1 && a.2 != b.2 && a.0 == b.0),
                pairs(&|a, b| !a.1 && b.1 && a.2 && !b.2),
                words.iter().enumerate().any(|(at, word)| {
                    let first = !words[..at].iter().any(|vote| vote.1 && vote.0 == word.0);
                    word.1 && first && words[..at].iter().any(|commit| !commit.1 && commit.2)
                }),
                pairs(&|a, b| a.1 && b.1 && a.2 != b.2 && a.0 == b.0),
            ];
            let judgement =
                judge("test", &history(&text), Invariant::AtomicCommit, &Options::default());
            let found = |kind: &str| judgement.figures.iter().any(|(name, _)| name == kind);
            let found: Vec<bool> = KINDS[..5].iter().map(|kind| found(kind)).collect();
            prop_assert_eq!(expected.to_vec(), found);
        }
    }
}
