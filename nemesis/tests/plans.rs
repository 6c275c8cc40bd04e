//! Plans: golden scripts that show them in words, and the bounds that every plan keeps.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

use goldenscript::{Command, Context, Runner};
use nemesis::catalogue::{self, Class};
use nemesis::plan::{PlanError, PlanOptions, PlannedFault, expand, expand_in, plan};
use proptest::prelude::{Just, Strategy, any};
use proptest::sample::{select, subsequence};
use std::error::Error;
use targets::environment::Capabilities;
use targets::seed::Seed;

fn draw(
    names: &[String],
    nodes: u8,
    main_phase_ms: u64,
    options: PlanOptions,
    seed: u64,
) -> Result<Vec<PlannedFault>, PlanError> {
    plan(names, nodes, main_phase_ms, options, &mut Seed(seed).stream("nemesis"))
}

/// What real processes offer.
fn local_capabilities() -> Capabilities {
    let (process, pause, links) = (Ok(()), Ok(()), Ok(()));
    Capabilities { process, pause, links, ..Capabilities::none("only the simulated world has it") }
}

struct Plans;

impl Runner for Plans {
    type Command = Command;

    fn run(&mut self, command: &Command, _: &Context) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        match command.name.as_str() {
            "plan" => {
                let mut number = |key| args.take_key(key).map(str::parse::<u64>).transpose();
                let nodes = number("nodes")?.unwrap_or(5) as u8;
                let main_phase_ms = number("ms")?.unwrap_or(30_000);
                let seed = number("seed")?.unwrap_or(1);
                let (interval_ms, length_ms) = (number("interval_ms")?, number("length_ms")?);
                let options = PlanOptions { interval_ms, length_ms };
                let local = args.take_key("on").is_some_and(|on| on == "local");
                let mut names = Vec::new();
                while let Some(name) = args.next_pos() {
                    names.push(name.to_owned());
                }
                args.reject_next()?;
                if local {
                    let entries = expand_in(&names, nodes, &local_capabilities())?;
                    names = entries.iter().map(|entry| entry.name.to_owned()).collect();
                }
                let plan = draw(&names, nodes, main_phase_ms, options, seed)?;
                Ok(plan.iter().map(|fault| format!("{fault}\n")).collect())
            }
            other => Err(format!("no command {other}").into()),
        }
    }
}

#[test]
fn plans_in_words() {
    for script in std::fs::read_dir("tests/scripts/plans").unwrap() {
        goldenscript::run(&mut Plans, script.unwrap().path()).unwrap();
    }
}

fn class_of(fault: &PlannedFault) -> Class {
    catalogue::fault(&fault.fault).unwrap().class
}

fn options() -> impl Strategy<Value = PlanOptions> {
    let length = || proptest::option::of(1..20_000u64);
    (length(), length()).prop_map(|(interval_ms, length_ms)| PlanOptions { interval_ms, length_ms })
}

proptest::proptest! {
    #[test]
    fn every_plan_keeps_its_bounds(
        names in subsequence(catalogue::names().collect::<Vec<_>>(), 1..8),
        nodes in 3..8u8,
        main_phase_ms in 1000..90_000u64,
        options in options(),
        seed in any::<u64>(),
    ) {
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let plan = draw(&names, nodes, main_phase_ms, options, seed).unwrap();
        let again = draw(&names, nodes, main_phase_ms, options, seed).unwrap();
        proptest::prop_assert_eq!(&plan, &again, "the same seed, another plan");
        let entries = expand(&names, nodes).unwrap();
        for (place, fault) in plan.iter().enumerate() {
            proptest::prop_assert_eq!(fault.id as usize, place + 1);
            proptest::prop_assert!(fault.start_ms < fault.stop_ms);
            proptest::prop_assert!(fault.stop_ms < main_phase_ms, "{fault} ends too late");
            proptest::prop_assert!(fault.start_ms >= 1000.min(main_phase_ms / 4), "{fault}");
            let entry = entries.iter().find(|entry| entry.name == fault.fault);
            proptest::prop_assert!(entry.is_some(), "{fault} was not asked for");
            proptest::prop_assert_eq!(fault.does.needs(), entry.unwrap().needs);
            proptest::prop_assert_eq!(fault.does.needs_leader(), entry.unwrap().aims_at_leader());
            let later = plan[place + 1..].iter().find(|later| class_of(later) == class_of(fault));
            let apart = later.is_none_or(|later| fault.stop_ms < later.start_ms);
            proptest::prop_assert!(apart, "{fault} meets the next one of its class");
            let stored = serde_json::to_string(fault).unwrap();
            let read: PlannedFault = serde_json::from_str(&stored).unwrap();
            proptest::prop_assert_eq!(&read, fault);
        }
        for entry in entries {
            let planned = plan.iter().any(|fault| class_of(fault) == entry.class);
            proptest::prop_assert!(planned, "no {} in the plan", entry.class.name());
        }
    }

    #[test]
    fn half_a_minute_of_mixed_faults_goes_for_the_leader_three_times(seed in any::<u64>()) {
        let plan = draw(&["mixed".to_owned()], 5, 30_000, PlanOptions::default(), seed).unwrap();
        // Slowness deposes nobody; and who is cut off, dead or paused for less than two election
        // timeouts may still lead afterwards.
        let deposes = |fault: &&PlannedFault| {
            let class = class_of(fault);
            [Class::Partition, Class::Kill, Class::Pause].contains(&class)
                && fault.does.needs_leader()
                && fault.stop_ms - fault.start_ms >= 1000
        };
        proptest::prop_assert!(plan.iter().filter(deposes).count() >= 3, "{plan:#?}");
    }

    #[test]
    fn one_class_more_does_not_change_the_others(seed in any::<u64>()) {
        let options = PlanOptions::default();
        let of_kill = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let plan = draw(&names, 5, 30_000, options, seed).unwrap();
            let kills = plan.into_iter().filter(|fault| class_of(fault) == Class::Kill);
            kills.map(|fault| PlannedFault { id: 0, ..fault }).collect::<Vec<_>>()
        };
        proptest::prop_assert_eq!(of_kill(&["kill"]), of_kill(&["pause", "slow", "kill"]));
    }

    #[test]
    fn every_shape_leaves_the_clients_alone_and_cuts_something(
        (name, nodes) in (3..8u8).prop_flat_map(|nodes| {
            let partitions = catalogue::FAULTS.iter().filter(|e| e.class == Class::Partition);
            (select(partitions.map(|entry| entry.name).collect::<Vec<_>>()), Just(nodes))
        }),
        seed in any::<u64>(),
    ) {
        use targets::links::{Endpoint, NodeId};
        let options = PlanOptions::default();
        for fault in draw(&[name.to_owned()], nodes, 30_000, options, seed).unwrap() {
            let aimed = fault.does.aimed_at(NodeId(nodes - 1), nodes);
            proptest::prop_assert!(!aimed.needs_leader());
            let layer = aimed.layer(nodes).unwrap();
            proptest::prop_assert!(layer.touched().next().is_some());
            let clients = |(from, to, _)| [from, to].contains(&Endpoint::Clients);
            proptest::prop_assert!(!layer.touched().any(clients));
        }
    }
}

#[test]
fn groups_hold_what_is_offered_and_mixed_is_the_same_everywhere() {
    let local = local_capabilities();
    let mixed = ["mixed".to_owned()];
    let names = |entries: Vec<&catalogue::Entry>| {
        entries.iter().map(|entry| entry.name).collect::<Vec<_>>()
    };
    let here = names(expand_in(&mixed, 5, &local).unwrap());
    assert_eq!(here, names(expand(&mixed, 5).unwrap()));
    let all = expand_in(&["all".to_owned()], 5, &local).unwrap();
    assert!(all.iter().all(|entry| entry.missing(&local).is_none()));
    assert!(expand(&["all".to_owned()], 5).unwrap().len() > all.len());
    for name in ["clock", "clock-offset", "membership"] {
        let refused = expand_in(&[name.to_owned()], 5, &local);
        assert!(matches!(refused, Err(PlanError::Missing { .. })), "{name}");
    }
}

#[test]
fn what_breaks_the_assumption_of_leases_says_so() {
    let breaks = catalogue::FAULTS.iter().filter(|entry| !entry.bounded_clocks());
    let names: Vec<_> = breaks.map(|entry| entry.name).collect();
    assert_eq!(names, ["clock-offset", "clock-strobe"]);
}

#[test]
fn names_of_faults_and_groups_are_unique_and_every_group_has_members() {
    let mut names: Vec<_> = catalogue::names().collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    for group in catalogue::GROUPS {
        let members = expand(&[group.name.to_owned()], 5).unwrap();
        assert!(!members.is_empty(), "{}", group.name);
    }
    let by_name = catalogue::FAULTS.iter().filter(|entry| entry.only_by_name).count();
    assert_eq!(expand(&["all".to_owned()], 5).unwrap().len(), catalogue::FAULTS.len() - by_name);
}
