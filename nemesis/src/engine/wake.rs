//! When the engine wants to be polled although no node has news.

use super::install::POSTPONE_MS_MAX;
use super::{Active, Engine, Healing, Stage};
use crate::script::Script;
use targets::environment::Environment;

impl<E: Environment> Engine<E> {
    /// The next moment, since the main phase began, at which [`Engine::poll`] has something to do
    /// without news; nothing if it only waits for news, or for nothing at all.
    ///
    /// It lies in the future, except after [`Engine::begin_heal`]: then it is now.
    pub fn wake_ms(&self) -> Option<u64> {
        if let Some(Healing::Asked) = self.healing {
            return Some(self.now_ms);
        }
        let soon_ms = self.now_ms + 1;
        if self.stirred {
            return Some(soon_ms);
        }
        let start_ms = self.waiting.front().map(|planned| planned.start_ms);
        let active = self.active.iter().filter_map(|active| self.wake_of(active));
        let heal_ms = match self.healing {
            Some(Healing::Going { retry_ms, deadline_ms }) => Some(retry_ms.min(deadline_ms + 1)),
            _ => None,
        };
        active.chain(start_ms).chain(heal_ms).min().map(|wake_ms| wake_ms.max(soon_ms))
    }

    /// The same of one fault.
    fn wake_of(&self, active: &Active) -> Option<u64> {
        let stop_ms = active.planned.stop_ms;
        match &active.stage {
            Stage::Aiming(aim) if aim.crowded => {
                let leader_ms = Some(aim.leader_until_ms).filter(|until| *until > self.now_ms);
                Some(leader_ms.unwrap_or(aim.latest_ms + POSTPONE_MS_MAX))
            }
            Stage::Aiming(aim) => Some(aim.leader_until_ms.min(stop_ms)),
            Stage::Holding => {
                // A time that has passed means that the script waits for something to change.
                let script_ms = active.script.as_ref().map(Script::wake_ms);
                let retry_ms = (active.script.is_some() && self.has_dead(active.planned.id))
                    .then_some(active.retry_ms.max(self.now_ms + 1));
                let script_ms = script_ms.filter(|wake_ms| *wake_ms > self.now_ms);
                let watch_ms = active.wishes.watch.as_ref().map(|watch| watch.next_ms);
                let revival_ms = active.wishes.revival.map(|revival| revival.at_ms);
                let own = [script_ms, retry_ms, watch_ms, revival_ms, Some(active.due_ms())];
                own.into_iter().flatten().min()
            }
            Stage::Undoing { deadline_ms, .. } => {
                let watch_ms = active.wishes.watch.as_ref().map(|watch| watch.next_ms);
                let own = [watch_ms, active.changes.wake_ms(), Some(active.retry_ms)];
                own.into_iter().flatten().chain([*deadline_ms]).min()
            }
            Stage::Failed => None,
        }
    }

    fn has_dead(&self, id: u32) -> bool {
        self.owned_by(id).into_iter().any(|node| self.state(node).is_dead())
    }
}
