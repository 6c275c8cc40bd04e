//! Names that do not exist: the nearest one that does, and where to look.

/// `unknown fault "partitoin"; did you mean "partition"? see: tribunal list faults`.
pub fn unknown<'a>(
    kind: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
    list: &str,
) -> String {
    let nearest = known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().max(name.len()) / 3);
    let hint = nearest.map_or(String::new(), |(_, n)| format!("; did you mean \"{n}\"?"));
    format!("unknown {kind} {name:?}{hint}\nsee: {list}")
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_nonsense_is_not() {
        let faults = ["partition-halves", "kill-one", "pause-one"];
        let text = unknown("fault", "partition-halfs", faults, "tribunal list faults");
        assert!(text.contains("did you mean \"partition-halves\"?"), "{text}");
        let text = unknown("fault", "xyzzy", faults, "tribunal list faults");
        assert!(!text.contains("did you mean"), "{text}");
        assert!(text.contains("\"xyzzy\"") && text.contains("tribunal list faults"));
    }
}
