//! Closed predicates: inserts, deletes, and reads of everything that matches.
