//! Who sees a write sees what was complete before it began.

use crate::history::History;
use crate::verdict::{Judgement, Verdict};

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let complaints = super::Complaints::new(history);
    let why = "this invariant is not judged yet".to_owned();
    complaints.judgement("causal-reverse", claim, Vec::new(), Verdict::Unknown { why })
}
