//! No vacuous pass: a run that tested nothing is `unknown`.
