//! Round trips: what is packed for the page comes out as it went in.

use super::*;
use crate::operations::Outcome;
use checkers::history::{History, Process};
use proptest::prelude::*;
use std::io::Read as _;

/// An operation as it comes out of the payload.
#[derive(Debug, PartialEq, Eq)]
struct Unpacked {
    invoke: u64,
    complete: Option<u64>,
    begin_us: i64,
    length_us: u64,
    process: u64,
    outcome: u64,
    words: [String; 4],
    argument: String,
    result: String,
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn unsigned(&mut self) -> u64 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let (&byte, rest) = self.0.split_first().expect("the payload is complete");
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        assert!(number <= 1 << 53, "{number} is no number of a browser");
        number
    }

    fn signed(&mut self) -> i64 {
        let number = self.unsigned();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    fn column(&mut self, count: u64) -> Vec<u64> {
        (0..count).map(|_| self.unsigned()).collect()
    }

    fn value(&mut self, strings: &[String]) -> String {
        let coded = self.unsigned();
        let content = coded / 4;
        let number = |content: u64| (content >> 1) as i64 ^ -((content & 1) as i64);
        match coded % 4 {
            0 => "nil".to_owned(),
            1 => number(content).to_string(),
            2 => format!("[{} {}]", number(content), self.signed()),
            _ => strings[content as usize].clone(),
        }
    }
}

fn decode(payload: &str) -> (Vec<Band>, Vec<Unpacked>, Vec<u64>) {
    let deflated = base64::engine::general_purpose::STANDARD.decode(payload).unwrap();
    let mut raw = Vec::new();
    flate2::read::DeflateDecoder::new(&deflated[..]).read_to_end(&mut raw).unwrap();
    let mut reader = Reader(&raw);
    assert_eq!(reader.unsigned(), VERSION);
    let _lanes_clients_end = reader.column(3);
    let count = reader.unsigned();
    let mut strings = Vec::new();
    for _ in 0..count {
        let length = reader.unsigned() as usize;
        let (text, rest) = reader.0.split_at(length);
        strings.push(String::from_utf8(text.to_vec()).unwrap());
        reader.0 = rest;
    }
    let bands = (0..reader.unsigned()).map(|_| {
        let [start, length, number, name, uncertain] =
            <[u64; 5]>::try_from(reader.column(5)).unwrap();
        Band {
            start_ns: start * 1_000,
            end_ns: (start + length) * 1_000,
            number: number as u32,
            name: strings[name as usize].clone(),
            uncertain: uncertain == 1,
        }
    });
    let bands = bands.collect();
    let ops = operations(&mut reader, &strings);
    let count = reader.unsigned();
    let evidence = reader.column(count);
    assert!(reader.0.is_empty(), "nothing is left over");
    (bands, ops, evidence)
}

fn operations(reader: &mut Reader<'_>, strings: &[String]) -> Vec<Unpacked> {
    let count = reader.unsigned();
    let index = reader.column(count);
    let completion = reader.column(count);
    let begin: Vec<i64> = (0..count).map(|_| reader.signed()).collect();
    let length = reader.column(count);
    let process = reader.column(count);
    let kind = reader.column(count);
    let [key, node, error] = [(); 3].map(|()| reader.column(count));
    let arguments: Vec<String> = (0..count).map(|_| reader.value(strings)).collect();
    let results: Vec<String> = (0..count).map(|_| reader.value(strings)).collect();
    let optional = |id: u64| match id {
        0 => String::new(),
        id => strings[id as usize - 1].clone(),
    };
    let (mut invoke, mut begin_us) = (0, 0);
    (0..count as usize)
        .map(|at| {
            invoke += index[at];
            begin_us += begin[at];
            let f = strings[(kind[at] / 4) as usize].clone();
            Unpacked {
                invoke,
                complete: (completion[at] > 0).then(|| invoke + completion[at]),
                begin_us,
                length_us: length[at],
                process: process[at],
                outcome: kind[at] % 4,
                words: [f, optional(key[at]), optional(node[at]), optional(error[at])],
                argument: arguments[at].clone(),
                result: results[at].clone(),
            }
        })
        .collect()
}

fn values() -> impl Strategy<Value = Datum> {
    prop_oneof![
        Just(Datum::Nil),
        any::<i64>().prop_map(Datum::Int),
        (-9_i64..9).prop_map(Datum::Int),
        any::<(i32, i32)>().prop_map(|(from, to)| Datum::Pair(from.into(), to.into())),
        "[a-z<>\"]{0,9}".prop_map(|text| Datum::Json(Box::new(text.into()))),
    ]
}

/// One event: gap in ns, process, kind, value, key.
type Drawn = (u64, u32, usize, Datum, Option<u8>);

fn history(drawn: &[Drawn]) -> History {
    let mut history = History::new();
    let mut time_ns = 0;
    for (gap_ns, process, kind, datum, key) in drawn {
        time_ns += gap_ns;
        let kinds = [EventType::Invoke, EventType::Ok, EventType::Fail, EventType::Info];
        let event = Event {
            time_ns,
            value: history.compact(datum),
            process: Process::client(*process),
            f: history.symbols.intern(["read", "write", "cas"][kind % 3]),
            key: key.map(|key| history.symbols.intern(&key.to_string())),
            node: key.map(|key| history.symbols.intern(&format!("n{key}"))),
            error: (*kind > 1).then(|| history.symbols.intern("</template>")),
            kind: kinds[*kind],
        };
        history.push(event);
    }
    history
}

/// The row as the payload should say it, from the history itself.
fn expected(operations: &Operations<'_>, row: &Row) -> Unpacked {
    let history = operations.history;
    let invocation = operations.invocation(row);
    let optional = |symbol: Option<Symbol>| {
        symbol.map(|symbol| history.text(symbol).to_owned()).unwrap_or_default()
    };
    let completion = operations.completion(row);
    let result = completion.filter(|_| row.outcome == Outcome::Ok);
    Unpacked {
        invoke: row.invoke.into(),
        complete: row.complete.map(u64::from),
        begin_us: (row.invoke_ns / 1_000) as i64,
        length_us: row.complete_ns / 1_000 - row.invoke_ns / 1_000,
        process: row.process.into(),
        outcome: row.outcome as u64,
        words: [
            history.text(invocation.f).to_owned(),
            optional(invocation.key),
            optional(invocation.node),
            optional(completion.and_then(|event| event.error)),
        ],
        argument: history.datum(invocation.value).to_string(),
        result: history.datum(result.map_or(Value::Nil, |event| event.value)).to_string(),
    }
}

proptest! {
    #[test]
    fn what_is_packed_comes_out_as_it_went_in(
        drawn in prop::collection::vec(
            (0_u64..9_000_000, 0_u32..6, 0_usize..4, values(), prop::option::of(0_u8..4)), 0..60),
        every in 1_usize..4,
    ) {
        let history = history(&drawn);
        let operations = Operations::of(&history, 4);
        let rows: Vec<usize> = (0..operations.rows.len()).step_by(every).collect();
        let bands = [Band {
            start_ns: 5_000, end_ns: 9_000, number: 3, name: "cut".to_owned(), uncertain: true,
        }];
        let evidence: Vec<usize> = (0..rows.len()).step_by(3).collect();
        let payload = encode(&operations, 4, &bands, &rows, &evidence);
        let (bands_out, ops, evidence_out) = decode(&payload);
        prop_assert_eq!(&bands_out[..], &bands[..]);
        let expected: Vec<Unpacked> =
            rows.iter().map(|&row| expected(&operations, &operations.rows[row])).collect();
        prop_assert_eq!(ops, expected);
        let evidence: Vec<u64> = evidence.into_iter().map(|position| position as u64).collect();
        prop_assert_eq!(evidence_out, evidence);
    }
}

#[test]
fn a_payload_cannot_end_its_template() {
    let history = history(&[(1, 0, 0, Datum::Nil, None), (1, 0, 2, Datum::Nil, None)]);
    let operations = Operations::of(&history, 1);
    let payload = encode(&operations, 1, &[], &[0], &[]);
    assert!(payload.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
}
