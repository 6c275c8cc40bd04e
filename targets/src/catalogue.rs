//! Which targets there are, what they claim, and which bugs can be planted in them.

/// A bundled target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The interfaces that it serves, with the consistency model that it claims for each.
    pub claims: &'static [(Interface, &'static str)],
    /// Mistakes that can be planted.
    pub bugs: &'static [PlantedBug],
}

/// What a target can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Read, write and compare-and-set per key.
    Kv,
}

impl Interface {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kv => "kv",
        }
    }
}

/// A real mistake that somebody made in such a system.
#[derive(Clone, Copy, Debug)]
pub struct PlantedBug {
    /// Its name on the command line.
    pub name: &'static str,
    /// The mistake, in a sentence.
    pub about: &'static str,
    /// The run that exposes it, as arguments: `--faults leader-partition --reads lease`.
    pub exposed_by: &'static str,
    /// Where such a bug was seen.
    pub seen_in: &'static str,
}
