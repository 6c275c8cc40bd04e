//! Changes of members: asked of the cluster, answered in news, and taken back at the end.
//!
//! Whoever a fault has ever asked to remove may be out, whatever was answered: an answer can get
//! lost. So at the end every one of them is added again, one after the other, until the cluster
//! says that it votes. That begins when what was asked before has been answered or is surely over:
//! a removal that is still under way could be made after the addition.

use super::{Engine, Stage};
use serde_json::json;
use targets::environment::{Environment, MemberChange};
use targets::links::NodeId;

/// An answer that has not come by then never comes: environments give up earlier.
const ANSWER_WITHIN_MS: u64 = 3000;

/// When an addition that was refused is asked for again.
const ASK_AGAIN_MS: u64 = 100;

/// A change that is not answered yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    change: MemberChange,
    since_ms: u64,
    /// Whether it was asked for at the end, to take back all others.
    at_end: bool,
}

/// What a fault has asked of the cluster.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Who may not vote because of it.
    pub(super) away: Vec<NodeId>,
    /// What is not answered yet, oldest first.
    open: Vec<Open>,
    /// Answers that the script has not seen yet.
    pub(super) answers: Vec<(MemberChange, bool)>,
    asked: u32,
    made: u32,
    refused: u32,
    /// When the next addition may be asked for.
    again_ms: u64,
    /// The last refusal, in the cluster's words.
    why_not: String,
}

impl Changes {
    /// Whether nothing was asked for yet.
    pub(super) fn is_idle(&self) -> bool {
        self.asked == 0
    }

    /// Whether it is open yet whether the cluster reacts at all.
    pub(super) fn awaits_first_answer(&self) -> bool {
        self.made + self.refused == 0 && !self.open.is_empty()
    }

    /// When there is something to do about the additions at the end, without news.
    pub(super) fn wake_ms(&self) -> Option<u64> {
        match self.open.first() {
            Some(open) => Some(open.since_ms + ANSWER_WITHIN_MS),
            None => (!self.away.is_empty()).then_some(self.again_ms),
        }
    }
}

impl<E: Environment> Engine<E> {
    /// Asks a node for a change, for a fault. Says what is wrong if it cannot even be asked.
    pub(super) fn ask(
        &mut self,
        index: usize,
        via: NodeId,
        change: MemberChange,
    ) -> Result<(), String> {
        self.stirred = true;
        let changes = &mut self.active[index].changes;
        if let MemberChange::Remove(node) = change
            && !changes.away.contains(&node)
        {
            changes.away.push(node);
        }
        changes.asked += 1;
        self.environment.change_members(via, change).map_err(|error| error.to_string())?;
        let (since_ms, active) = (self.now_ms, &mut self.active[index]);
        let at_end = matches!(active.stage, Stage::Undoing { .. });
        active.changes.open.push(Open { change, since_ms, at_end });
        Ok(())
    }

    /// Takes in what the cluster has answered.
    pub(super) fn answered(&mut self, change: MemberChange, result: Result<(), String>) {
        self.stirred = true;
        let waits = |open: &Open| open.change == change;
        let Some(index) = self.active.iter().position(|a| a.changes.open.iter().any(waits)) else {
            return;
        };
        let (now_ms, id) = (self.now_ms, self.active[index].planned.id);
        let holding = matches!(self.active[index].stage, Stage::Holding);
        let changes = &mut self.active[index].changes;
        let Some(place) = changes.open.iter().position(waits) else {
            return;
        };
        let at_end = changes.open.remove(place).at_end;
        let told = match &result {
            Ok(()) => "made".to_owned(),
            Err(why) => why.clone(),
        };
        changes.answers.push((change, result.is_ok()));
        match (result, change) {
            (Ok(()), MemberChange::Add(node)) if at_end => {
                changes.made += 1;
                changes.away.retain(|away| *away != node);
                changes.again_ms = now_ms;
            }
            (Ok(()), _) => changes.made += 1,
            (Err(why), _) => {
                changes.refused += 1;
                changes.why_not = why;
                changes.again_ms = now_ms + ASK_AGAIN_MS;
                if at_end && !changes.away.is_empty() {
                    // One that cannot be added now must not keep the others waiting.
                    changes.away.rotate_left(1);
                }
            }
        }
        if !self.active[index].reported && holding {
            let seen = json!({ "change": change.to_string(), "answer": told });
            self.report_effect(id, true, format!("{change}: {told}"), seen);
        }
    }

    /// Asks for the next node of a fault that is being undone to vote again. Says why it does not
    /// yet.
    pub(super) fn add_again(&mut self, index: usize) -> Option<String> {
        let now_ms = self.now_ms;
        let leader = self.running_leader().map(|(leader, _)| leader);
        let changes = &mut self.active[index].changes;
        changes.open.retain(|open| open.since_ms + ANSWER_WITHIN_MS > now_ms);
        let node = *changes.away.first()?;
        if changes.open.is_empty() && now_ms >= changes.again_ms {
            changes.again_ms = now_ms + ASK_AGAIN_MS;
            // Without a leader that is known, anybody may know one.
            let via = leader.unwrap_or_else(|| self.by_lot());
            if let Err(error) = self.ask(index, via, MemberChange::Add(node)) {
                return Some(error);
            }
        }
        let why_not = &self.active[index].changes.why_not;
        (!why_not.is_empty()).then(|| format!("the last refusal: {why_not}"))
    }

    /// A fault whose changes nobody has answered while it held may have been answered since.
    pub(super) fn report_members_late(&mut self, index: usize) {
        let active = &self.active[index];
        let Some((asked, made, refused)) = (!active.reported && active.changes.asked > 0)
            .then_some((active.changes.asked, active.changes.made, active.changes.refused))
        else {
            return;
        };
        let text = format!("{asked} changes asked for, {made} made, {refused} refused");
        let seen = json!({ "asked": asked, "made": made, "refused": refused });
        self.report_effect(active.planned.id, made + refused > 0, text, seen);
    }
}
