//! One order of all values: what a priority queue compares, and how a state lists its elements.
//!
//! Numbers come first, by what they are worth; then everything else by its JSON text. So `9 < 10`
//! and `1.5 < 2`, but `"10" < "9"` and `[10] < [9]`.

use crate::history::Datum;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// Which of the two comes first.
pub(super) fn compare(a: &Datum, b: &Datum) -> Ordering {
    if let (Datum::Int(a), Datum::Int(b)) = (a, b) {
        return a.cmp(b);
    }
    match (Worth::of(a), Worth::of(b)) {
        (Some(a), Some(b)) => a.cmp(b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => text(a).cmp(&text(b)),
    }
}

fn text(datum: &Datum) -> String {
    datum.to_json().to_string()
}

/// A number without rounding: `whole + rest`. To compare two large integers by way of `f64` would
/// make 2^53 and 2^53 + 1 the same, and a sort by such an order is none.
#[derive(Clone, Copy)]
struct Worth {
    whole: i128,
    rest: f64,
    /// `1` and `1.0` are two values; the integer comes first.
    float: bool,
}

impl Worth {
    fn of(datum: &Datum) -> Option<Self> {
        match datum {
            Datum::Int(number) => Some(Self::integer((*number).into())),
            Datum::Json(json) => match json.as_ref() {
                Value::Number(number) => Some(Self::number(number)),
                _ => None,
            },
            Datum::Nil | Datum::Pair(..) => None,
        }
    }

    fn integer(whole: i128) -> Self {
        Self { whole, rest: 0.0, float: false }
    }

    fn number(number: &Number) -> Self {
        if let Some(whole) = number.as_i128() {
            return Self::integer(whole);
        }
        let float = number.as_f64().unwrap_or(f64::INFINITY);
        // Beyond the integers' range the conversion stops at its end, and the rest is what counts.
        let whole = float.floor() as i128;
        // The sum makes a zero of a negative zero.
        Self { whole, rest: float - whole as f64 + 0.0, float: true }
    }

    fn cmp(self, other: Self) -> Ordering {
        // No rest is NaN, and none is a negative zero, which `total_cmp` would tell from zero.
        self.whole
            .cmp(&other.whole)
            .then(self.rest.total_cmp(&other.rest))
            .then(self.float.cmp(&other.float))
    }
}

#[cfg(test)]
mod tests {
    use super::compare;
    use crate::history::Datum;
    use std::cmp::Ordering;

    #[test]
    fn numbers_by_worth_then_the_rest_by_text() {
        let sorted = [
            "-1e300",
            "-9007199254740993",
            "-1.5",
            "-1",
            "0",
            "0.0",
            "0.5",
            "1",
            "1.0",
            "9",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e39",
            "1e300",
            "\"10\"",
            "\"9\"",
            "[10,2]",
            "[10]",
            "[9]",
            "null",
            "true",
            "{}",
        ];
        let data: Vec<Datum> = sorted.iter().map(|text| Datum::from_json_text(text)).collect();
        for (i, a) in data.iter().enumerate() {
            for (j, b) in data.iter().enumerate() {
                assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
            }
        }
        let minus_zero = Datum::from_json_text("-0.0");
        assert_eq!(compare(&minus_zero, &Datum::from_json_text("0.0")), Ordering::Equal);
        assert_eq!(compare(&Datum::Int(0), &minus_zero), Ordering::Less);
    }
}
