// Reads what src/payload.rs packs: columns of variable-length integers.

const OUTCOMES = ["ok", "fail", "info"];

/** Bytes of a base64 text; browsers without the built-in take the long way. */
function base64Bytes(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A cursor over the bytes. Numbers pass 2^32, so they are multiplied, not shifted. */
function reader(bytes) {
  let at = 0;
  const unsigned = () => {
    let number = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("the payload ends early");
      number += (byte & 127) * factor;
      if (byte < 128) return number;
    }
  };
  const unzigzag = (coded) => (coded % 2 ? -(coded + 1) / 2 : coded / 2);
  const signed = () => unzigzag(unsigned());
  const column = (count, into, read = unsigned) => {
    for (let i = 0; i < count; i++) into[i] = read();
    return into;
  };
  const decoder = new TextDecoder();
  const text = () => {
    const length = unsigned();
    at += length;
    return decoder.decode(bytes.subarray(at - length, at));
  };
  return { unsigned, signed, unzigzag, column, text };
}

/** Argument or result: a text, or nothing where there is none. */
function readValue(input, strings) {
  const coded = input.unsigned();
  const content = Math.floor(coded / 4);
  switch (coded % 4) {
    case 0: return null;
    case 1: return String(input.unzigzag(content));
    case 2: return `[${input.unzigzag(content)} ${input.signed()}]`;
    default: return strings[content];
  }
}

/** The operations as columns, with the bands of the faults and the evidence. */
function decodePayload(bytes) {
  const input = reader(bytes);
  if (input.unsigned() !== 1) throw new Error("a payload of another version");
  const lanes = input.unsigned();
  const clients = input.unsigned();
  const endUs = input.unsigned();
  const strings = input.column(input.unsigned(), [], input.text);
  const bands = input.column(input.unsigned(), [], () => {
    const startUs = input.unsigned();
    return {
      startUs, endUs: startUs + input.unsigned(), number: input.unsigned(),
      name: strings[input.unsigned()], uncertain: input.unsigned() === 1,
    };
  });
  const count = input.unsigned();
  const index = input.column(count, new Float64Array(count));
  for (let i = 1; i < count; i++) index[i] += index[i - 1];
  const completion = input.column(count, new Float64Array(count));
  const begin = input.column(count, new Float64Array(count), input.signed);
  for (let i = 1; i < count; i++) begin[i] += begin[i - 1];
  const length = input.column(count, new Float64Array(count));
  const process = input.column(count, new Float64Array(count));
  const outcome = new Uint8Array(count);
  const f = input.column(count, new Uint32Array(count));
  for (let i = 0; i < count; i++) { outcome[i] = f[i] % 4; f[i] = Math.floor(f[i] / 4); }
  const key = input.column(count, new Uint32Array(count));
  const node = input.column(count, new Uint32Array(count));
  const error = input.column(count, new Uint32Array(count));
  const argument = input.column(count, [], () => readValue(input, strings));
  const result = input.column(count, [], () => readValue(input, strings));
  const evidence = input.column(input.unsigned(), []);
  return {
    lanes, clients, endUs, strings, bands, count, index, completion, begin, length, process,
    outcome, f, key, node, error, argument, result, evidence,
  };
}

/** One operation as an object of texts and numbers. */
function operationAt(ops, i) {
  const optional = (id) => (id ? ops.strings[id - 1] : "");
  const f = ops.strings[ops.f[i]];
  const argument = ops.argument[i];
  const result = ops.result[i] === argument ? null : ops.result[i];
  return {
    index: ops.index[i], beginUs: ops.begin[i], lengthUs: ops.length[i],
    isOpen: ops.completion[i] === 0, process: ops.process[i], outcome: OUTCOMES[ops.outcome[i]],
    key: optional(ops.key[i]), node: optional(ops.node[i]), error: optional(ops.error[i]),
    text: f + (argument === null ? "" : ` ${argument}`) + (result === null ? "" : ` → ${result}`),
  };
}

/** The operation that an event begins or completes, or -1. */
function operationOfEvent(ops, event) {
  for (let i = 0; i < ops.count && ops.index[i] <= event; i++) {
    const completes = ops.completion[i] > 0 && ops.index[i] + ops.completion[i] === event;
    if (ops.index[i] === event || completes) return i;
  }
  return -1;
}
