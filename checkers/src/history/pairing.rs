//! Invocations and their completions as operations.
