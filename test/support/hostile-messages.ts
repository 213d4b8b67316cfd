/**
 * Messages that nobody means well with: seeded damage to a good event, and each single trick by name. Every one has an id of its
 * own where it still has one, so that each stored row can be told apart and counted.
 */
import { createHash } from "node:crypto";

/** Far enough apart that a turned byte makes no other event's id. */
const idOf = (name: string): string => createHash("sha256").update(name).digest("hex").slice(0, 24);

const VALUES = [
  "1",
  "0",
  "-1e308",
  "1e400",
  "NaN",
  "null",
  "true",
  '""',
  '"x"',
  '"\\ud800"',
  '"\\u0000"',
  "[]",
  "{}",
  "[[[[]]]]",
  "9007199254740993",
  '"2026-01-05T10:00:00Z"',
  '"9999-12-31T23:59:59Z"',
  '"0001-01-01T00:00:00Z"',
  "1767607200",
  "-5e-324",
  '{"a":{"b":[1]}}',
  `"'; DROP TABLE labels; --"`,
  '"größe"',
  '"</script><script>alert(1)</script>"',
  `${"9".repeat(400)}`,
];
const KEYS = [
  "type",
  "model",
  "version",
  "variant",
  "timestamp",
  "prediction",
  "label",
  "score",
  "features",
  "probabilities",
  "segments",
  "attributions",
  "__proto__",
  "constructor",
  "",
  "toString",
];
const GOOD: Readonly<Record<string, string>> = {
  type: '"prediction"',
  model: '"m"',
  timestamp: '"2026-01-05T10:00:00Z"',
  prediction: "1",
  label: "0",
  features: '{"amount":1.5,"note":"x","more":[1,{"y":2}]}',
  probabilities: '{"0":0.5}',
};
const object = (fields: Iterable<readonly [string, string]>): string =>
  `{${[...fields].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;

/** Noise; odd values under the known keys; or a good event with bytes turned, cut off or doubled. */
export function fuzzed(name: string, next: () => number): Buffer {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)] as Item;
  const kind = next();
  if (kind < 0.1)
    return Buffer.from(Array.from({ length: 1 + Math.floor(next() * 200) }, () => Math.floor(next() * 256)));
  const id = JSON.stringify(idOf(name));
  if (kind < 0.55) {
    const fields = KEYS.filter((key) => next() < (Object.hasOwn(GOOD, key) ? 0.97 : 0.03));
    const odd = fields.map((key) => [key, next() < 0.07 ? pick(VALUES) : (GOOD[key] ?? pick(VALUES))] as const);
    return Buffer.from(object([["id", id], ...odd]));
  }
  const bytes = Buffer.from(object([["id", id], ...Object.entries(GOOD)]));
  for (let turn = 0; turn < 1 + Math.floor(next() * 3); turn++)
    bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
  if (next() < 0.3) return bytes.subarray(0, 1 + Math.floor(next() * bytes.length));
  return next() < 0.1 ? Buffer.concat([bytes, bytes]) : bytes;
}

export interface Trick {
  readonly name: string;
  readonly bytes: Buffer;
  /** The reason of its dead letter; null where it is an event. */
  readonly reason: string | null;
}

/** Each trick once, with what must become of it. */
export function tricks(prefix: string): Trick[] {
  const made: Trick[] = [];
  const add = (name: string, text: string | Buffer, reason: string | null) =>
    made.push({ name, bytes: Buffer.from(text), reason });
  const event = (name: string, more: Readonly<Record<string, string>>) =>
    object(
      new Map(
        Object.entries({
          id: JSON.stringify(idOf(prefix + name)),
          type: '"prediction"',
          model: '"m"',
          timestamp: '"2026-01-05T10:00:00Z"',
          prediction: "1",
          ...more,
        }),
      ),
    );
  const trick = (name: string, more: Readonly<Record<string, string>>, reason: string | null = null) =>
    add(name, event(name, more), reason);
  const nested = (open: string, close: string, levels: number) => `${open.repeat(levels)}1${close.repeat(levels)}`;

  trick("nested objects", { features: nested('{"a":', "}", 100_000) }, "too_deep");
  trick("nested arrays under a feature", { features: `{"amount":${nested("[", "]", 100_000)}}` });
  trick("nested arrays under an unknown feature", { features: `{"other":${nested("[", "]", 100_000)}}` }, "too_deep");
  trick("nested arrays in place of the model", { model: nested("[", "]", 100_000) }, "unknown_model");
  add("100,000 brackets that never close", "[".repeat(100_000), "not_json");
  trick("10 MB", { features: `{"note":"${"x".repeat(10 * 1024 * 1024)}"}` }, "too_large");
  trick("10,000 feature names", {
    features: object(Array.from({ length: 10_000 }, (_, index) => [`f${index}`, String(index)] as const)),
  });
  trick("NaN", { features: '{"amount":NaN}' }, "not_json");
  trick("1e400", { features: '{"amount":1e400}' });
  trick("1e400 as the score", { score: "1e400" }, "field_invalid");
  trick("a number of 1,000 digits as the id", { id: `1${prefix.length}${"7".repeat(1000)}` });
  trick("an id of 10,000 characters", { id: JSON.stringify("i".repeat(10_000)) }, "field_invalid");
  trick("year 1", { timestamp: '"0001-01-01T00:00:00Z"' }, "timestamp_invalid");
  trick("year 9999", { timestamp: '"9999-12-31T23:59:59Z"' }, "timestamp_in_future");
  trick("a time of 1e308", { timestamp: "1e308" }, "timestamp_invalid");
  trick("30 February", { timestamp: '"2026-02-30"' }, "timestamp_invalid");
  add(
    "the prototype as a feature",
    event("proto", {
      features: '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}',
    }),
    null,
  );
  trick("the prototype as a segment", { segments: '{"__proto__":"x","constructor":"y","toString":"z"}' });
  add("all under the prototype", `{"__proto__":${event("under", {})}}`, "field_missing");
  trick("a model named like a method", { model: '"toString"' }, "unknown_model");
  trick("half a surrogate pair as a feature", { features: '{"note":"\\ud83d"}' });
  trick("half a surrogate pair as the version", { version: '"\\udc00"' }, "field_invalid");
  trick("NUL everywhere", {
    features: '{"note":"\\u0000","\\u0000":1}',
    segments: '{"\\u0000":"\\u0000"}',
    version: '"\\u0000"',
  });
  add("UTF-8 cut in two", Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xc3]), Buffer.from('"}')]), "not_json");
  add("UTF-16", Buffer.from(event("utf16", {}), "utf16le"), "not_json");
  add(
    "a key three times",
    event("duplicates", {}).replace('"prediction":1', '"prediction":7,"prediction":{},"prediction":0'),
    null,
  );
  add("an array of arrays", "[[[1,2],[3]],[]]", "not_an_object");
  add("a number", "12345678901234567890", "not_an_object");
  add("an event in a string", JSON.stringify(event("quoted", {})), "not_an_object");
  trick("a feature full of escapes beside a huge number", {
    version: "9007199254740993",
    features: `{"note":"${'\\"'.repeat(300_000)}"}`,
  });
  trick(
    "1,001 classes",
    { probabilities: object(Array.from({ length: 1001 }, (_, index) => [`c${index}`, "0.5"] as const)) },
    "field_invalid",
  );
  trick("SQL as a name", { version: `"'; DROP TABLE labels; --"`, features: '{"a`b\\\\\'\\"":1}' });
  return made;
}
