//! Judging while reading: nothing is kept but what is still undecided.

use super::question;
use crate::cli_check::CheckArgs;
use crate::exit::{Ending, Failure};
use crate::history_file;
use crate::judge::{ObjectQuestion, Promise, Question};
use crate::screen::{harmless, say};
use checkers::history::import::Events;
use checkers::linearizable::{Ending as Judged, Live, Violation};
use std::path::Path;

/// Judges one input after the other; what is said of each is said at once.
pub(super) fn check(args: &CheckArgs, question: &Question) -> Result<Ending, Failure> {
    let Question::Object(question) = question else {
        let model = args.model.as_deref().unwrap_or_default();
        return Err(Failure::Usage(format!("--stream judges objects, not {model}")));
    };
    if question.promise != Promise::Linearizable {
        let promise = question.promise.name();
        return Err(Failure::Usage(format!("--stream judges linearizable, not {promise}")));
    }
    let mut ending = Ending::Valid;
    let mut failed: Option<Failure> = None;
    for input in &args.inputs {
        match check_one(args, question, input) {
            Ok(judged) => {
                say(&line(args, input, &judged));
                ending = ending.merge(match judged.verdict {
                    Judged::Valid => Ending::Valid,
                    Judged::Unknown(_) => Ending::Unknown,
                    Judged::Invalid(_) => Ending::Invalid,
                });
            }
            Err(failure) => {
                if let Some(before) = failed.replace(failure) {
                    anstream::eprintln!("tribunal: {before}");
                }
            }
        }
    }
    match failed {
        Some(failure) if ending == Ending::Invalid => {
            anstream::eprintln!("tribunal: {failure}");
            Ok(ending)
        }
        Some(failure) => Err(failure),
        None => Ok(ending),
    }
}

/// What was found in one input.
struct JudgedInput {
    verdict: Judged,
    events: usize,
    damage: Option<String>,
}

fn check_one(
    args: &CheckArgs,
    question: &ObjectQuestion,
    input: &str,
) -> Result<JudgedInput, Failure> {
    let file = history_file::locate(Path::new(input))?;
    let read_as = question::read_as(args);
    let (reader, format) = history_file::open(&file, read_as.format)?;
    let mut live = Live::new(&question.object, &question.semantics, args.mem);
    let mut events = Events::new(reader, input, format, read_as.options);
    let mut count = 0;
    while let Some((index, event)) =
        events.next_event().map_err(|error| Failure::Usage(error.to_string()))?
    {
        count = index + 1;
        if let Some(violation) = live.event(index, &event, events.symbols()) {
            let verdict = Judged::Invalid(violation);
            return Ok(JudgedInput { verdict, events: count, damage: None });
        }
    }
    let damage = events.torn().map(|torn| torn.to_string());
    Ok(JudgedInput { verdict: live.finish(), events: count, damage })
}

fn line(args: &CheckArgs, input: &str, judged: &JudgedInput) -> String {
    let JudgedInput { verdict, events, damage } = judged;
    let (word, key, index, why) = match verdict {
        Judged::Valid => ("valid", None, None, None),
        Judged::Unknown(why) => ("unknown", None, None, Some(why)),
        Judged::Invalid(Violation { index, key, sentence }) => {
            ("invalid", key.as_ref(), Some(index), Some(sentence))
        }
    };
    if args.json {
        let document = serde_json::json!({
            "input": input, "verdict": word, "events": events, "key": key, "at_event": index,
            "why": why, "damage": damage,
        });
        return document.to_string();
    }
    let key = key.map_or(String::new(), |key| format!(", key {}", harmless(key)));
    let at = index.map_or(String::new(), |index| format!(" (certain at event {index}{key})"));
    let why = why.map_or(String::new(), |why| format!(": {}", harmless(why)));
    let damage = damage.as_ref().map_or(String::new(), |damage| format!("\nNOTE: {damage}"));
    format!("{input}: {} after {events} events{at}{why}{damage}", word.to_uppercase())
}
