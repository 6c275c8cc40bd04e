//! From flags to what is asked of a history.

use crate::cli_check::{
    CheckArgs, ElleArgs, FailedCasName, FormatName, NilReadName, OpenName, SemanticsName,
};
use crate::exit::Failure;
use crate::history_file::ReadAs;
use crate::judge::{ObjectQuestion, Promise, Question, TxnQuestion};
use crate::suggest;
use checkers::consistency::Consistency;
use checkers::history::Datum;
use checkers::history::import::{Format, ImportOptions};
use checkers::invariants::{self, Invariant};
use checkers::linearizable::semantics::{FailedCas, NilRead, Open};
use checkers::linearizable::{Object, Semantics};
use checkers::transactions::lattice::{self, Anomalies, Anomaly, Model, Models};
use checkers::transactions::weak::Level;
use checkers::transactions::{Kind, Options, Sources};

/// The name of the strongest promise.
const LINEARIZABLE: &str = "linearizable";

/// What asks for an invariant where an object has the same name.
const INVARIANT: &str = "invariant";

/// Elle gives up on a component after a second; so many steps take about a millisecond.
const STEPS_PER_MS: u64 = 50_000;

/// Whether anything was asked that a stored run does not answer by itself.
pub(super) fn asks_something(args: &CheckArgs) -> bool {
    let CheckArgs { model, consistency, semantics, initial, nil_read, failed_cas, open, .. } = args;
    model.is_some()
        || !consistency.is_empty()
        || semantics.is_some()
        || initial.is_some()
        || nil_read.is_some()
        || failed_cas.is_some()
        || open.is_some()
        || args.linearization
}

/// What is asked of every history, with these semantics where the flags say nothing.
pub(super) fn question(args: &CheckArgs, base: Semantics) -> Result<Question, Failure> {
    let name = args.model.as_deref().unwrap_or("cas-register");
    let of_invariants = args.consistency.iter().any(|promise| promise == INVARIANT);
    let invariant = Invariant::from_name(name);
    if let Some(kind) = Kind::from_name(name) {
        return transactions(args, kind).map(Question::Transactions);
    }
    // Where an object and an invariant share a name, the object is meant, unless it is said.
    match (invariant, Object::from_name(name)) {
        (Some(invariant), None) => invariant_question(args, invariant),
        (Some(invariant), Some(_)) if of_invariants => invariant_question(args, invariant),
        (None, Some(_)) if of_invariants => Err(Failure::Usage(format!(
            "{name} has no invariant to be held against; tribunal list models has those that do"
        ))),
        (_, Some(object)) => object_question(args, object, base).map(Question::Object),
        (None, None) => {
            let known = known_models().map(|(name, ..)| name);
            Err(Failure::Usage(suggest::unknown("model", name, known, "tribunal list models")))
        }
    }
}

/// Every model with one sentence, and what has to be added to ask for it: objects, transactions,
/// and the invariants.
pub(in crate::commands) fn known_models()
-> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let objects = Object::ALL.iter().map(|(name, _, about)| (*name, *about, ""));
    let transactions = Kind::ALL.iter().map(|(name, _, about)| (*name, *about, ""));
    let invariants = Invariant::ALL.iter().map(|(name, _, about)| {
        let shared = Object::from_name(name).is_some();
        (*name, *about, if shared { " (--consistency invariant)" } else { "" })
    });
    objects.chain(transactions).chain(invariants)
}

fn object_question(
    args: &CheckArgs,
    object: Object,
    base: Semantics,
) -> Result<ObjectQuestion, Failure> {
    let object = with_permits(args, object)?;
    let promise = match &args.consistency[..] {
        [] => Promise::Linearizable,
        [name] => promise(name)?,
        [_, second, ..] => {
            return Err(Failure::Usage(format!(
                "--consistency {second}: an object is held against one promise at a time; \
                 transactions (--model list-append) against several"
            )));
        }
    };
    let registers = matches!(object, Object::Register | Object::CasRegister);
    if promise != Promise::Linearizable && !registers {
        return Err(Failure::Usage(format!(
            "--consistency {} is decided for registers, not for {}",
            promise.name(),
            object.name()
        )));
    }
    Ok(ObjectQuestion { object, promise, semantics: semantics(args, base)? })
}

fn invariant_question(args: &CheckArgs, invariant: Invariant) -> Result<Question, Failure> {
    if let Some(other) = args.consistency.iter().find(|promise| *promise != INVARIANT) {
        return Err(Failure::Usage(format!(
            "--consistency {other}: {} is an invariant, and is held against nothing else",
            invariant.name()
        )));
    }
    let elle: &ElleArgs = &args.elle;
    let options = invariants::Options {
        total: elle.total_amount,
        negative_balances: elle.allow_negative_balances,
        group_size: elle.group_size,
        linearizable: elle.linearizable,
        final_reads_only: elle.final_reads_only,
        final_polls: elle.final_polls,
        participants: elle.participants,
        nonblocking: elle.nonblocking,
    };
    Ok(Question::Invariant(invariant, options))
}

fn transactions(args: &CheckArgs, kind: Kind) -> Result<TxnQuestion, Failure> {
    let elle = &args.elle;
    let of_objects = [
        ("--linearization", args.linearization),
        ("--initial", args.initial.is_some()),
        ("--permits", args.permits.is_some()),
        ("--semantics", args.semantics.is_some()),
    ];
    if let Some((flag, _)) = of_objects.iter().find(|(_, given)| *given) {
        return Err(Failure::Usage(format!("{flag} is about objects, not about transactions")));
    }
    let mut options = Options {
        sources: Sources {
            writes_follow_reads: elle.wfr_keys,
            sequential_keys: elle.sequential_keys,
            linearizable_keys: elle.linearizable_keys,
        },
        all_cycles: elle.all_cycles,
        ..Options::default()
    };
    if !args.consistency.is_empty() {
        let models = args.consistency.iter().map(|name| {
            Model::from_name(name).ok_or_else(|| {
                let known = Model::ALL.iter().map(|model| model.name());
                let hint = "tribunal list consistency";
                Failure::Usage(suggest::unknown("consistency", name, known, hint))
            })
        });
        options.models = models.collect::<Result<Models, Failure>>()?;
        if let Some(model) = options.models.iter().find(|model| says_nothing(kind, *model)) {
            return Err(Failure::Usage(format!(
                "--consistency {}: no anomaly of transactions is known to break it; \
                 did you mean strict-serializable?",
                model.name()
            )));
        }
    }
    let anomalies = elle.anomalies.iter().map(|name| {
        Anomaly::from_name(name).ok_or_else(|| {
            let known = Anomaly::ALL.iter().map(|anomaly| anomaly.name());
            Failure::Usage(suggest::unknown("anomaly", name, known, "docs/anomalies.md"))
        })
    });
    options.anomalies = anomalies.collect::<Result<Anomalies, Failure>>()?;
    if let Some(ms) = elle.cycle_search_timeout {
        options.steps_per_component_max = ms.saturating_mul(STEPS_PER_MS);
    }
    let promise = match &args.consistency[..] {
        [] => "strict-serializable".to_owned(),
        names => names.join(" and "),
    };
    Ok(TxnQuestion { kind, promise, options })
}

/// Whether every history would pass, since the model is about something else.
fn says_nothing(kind: Kind, model: Model) -> bool {
    let decided = kind == Kind::RwRegister && Level::of(model).is_some();
    !decided && lattice::prohibited(Models::default().with(model)).is_empty()
}

/// How files are to be read.
pub(super) fn read_as(args: &CheckArgs) -> ReadAs {
    let format = args.format.map(|format| match format {
        FormatName::Jsonl => Format::Jsonl,
        FormatName::Edn => Format::Edn,
        FormatName::Json => Format::Json,
        FormatName::JepsenLog => Format::JepsenLog,
    });
    ReadAs { format, options: ImportOptions { independent: args.independent } }
}

fn with_permits(args: &CheckArgs, object: Object) -> Result<Object, Failure> {
    match (object, args.permits) {
        (Object::Semaphore { .. }, Some(permits)) => Ok(Object::Semaphore { permits }),
        (object, Some(_)) => Err(Failure::Usage(format!(
            "--permits means something only with --model semaphore, not with {}",
            object.name()
        ))),
        (object, None) => Ok(object),
    }
}

fn promise(name: &str) -> Result<Promise, Failure> {
    if name == LINEARIZABLE {
        return Ok(Promise::Linearizable);
    }
    Consistency::from_name(name).map(Promise::Weaker).ok_or_else(|| {
        let weaker = Consistency::ALL.iter().map(|(name, _)| *name);
        let known = weaker.chain([LINEARIZABLE, INVARIANT]);
        Failure::Usage(suggest::unknown("consistency", name, known, "tribunal check --help"))
    })
}

fn semantics(args: &CheckArgs, base: Semantics) -> Result<Semantics, Failure> {
    let mut semantics = match args.semantics {
        None => base,
        Some(SemanticsName::Jepsen) => Semantics::JEPSEN,
        Some(SemanticsName::Porcupine) => Semantics::PORCUPINE,
        Some(SemanticsName::Strict) => Semantics::STRICT,
    };
    if let Some(text) = &args.initial {
        let json = serde_json::from_str(text).map_err(|error| {
            Failure::Usage(format!("--initial {text:?}: expected JSON, such as 0 or null: {error}"))
        })?;
        semantics.initial = Datum::from_json(json);
    }
    if let Some(name) = args.nil_read {
        semantics.nil_read = match name {
            NilReadName::Found => NilRead::Found,
            NilReadName::Unconstrained => NilRead::Unconstrained,
        };
    }
    if let Some(name) = args.failed_cas {
        semantics.failed_cas = match name {
            FailedCasName::DidNotHappen => FailedCas::DidNotHappen,
            FailedCasName::FoundAnother => FailedCas::FoundAnother,
        };
    }
    if let Some(name) = args.open {
        semantics.open = match name {
            OpenName::MayHaveHappened => Open::MayHaveHappened,
            OpenName::NeverHappened => Open::NeverHappened,
        };
    }
    Ok(semantics)
}
