//! All participants decide alike, and none commits over a no.

use crate::history::History;
use crate::verdict::{Judgement, Verdict};

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let complaints = super::Complaints::new(history);
    let why = "this invariant is not judged yet".to_owned();
    complaints.judgement("atomic-commit", claim, Vec::new(), Verdict::Unknown { why })
}
