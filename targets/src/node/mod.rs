//! The driver that steps a protocol on a real machine.
