//! How `tribunal` ends: errors grouped by what the caller does next, and the exit codes.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | every check valid |
//! | 1 | a violation was found; dominates everything below |
//! | 2 | unknown: a budget was spent, or the run was vacuous |
//! | 3 | nothing to do |
//! | 10 | set-up failed |
//! | 11 | control was lost while the run went on |
//! | 12 | faults may remain |
//! | 13 | interrupted: healed and saved |
//! | 64 | usage |
//! | 70 | internal error |

use checkers::verdict::Verdict;
use std::process::ExitCode;

/// How a command ended when it did its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing to complain about.
    Valid,
    /// A violation was found.
    Invalid,
    /// Nothing could be decided.
    Unknown,
    /// The user ended the run; it was healed and saved.
    Interrupted,
    /// A fault could not be undone.
    FaultsRemain,
}

impl Ending {
    /// What a verdict means for the exit code, when nothing else happened.
    pub fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Valid,
            Verdict::Unknown { .. } => Self::Unknown,
            Verdict::Invalid { .. } => Self::Invalid,
        }
    }

    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Unknown => 2,
            Self::FaultsRemain => 12,
            Self::Interrupted => 13,
        }
    }

    /// Of several endings the one that the caller must know: a violation, then faults that may
    /// remain, then an interruption, then an unknown verdict.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let rank = |ending: Self| match ending {
            Self::Valid => 0,
            Self::Unknown => 1,
            Self::Interrupted => 2,
            Self::FaultsRemain => 3,
            Self::Invalid => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line or a file that it names is wrong: mend it and try again.
    #[error("{0}")]
    Usage(String),
    /// There is nothing that matches.
    #[error("{0}")]
    Nothing(String),
    /// The machine could not give what the run needs.
    #[error("{0}")]
    SetUp(String),
    /// The controller lost its nodes or its record while the run went on.
    #[error("{0}")]
    ControlLost(String),
    /// A mistake of this program.
    #[error(
        "internal error: {0}\nthis is a bug in tribunal: please report it with the command line and the run's folder"
    )]
    Internal(String),
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Nothing(_) => 3,
            Self::SetUp(_) => 10,
            Self::ControlLost(_) => 11,
            Self::Usage(_) => 64,
            Self::Internal(_) => 70,
        }
    }
}

/// Prints the error, if there is one, and gives the exit code.
pub fn conclude(result: Result<Ending, Failure>) -> ExitCode {
    match result {
        Ok(ending) => ExitCode::from(ending.code()),
        Err(failure) => {
            anstream::eprintln!("tribunal: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ending;

    #[test]
    fn a_violation_dominates_whatever_else_went_wrong() {
        use Ending::{FaultsRemain, Interrupted, Invalid, Unknown, Valid};
        for other in [Valid, Unknown, Interrupted, FaultsRemain] {
            assert_eq!(Invalid.merge(other), Invalid);
            assert_eq!(other.merge(Invalid), Invalid);
        }
        assert_eq!(Unknown.merge(Interrupted).code(), 13);
        assert_eq!(Interrupted.merge(FaultsRemain).code(), 12);
        assert_eq!(Valid.merge(Unknown).code(), 2);
    }
}
