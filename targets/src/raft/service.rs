//! Raft as clients see it: the `kv` interface, and changes of who votes.

use super::{Raft, RaftRequest, Role};
use crate::environment::MemberChange;
use crate::kv::{self, KvResponse};
use crate::service::{Answer, Service};
use checkers::history::{Datum, Op, Outcome};

impl Service for Raft {
    fn request(op: &Op) -> Option<RaftRequest> {
        kv::request(op).map(RaftRequest::Kv)
    }

    fn answer(op: &Op, response: KvResponse) -> Answer {
        match (kv::request(op), response) {
            (_, KvResponse::NotLeader { hint: Some(leader) }) => Answer::Elsewhere(leader),
            (Some(request), response) => Answer::Settled(kv::outcome(request, response, &op.value)),
            (None, _) => Answer::Settled(Outcome::Info("answered what nobody asked".into())),
        }
    }

    fn lost(op: &Op, why: &'static str) -> Outcome {
        kv::request(op).map_or(Outcome::Info(why.into()), |request| kv::open(request, why))
    }

    fn member_request(change: MemberChange) -> Option<RaftRequest> {
        Some(match change {
            MemberChange::Add(node) => RaftRequest::AddServer(node),
            MemberChange::Remove(node) => RaftRequest::RemoveServer(node),
        })
    }

    fn member_answer(response: KvResponse) -> Answer {
        Answer::Settled(match response {
            KvResponse::Done => Outcome::Ok(Datum::Nil),
            KvResponse::NotLeader { hint: Some(leader) } => return Answer::Elsewhere(leader),
            KvResponse::NotLeader { hint: None } => Outcome::Fail("not the leader".into()),
            KvResponse::Refused => Outcome::Fail("refused".into()),
            KvResponse::Unknown | KvResponse::Mismatch | KvResponse::Value(_) => {
                Outcome::Info("unknown".into())
            }
        })
    }

    fn describe(&self) -> String {
        let role = match self.role {
            Role::Follower => "follower",
            Role::PreCandidate(_) => "pre-candidate",
            Role::Candidate(_) => "candidate",
            Role::Leader(_) => "leader",
        };
        let last = self.log.last();
        format!(
            "{role}, term {}, log {}@{}, committed {}",
            self.hard.term, last.index, last.term, self.commit
        )
    }
}
