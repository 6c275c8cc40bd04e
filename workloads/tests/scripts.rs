//! Golden scripts: a scenario per file, its name the sentence that it shows. The first line of each
//! file says what to look at. `UPDATE_GOLDENFILES=1` writes what comes out.
//!
//! ```text
//!   simulate threads=2 latency_ms=10 outcomes="fail ok" "(until-ok (repeat a))"
//!   register threads=4 keys=2 ops=12 ops_per_key=5 seed=1 final_outcomes=ok
//!   choose policy nodes=3 processes=4 rounds=3 leader=1
//! ```

mod common;

use checkers::history::{Datum, Outcome};
use common::{Registers, build, show};
use goldenscript::{ArgumentConsumer, Command, Context};
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;
use targets::links::NodeId;
use targets::seed::Seed;
use workloads::catalogue::Phases;
use workloads::choice::{NodeChoice, Policy};
use workloads::generator::GeneratorExt;
use workloads::register::{FinalReads, FinalReadsOptions, Register, RegisterOptions, Weights};
use workloads::simulate::{World, simulate};

#[test]
fn every_script_shows_what_its_name_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of scripts")
        .map(|entry| entry.expect("a script").path())
        .collect();
    paths.sort();
    assert!(paths.len() > 20, "the scripts are gone");
    for path in paths {
        println!("{}", path.display());
        goldenscript::run(&mut Runner, &path).expect("a script that runs");
    }
}

struct Runner;

impl goldenscript::Runner for Runner {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut arguments = command.consume_args();
        let output = match command.name.as_str() {
            "simulate" => simulate_expression(&mut arguments)?,
            "register" => simulate_register(&mut arguments)?,
            "choose" => choose(&mut arguments)?,
            name => return Err(format!("there is no command {name}").into()),
        };
        arguments.reject_next()?;
        Ok(output)
    }
}

fn number(
    arguments: &mut ArgumentConsumer<'_>,
    key: &str,
    default: u32,
) -> Result<u32, Box<dyn Error>> {
    Ok(arguments.take_key(key).map_or(Ok(default), str::parse)?)
}

/// The outcomes in turn, the last for ever.
fn outcomes(words: &str) -> impl FnMut() -> Outcome + use<> {
    let mut words: Vec<String> = words.split_whitespace().rev().map(str::to_owned).collect();
    move || {
        let word = if words.len() > 1 { words.pop() } else { words.last().cloned() };
        match word.expect("an outcome").as_str() {
            "ok" => Outcome::Ok(Datum::Nil),
            "fail" => Outcome::Fail("as told".into()),
            "info" => Outcome::Info("as told".into()),
            word => panic!("{word} is no outcome"),
        }
    }
}

fn simulate_expression(arguments: &mut ArgumentConsumer<'_>) -> Result<String, Box<dyn Error>> {
    let threads = number(arguments, "threads", 1)?;
    let ops_max = number(arguments, "ops_max", 20)? as usize;
    let latencies: Vec<u64> = arguments
        .take_key("latency_ms")
        .unwrap_or("10")
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let mut outcome = outcomes(arguments.take_key("outcomes").unwrap_or("ok"));
    let expression = arguments.next_pos().ok_or("an expression is missing")?;
    let answer = move |thread: u32, _: &_| {
        let latency_ms = latencies[thread as usize % latencies.len()];
        (Duration::from_millis(latency_ms), outcome())
    };
    let world =
        World { threads, ops_max, time_max: Duration::from_secs(60), answer: Box::new(answer) };
    Ok(show(&simulate(&mut build(expression, Seed(1)), world)))
}

fn simulate_register(arguments: &mut ArgumentConsumer<'_>) -> Result<String, Box<dyn Error>> {
    let threads = number(arguments, "threads", 2)?;
    let ops_per_key = number(arguments, "ops_per_key", 5)?;
    let options = RegisterOptions {
        keys_active: number(arguments, "keys", 2)?,
        ops_per_key_min: ops_per_key,
        ops_per_key_max: ops_per_key,
        weights: Weights::default(),
    };
    let count = number(arguments, "ops", 10)?;
    let mut final_outcome = outcomes(arguments.take_key("final_outcomes").unwrap_or("ok"));
    let seed = Seed(number(arguments, "seed", 1)?.into());
    let main = Register::new(options, seed.stream("register")).limit(count.into());
    let mut phases = Phases::new(main, FinalReads::new(FinalReadsOptions::default()));

    let latency = Duration::from_millis(10);
    let time_max = Duration::from_secs(60);
    let mut registers = Registers::default();
    let answer = |_, op: &_| (latency, registers.apply(op));
    let world = World { threads, ops_max: 1000, time_max, answer: Box::new(answer) };
    let mut output = show(&simulate(&mut phases, world));

    phases.begin_final_reads();
    let answer = |_, op: &_| match final_outcome() {
        Outcome::Ok(_) => (latency, registers.apply(op)),
        outcome => (latency, outcome),
    };
    let world = World { threads, ops_max: 1000, time_max, answer: Box::new(answer) };
    write!(output, "final reads\n{}", show(&simulate(&mut phases, world)))?;
    Ok(output)
}

fn choose(arguments: &mut ArgumentConsumer<'_>) -> Result<String, Box<dyn Error>> {
    let nodes = u8::try_from(number(arguments, "nodes", 3)?)?;
    let processes = number(arguments, "processes", 4)?;
    let rounds = number(arguments, "rounds", 3)?;
    let leader = arguments.take_key("leader").map(str::parse).transpose()?.map(NodeId);
    let policy: Policy = arguments.next_pos().ok_or("a policy is missing")?.parse()?;
    let mut choice = NodeChoice::new(policy, nodes, Seed(1).stream("choice"))?;
    choice.set_leader(leader);
    let mut output = String::new();
    for process in 0..processes {
        write!(output, "process {process} asks")?;
        for _ in 0..rounds {
            write!(output, " {}", choice.choose(process, process))?;
        }
        output.push('\n');
    }
    Ok(output)
}
