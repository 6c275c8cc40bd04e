//! Every message reaches every node once.

use crate::history::History;
use crate::verdict::{Judgement, Verdict};

pub(super) fn check(claim: &str, history: &History, options: &super::Options) -> Judgement {
    let _ = options;
    let complaints = super::Complaints::new(history);
    let why = "this invariant is not judged yet".to_owned();
    complaints.judgement("broadcast", claim, Vec::new(), Verdict::Unknown { why })
}
