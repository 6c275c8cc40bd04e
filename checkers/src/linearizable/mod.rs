//! Is there one order of the operations that explains every result and respects real time?
//!
//! ```text
//!   check(history, object, semantics, budget)
//!     |
//!     +-- registers --> register/    zones, search: small integers         (by far the most)
//!     +-- the others -> objects/     a Model each, with a monitor of its own where values allow
//!     |                 frontier/    and this for everything else
//!     '-- one's own --> check_model  the same, for whoever implements Model
//!                         |
//!   legal: order.rs       +--> evidence: the smallest contradiction of an illegal part
//! ```
//!
//! Sources: Herlihy & Wing 1990 (the definition, and locality: per key is enough); Wing & Gong 1993
//! (the search); Lowe 2017 (undo list, just-in-time linearization); Horn & Kroening 2015 (per key);
//! Gibbons & Korach 1997 (zones).

mod calls;
pub mod engine;
mod evidence;
mod frontier;
mod live;
pub mod model;
pub mod object;
pub mod objects;
#[cfg(test)]
mod oracle;
pub mod order;
mod register;
mod rounds;
pub mod semantics;

pub use calls::Unfit;
pub use live::{Ending, Live, Violation};
pub use model::Model;
pub use object::Object;
pub use semantics::Semantics;

use crate::budget::Budget;
use crate::history::History;
use crate::verdict::{Evidence, Judgement, Verdict};
use engine::{Engine, Found, Outcome};
use model::{Monitored, Part};
use objects::WithModel;
use rounds::Rounds;

/// Judges whether a history of this object is linearizable; `claim` is the sentence on trial.
pub fn check(
    claim: &str,
    history: &History,
    object: Object,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Judgement {
    let with_cas = object != Object::Register;
    let others = ByModel { claim, history, semantics, budget };
    match objects::with_model(object, semantics, others) {
        Ok(Some(judgement)) => judgement,
        Ok(None) => register::check(claim, history, with_cas, semantics, budget),
        Err(misfit) => {
            let why = Unfit::from(misfit).to_string();
            Question { claim, semantics }.judgement(Verdict::Unknown { why }, Vec::new())
        }
    }
}

/// Whether a history is one of this object at all: why not, if it is not. Of such a history
/// [`check`] says `unknown`; whoever reads files wants to name the place.
pub fn unfit(history: &History, object: Object, semantics: &Semantics) -> Option<Unfit> {
    let with_cas = object != Object::Register;
    match objects::with_model(object, semantics, Fits { history, semantics }) {
        Ok(Some(fits)) => fits,
        Ok(None) => register::unfit(history, with_cas, semantics),
        Err(misfit) => Some(misfit.into()),
    }
}

/// The question whether a history is one of an object that is no register.
struct Fits<'a> {
    history: &'a History,
    semantics: &'a Semantics,
}

impl WithModel for Fits<'_> {
    type Out = Option<Unfit>;

    fn with<M: Model>(self, model: &M) -> Option<Unfit> {
        calls::read(self.history, model, self.semantics).err()
    }
}

/// The question, for an object that is no register.
struct ByModel<'a> {
    claim: &'a str,
    history: &'a History,
    semantics: &'a Semantics,
    budget: &'a Budget<'a>,
}

impl WithModel for ByModel<'_> {
    type Out = Judgement;

    fn with<M: Model>(self, model: &M) -> Judgement {
        check_model(self.claim, self.history, model, self.semantics, self.budget)
    }
}

/// Judges whether a history is linearizable with respect to a specification of one's own.
///
/// A bank account that is never overdrawn:
///
/// ```
/// use checkers::budget::Budget;
/// use checkers::history::{Datum, jsonl};
/// use checkers::linearizable::model::{Answer, Call, Misfit};
/// use checkers::linearizable::{Model, Semantics, check_model};
///
/// struct Account;
///
/// #[derive(Clone, Debug, PartialEq, Eq, Hash)]
/// enum Op {
///     Deposit(i64),
///     Withdraw(i64),
///     Balance(i64),
/// }
///
/// impl Model for Account {
///     type Op = Op;
///     type State = i64;
///
///     fn read(&self, call: &Call<'_>) -> Result<Option<Op>, Misfit> {
///         Ok(match (call.f, &call.argument, &call.answer) {
///             // What failed did not happen; a balance that nobody saw says nothing.
///             (_, _, Answer::Fail(_)) | ("balance", _, Answer::Unknown) => None,
///             ("deposit", Datum::Int(sum), _) => Some(Op::Deposit(*sum)),
///             ("withdraw", Datum::Int(sum), _) => Some(Op::Withdraw(*sum)),
///             ("balance", _, Answer::Ok(Datum::Int(sum))) => Some(Op::Balance(*sum)),
///             ("deposit" | "withdraw" | "balance", ..) => return Err(Misfit::Shape("a sum")),
///             _ => return Err(Misfit::Function("deposit, withdraw, balance")),
///         })
///     }
///
///     fn initial(&self) -> i64 {
///         0
///     }
///
///     fn step(&self, balance: &i64, op: &Op, next: &mut Vec<i64>) {
///         match *op {
///             Op::Deposit(sum) => next.push(balance + sum),
///             Op::Withdraw(sum) if sum <= *balance => next.push(balance - sum),
///             Op::Balance(found) if found == *balance => next.push(found),
///             Op::Withdraw(_) | Op::Balance(_) => {}
///         }
///     }
///
///     fn observes_only(&self, op: &Op) -> bool {
///         matches!(op, Op::Balance(_))
///     }
/// }
///
/// let twice = r#"
/// {"index":0,"time":0,"process":0,"type":"invoke","f":"deposit","value":100}
/// {"index":1,"time":1,"process":0,"type":"ok","f":"deposit","value":100}
/// {"index":2,"time":2,"process":1,"type":"invoke","f":"withdraw","value":80}
/// {"index":3,"time":3,"process":2,"type":"invoke","f":"withdraw","value":80}
/// {"index":4,"time":4,"process":1,"type":"ok","f":"withdraw","value":80}
/// {"index":5,"time":5,"process":2,"type":"ok","f":"withdraw","value":80}
/// "#;
/// let judge = |text: &str| {
///     let history = jsonl::read(text.trim_start().as_bytes(), "example").unwrap().history;
///     let claim = "the account is never overdrawn";
///     check_model(claim, &history, &Account, &Semantics::default(), &Budget::default())
/// };
/// assert_eq!(judge(twice).verdict.word(), "invalid");
/// // Had the second one ended without a known result, it might not have happened.
/// let lost = twice.replace(r#""process":2,"type":"ok""#, r#""process":2,"type":"info""#);
/// assert_eq!(judge(&lost).verdict.word(), "valid");
/// ```
pub fn check_model<M: Model>(
    claim: &str,
    history: &History,
    model: &M,
    semantics: &Semantics,
    budget: &Budget<'_>,
) -> Judgement {
    let question = Question { claim, semantics };
    let calls = match calls::read(history, model, semantics) {
        Ok(calls) => calls,
        Err(unfit) => {
            let why = unfit.to_string();
            return question.judgement(Verdict::Unknown { why }, Vec::new());
        }
    };
    let parts = &calls.parts;
    let rounds =
        Rounds::run(parts.len(), budget, false, |part, limits| decide(model, &parts[part], limits));
    let illegal: Vec<&Part<M::Op>> = rounds.illegal().map(|part| &parts[part]).collect();
    let required = |part: &Part<M::Op>| part.ops.iter().filter(|op| !op.is_optional()).count();
    let verdict = if !illegal.is_empty() {
        let evidence = evidence::find(history, model, &illegal, budget);
        Verdict::Invalid { evidence: Box::new(Evidence::Order(evidence)) }
    } else {
        unknown(&rounds, budget, |part| (parts[part].name.as_deref(), required(&parts[part])))
            .map_or(Verdict::Valid, |why| Verdict::Unknown { why })
    };
    let required: usize = parts.iter().map(required).sum();
    let optional = parts.iter().map(|part| part.ops.len()).sum::<usize>() - required;
    question.judgement(verdict, figures(&rounds, [required, calls.indeterminate, optional]))
}

/// One part: at sight if the model can, else by search.
fn decide<M: Model>(model: &M, part: &Part<M::Op>, limits: &engine::Limits<'_>) -> Found {
    let at_sight =
        |outcome| Found { outcome, engine: Engine::Monitor, configurations: 0, order: None };
    match model.monitor(part) {
        Monitored::Legal if !limits.order => at_sight(Outcome::Legal),
        Monitored::Illegal { .. } => at_sight(Outcome::Illegal),
        Monitored::Unfit(_) | Monitored::Legal => {
            frontier::search(model, part, &[model.initial()], limits)
        }
    }
}

/// What is asked of a history.
struct Question<'a> {
    claim: &'a str,
    semantics: &'a Semantics,
}

impl Question<'_> {
    fn judgement(&self, verdict: Verdict, mut figures: Vec<(String, String)>) -> Judgement {
        figures.push(("semantics".to_owned(), self.semantics.to_string()));
        Judgement {
            checker: "linearizable".to_owned(),
            claim: self.claim.to_owned(),
            verdict,
            figures,
        }
    }
}

/// Why a history without an illegal part could not be decided, if it could not. `part` gives a
/// part's name and how many operations had to be put in order.
fn unknown<'a>(
    rounds: &Rounds,
    budget: &Budget<'_>,
    part: impl Fn(usize) -> (Option<&'a str>, usize),
) -> Option<String> {
    let (first, placed) = rounds.spent().next()?;
    let (name, required) = part(first);
    let parts = rounds.found.len();
    Some(format!(
        "{}: {} of {parts} keys are linearizable, the others are undecided; of key {} at most \
         {placed} of {required} operations could be put in order",
        if budget.stopped() { "time was up" } else { "the budget was spent" },
        parts - rounds.spent().count(),
        name.unwrap_or("(none)"),
    ))
}

/// What is worth knowing beside the verdict. `counts`: operations, indeterminate ones, those of
/// them that matter.
fn figures(rounds: &Rounds, counts: [usize; 3]) -> Vec<(String, String)> {
    let [operations, indeterminate, matter] = counts;
    let figures = [
        ("keys", rounds.found.len() as u64),
        ("keys not linearizable", rounds.illegal().count() as u64),
        ("operations", operations as u64),
        ("indeterminate operations", indeterminate as u64),
        ("indeterminate operations that matter", matter as u64),
        ("configurations explored", rounds.configurations),
    ];
    let mut figures: Vec<_> =
        figures.into_iter().map(|(name, figure)| (name.to_owned(), figure.to_string())).collect();
    figures.push(("decided by".to_owned(), rounds.engines()));
    figures
}
