//! The judges against brute force, and what implies what.

use super::clocks::Clocks;
use super::graph::{Graph, Rule};
use super::problem::{Op, Problem, Source};
use super::{Outcome, Question, causal, evidence, oracle, search, sequential, view};
use crate::budget::Budget;
use proptest::prelude::*;

const SESSIONS: u32 = 3;
const KEYS: u32 = 2;

const RULES: [Rule; 6] = [
    Rule::ReadYourWrites,
    Rule::MonotonicReads,
    Rule::MonotonicWrites,
    Rule::WritesFollowReads,
    Rule::Pram,
    Rule::Causal,
];

/// Operations as numbers: session, key, kind, and which of the key's writes is found.
fn problem(codes: &[(u32, u32, u8, usize)]) -> Problem {
    let sets = |kind: u8| kind != 0;
    let ops = codes.iter().enumerate().map(|(at, &(session, key, kind, found))| {
        let writes: Vec<usize> = (0..codes.len())
            .filter(|&other| other != at && sets(codes[other].2) && codes[other].1 == key)
            .collect();
        let finds = (kind != 1).then(|| match found % (writes.len() + 1) {
            0 => Source::Initial,
            found => Source::Op(writes[found - 1] as u32),
        });
        let event = 2 * at as u32;
        let (invoke, ret, info) = (event, event + 1, u32::MAX);
        Op { session, key, finds, sets: sets(kind), invoke, ret, info }
    });
    Problem { ops: ops.collect(), sessions: SESSIONS as usize, keys: KEYS as usize }
}

fn problems(ops_max: usize) -> impl Strategy<Value = Problem> {
    let kind = prop_oneof![5 => Just(0_u8), 4 => Just(1_u8), 1 => Just(2_u8)];
    let op = (0..SESSIONS, prop_oneof![3 => Just(0), 1 => Just(1)], kind, 0..8_usize);
    prop::collection::vec(op, 1..=ops_max).prop_map(|codes| problem(&codes))
}

fn keeps(problem: &Problem, rule: Rule) -> bool {
    let graph = Graph::new(problem, rule);
    (0..SESSIONS).all(|session| view::judge(&graph, session) == view::Seen::Explained)
}

fn keeps_sequential(problem: &Problem) -> bool {
    match sequential::judge(problem, &Budget::default()) {
        Outcome::Kept => true,
        Outcome::Broken(_) => false,
        Outcome::Spent(why) => panic!("small problems fit into the budget: {why}"),
    }
}

fn is_judged_as_by_brute_force(problem: &Problem) {
    for rule in RULES {
        let graph = Graph::new(problem, rule);
        // What sessions without reads see is what all see: the oracle asks for an order there, too.
        let brute = (0..SESSIONS).all(|session| oracle::view(problem, rule, session));
        let judged = (0..SESSIONS).all(|s| view::judge(&graph, s) == view::Seen::Explained);
        assert_eq!(judged, brute, "{rule:?} {problem:#?}");
    }
    let weak = oracle::weakly_causal(problem);
    assert_eq!(!causal::broken(problem), weak, "CC {problem:#?}");
    if weak {
        let clocks = Clocks::causal(problem).expect("there is no cycle");
        assert_eq!(causal::convergent(&clocks), oracle::convergent(problem), "CCv {problem:#?}");
    }
    assert_eq!(keeps_sequential(problem), oracle::sequential(problem), "SC {problem:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn every_promise_is_judged_as_by_brute_force(problem in problems(7)) {
        is_judged_as_by_brute_force(&problem);
    }

    #[test]
    fn a_stronger_promise_implies_the_weaker_ones(problem in problems(12)) {
        let [own, reads, writes, follow, pram, memory] = RULES.map(|rule| keeps(&problem, rule));
        let implied = |stronger: bool, weaker: bool| !stronger || weaker;
        prop_assert!(implied(keeps_sequential(&problem), memory));
        prop_assert!(implied(memory, !causal::broken(&problem)));
        prop_assert!(implied(memory, pram && follow));
        prop_assert!(implied(pram, own && reads && writes));
    }

    #[test]
    fn evidence_is_broken_by_brute_force_and_nothing_can_be_left_out(problem in problems(9)) {
        for question in questions(&problem) {
            let broken =
                |problem: &Problem| evidence::broken(problem, question, &Budget::default());
            let small = evidence::reduce(&problem, broken);
            prop_assert!(match question {
                Question::View(rule, session) => !oracle::view(&small, rule, session),
                Question::Causal => !oracle::weakly_causal(&small),
                Question::Order | Question::AnyOrder => !oracle::sequential(&small),
            }, "{question:?} {small:#?}");
            for left_out in 0..small.ops.len() as u32 {
                let all = 0..small.ops.len() as u32;
                let keep: Vec<u32> = all.filter(|at| *at != left_out).collect();
                prop_assert!(!broken(&small.restrict(&keep)), "{question:?} {left_out} {small:#?}");
            }
        }
    }
}

/// What is broken by a problem.
fn questions(problem: &Problem) -> Vec<Question> {
    let mut questions: Vec<Question> = Vec::new();
    for rule in RULES {
        let graph = Graph::new(problem, rule);
        let broken = (0..SESSIONS).filter(|&s| view::judge(&graph, s) == view::Seen::Broken);
        questions.extend(broken.map(|session| Question::View(rule, session)));
    }
    questions.extend(causal::broken(problem).then_some(Question::Causal));
    if let Outcome::Broken(question) = sequential::judge(problem, &Budget::default()) {
        questions.push(question);
    }
    questions
}

/// Without these the tests above could pass by never meeting what they are about.
#[test]
fn random_problems_keep_and_break_every_promise() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut counts = [[0_u32; 2]; RULES.len() + 1];
    // Where time does not show an order: an order after all, or a contradiction of all sessions.
    let mut hard = [0_u32; 2];
    for _ in 0..3_000 {
        let tree = problems(9).new_tree(&mut runner).expect("nothing is rejected");
        let problem = proptest::strategy::ValueTree::current(&tree);
        for (count, rule) in counts.iter_mut().zip(RULES) {
            count[usize::from(keeps(&problem, rule))] += 1;
        }
        counts[RULES.len()][usize::from(keeps_sequential(&problem))] += 1;
        if keeps(&problem, Rule::Causal) && !search::by_time(&problem) {
            hard[usize::from(keeps_sequential(&problem))] += 1;
        }
    }
    assert!(counts.iter().flatten().all(|&count| count > 100), "{counts:?}");
    assert!(hard.iter().all(|&count| count > 10), "{hard:?}");
}

#[test]
fn a_spent_budget_says_unknown_and_not_invalid() {
    // Dekker's two sessions: nothing but the fixpoint refutes it.
    let problem = problem(&[(0, 0, 1, 0), (0, 1, 0, 0), (1, 1, 1, 0), (1, 0, 0, 0)]);
    assert!(matches!(
        sequential::judge(&problem, &Budget::default()),
        Outcome::Broken(Question::Order)
    ));
    let small = Budget { configurations_max: 0, ..Budget::default() };
    assert!(matches!(sequential::judge(&problem, &small), Outcome::Spent(_)));
    let small = Budget { bytes_max: 0, ..Budget::default() };
    assert!(matches!(sequential::judge(&problem, &small), Outcome::Spent(_)));
}
