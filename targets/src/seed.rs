//! One seed a run; every component draws from its own named stream.
//!
//! A stream is ChaCha8 keyed by SHA-256 of (seed, name): portable, so that a seed means the same on
//! every machine, and independent, so that one component's extra draw does not change another's.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of this name.
    pub fn stream(self, name: &str) -> Stream {
        let mut hash = Sha256::new();
        hash.update(b"tribunal stream 1\0");
        hash.update(self.0.to_le_bytes());
        hash.update(name.as_bytes());
        Stream(ChaCha8Rng::from_seed(hash.finalize().into()))
    }
}

/// A stream of draws. The distributions are our own: a library's may change between versions, and
/// with them what a seed means.
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Any number.
    pub fn draw(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is at least one. Multiply-shift: the bias is below 2^-32 for
    /// bounds below 2^32.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "an empty range has nothing to draw");
        ((u128::from(self.draw()) * u128::from(bound)) >> 64) as u64
    }

    /// A number of `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "a range runs upwards");
        match (high - low).checked_add(1) {
            Some(width) => low + self.below(width),
            None => self.draw(),
        }
    }

    /// Whether something of this probability, in parts per million, happens.
    pub fn chance_ppm(&mut self, ppm: u32) -> bool {
        self.below(1_000_000) < u64::from(ppm)
    }

    /// One of the items, or nothing if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        items.get(self.below(items.len() as u64) as usize)
    }

    /// Puts the items in random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seed;

    #[test]
    fn a_stream_is_the_same_on_every_machine_and_apart_from_its_neighbour() {
        let draw = |name: &str| {
            let mut stream = Seed(7).stream(name);
            [stream.below(1000), stream.below(1000), stream.below(1000)]
        };
        assert_eq!(draw("nemesis"), draw("nemesis"));
        assert_ne!(draw("nemesis"), draw("workload"));
    }
}
