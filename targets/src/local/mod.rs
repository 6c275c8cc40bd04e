//! Processes in network namespaces, joined by a packet switch of our own.
