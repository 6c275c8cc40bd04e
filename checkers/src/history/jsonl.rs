//! The history as a file: one event per line.
