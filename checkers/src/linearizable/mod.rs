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

/// Whether a history is one of this object at all: why not, if it is not. Of such a history [`check`]
/// says `unknown`; whoever reads files wants to name the place.
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
