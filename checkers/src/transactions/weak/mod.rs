//! Read committed, read atomic and causal consistency of registers with unique writes, complete.
