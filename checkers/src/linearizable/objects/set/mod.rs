//! Sets and multisets.
