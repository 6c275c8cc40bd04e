//! Transactions as they stream in: a cycle is reported as it closes.
