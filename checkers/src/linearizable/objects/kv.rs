//! Keys with values.
