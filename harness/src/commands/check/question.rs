//! From flags to what is asked of a history.

use crate::cli_check::{
    CheckArgs, FailedCasName, FormatName, NilReadName, OpenName, SemanticsName,
};
use crate::exit::Failure;
use crate::history_file::ReadAs;
use crate::judge::{Promise, Question};
use crate::suggest;
use checkers::consistency::Consistency;
use checkers::history::Datum;
use checkers::history::import::{Format, ImportOptions};
use checkers::linearizable::semantics::{FailedCas, NilRead, Open};
use checkers::linearizable::{Object, Semantics};

/// The name of the strongest promise.
const LINEARIZABLE: &str = "linearizable";

/// Whether anything was asked that a stored run does not answer by itself.
pub(super) fn asks_something(args: &CheckArgs) -> bool {
    let CheckArgs { model, consistency, semantics, initial, nil_read, failed_cas, open, .. } = args;
    model.is_some()
        || consistency.is_some()
        || semantics.is_some()
        || initial.is_some()
        || nil_read.is_some()
        || failed_cas.is_some()
        || open.is_some()
        || args.linearization
}

/// What is asked of every history, with these semantics where the flags say nothing.
pub(super) fn question(args: &CheckArgs, base: Semantics) -> Result<Question, Failure> {
    let object = object(args)?;
    let promise = promise(args.consistency.as_deref().unwrap_or(LINEARIZABLE))?;
    let registers = matches!(object, Object::Register | Object::CasRegister);
    if promise != Promise::Linearizable && !registers {
        return Err(Failure::Usage(format!(
            "--consistency {} is decided for registers, not for {}",
            promise.name(),
            object.name()
        )));
    }
    Ok(Question { object, promise, semantics: semantics(args, base)? })
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

fn object(args: &CheckArgs) -> Result<Object, Failure> {
    let name = args.model.as_deref().unwrap_or("cas-register");
    let known = || Object::ALL.iter().map(|(name, ..)| *name);
    let object = Object::from_name(name).ok_or_else(|| {
        Failure::Usage(suggest::unknown("model", name, known(), "tribunal list models"))
    })?;
    match (object, args.permits) {
        (Object::Semaphore { .. }, Some(permits)) => Ok(Object::Semaphore { permits }),
        (_, Some(_)) => Err(Failure::Usage(format!(
            "--permits means something only with \
             --model semaphore, not with {name}"
        ))),
        (object, None) => Ok(object),
    }
}

fn promise(name: &str) -> Result<Promise, Failure> {
    if name == LINEARIZABLE {
        return Ok(Promise::Linearizable);
    }
    Consistency::from_name(name).map(Promise::Weaker).ok_or_else(|| {
        let known = Consistency::ALL.iter().map(|(name, _)| *name).chain([LINEARIZABLE]);
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
