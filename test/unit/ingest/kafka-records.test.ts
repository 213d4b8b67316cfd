/** Decoding of record batches without a broker: what is broken is handed on whole, and nothing crashes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../../src/ingest/kafka-bytes.ts";
import { decompress } from "../../../src/ingest/kafka-codecs.ts";
import { decodeRecords } from "../../../src/ingest/kafka-records.ts";

interface Options {
  readonly base?: number;
  readonly attributes?: number;
  /** Offsets that the batch takes up, where compaction has left fewer records. */
  readonly span?: number;
  readonly data?: (records: Buffer) => Buffer;
  readonly magic?: number;
  /** Key of every record. */
  readonly key?: string;
  /** Headers of every record. */
  readonly headers?: readonly (readonly [name: string, value: string | Buffer | null])[];
}

function signedVarint(value: number): Buffer {
  return new ByteWriter().unsignedVarint(value >= 0 ? value * 2 : -value * 2 - 1).buffer;
}

/** A text, or bytes, with the length before it; -1 is null. */
function sized(text: string | Buffer | null): Buffer {
  const bytes = text === null ? Buffer.alloc(0) : Buffer.isBuffer(text) ? text : Buffer.from(text);
  return Buffer.concat([signedVarint(text === null ? -1 : bytes.length), bytes]);
}

/** One batch of format 2 with these values. */
function batch(values: readonly (string | null)[], options: Options = {}): Buffer {
  const records = Buffer.concat(
    values.map((value, index) => {
      const bytes = value === null ? null : Buffer.from(value);
      const body = Buffer.concat([
        Buffer.from([0]),
        signedVarint(index * 10),
        signedVarint(index),
        sized(options.key ?? null),
        signedVarint(bytes === null ? -1 : bytes.length),
        bytes ?? Buffer.alloc(0),
        signedVarint(options.headers?.length ?? 0),
        ...(options.headers ?? []).flatMap(([name, text]) => [sized(name), sized(text)]),
      ]);
      return Buffer.concat([signedVarint(body.length), body]);
    }),
  );
  const data = options.data?.(records) ?? records;
  return new ByteWriter()
    .int64(options.base ?? 0)
    .int32(49 + data.length)
    .int32(0)
    .int8(options.magic ?? 2)
    .int32(0)
    .int16(options.attributes ?? 0)
    .int32((options.span ?? values.length) - 1)
    .int64(1_700_000_000_000)
    .int64(1_700_000_009_999)
    .int64(-1)
    .int16(-1)
    .int32(-1)
    .int32(values.length)
    .raw(data).buffer;
}

const decode = (records: Buffer, offset = 0) => decodeRecords(records, "kafka:t:id", 3, offset, []);

test("Offsets, times and values of a batch come out as they went in, a null value as null", () => {
  const { messages, nextOffset, unreadable } = decode(batch(["a", null, ""], { base: 5_000_000_000 }), 5_000_000_000);
  assert.deepEqual(
    messages.map(({ offset, value, receivedMs }) => [offset, value?.toString() ?? null, receivedMs]),
    [
      [5_000_000_000, "a", 1_700_000_000_000],
      [5_000_000_001, null, 1_700_000_000_010],
      [5_000_000_002, "", 1_700_000_000_020],
    ],
  );
  assert.equal(nextOffset, 5_000_000_003);
  assert.deepEqual(unreadable, []);
});

test("transaction-markers-and-tombstones: a header that occurs twice counts once, one whose value is null is empty", () => {
  const headers = [
    ["trace", "a"],
    ["trace", "b"],
    ["x", null],
    ["__proto__", "hostile"],
  ] as const;
  const { messages } = decode(batch(["v"], { headers }));
  assert.deepEqual(Object.entries(messages[0]?.headers ?? {}), [
    ["trace", "b"],
    ["x", ""],
    ["__proto__", "hostile"],
  ]);
});

test("the id of a schema in a header keeps its bytes, and other headers are text", () => {
  const guid = Buffer.from("0189791762233641d894aafc8eff00a1ce", "hex");
  const headers = [
    ["__value_schema_id", guid],
    ["town", "Köln"],
  ] as const;
  const read = decode(batch(["v"], { headers })).messages[0]?.headers;
  assert.deepEqual([Buffer.from(read?.["__value_schema_id"] ?? "", "latin1"), read?.["town"]], [guid, "Köln"]);
});

test("The key of a record comes with its headers, and without them nobody asks for it", () => {
  const headers = [["mlserver-model", "churn"]] as const;
  const [known] = decode(batch(["v"], { key: "7f1c é", headers })).messages;
  assert.deepEqual(
    [known?.key, known?.value?.toString(), known?.headers?.["mlserver-model"]],
    ["7f1c é", "v", "churn"],
  );
  const plain = decode(batch(["v", "w"], { key: "k" })).messages;
  assert.deepEqual(
    plain.map(({ key, value }) => [key, value?.toString()]),
    [
      [undefined, "v"],
      [undefined, "w"],
    ],
  );
  assert.equal(decode(batch(["v"], { headers })).messages[0]?.key, undefined);
});

test("A batch stamped by the broker carries the broker's time", () => {
  const { messages } = decode(batch(["a", "b"], { attributes: 0x08 }));
  assert.deepEqual(
    messages.map(({ receivedMs }) => receivedMs),
    [1_700_000_009_999, 1_700_000_009_999],
  );
});

test("Records before the offset asked for are left out, and so is a batch that is cut off", () => {
  const whole = batch(["a", "b", "c"]);
  const cut = batch(["d", "e"], { base: 3 }).subarray(0, 70);
  const { messages, nextOffset } = decode(Buffer.concat([whole, cut]), 1);
  assert.deepEqual(
    messages.map(({ value }) => value?.toString()),
    ["b", "c"],
  );
  assert.equal(nextOffset, 3);
});

test("A batch that compaction has emptied is passed", () => {
  const { messages, nextOffset } = decode(batch([], { span: 40 }), 7);
  assert.deepEqual(messages, []);
  assert.equal(nextOffset, 40);
});

test("A batch that can't be decompressed or is of an old format becomes one message with its bytes, and reading goes on", () => {
  for (const broken of [
    batch(["a", "b"], { attributes: 1, data: () => Buffer.from("not gzip") }),
    batch(["a", "b"], { attributes: 6 }),
    batch(["a", "b"], { magic: 1 }),
    batch(["a", "b"], { data: (records) => records.subarray(0, 5) }),
  ]) {
    const { messages, unreadable, nextOffset } = decode(Buffer.concat([broken, batch(["c"], { base: 2 })]));
    assert.deepEqual(
      messages.map(({ value }) => value),
      [broken, Buffer.from("c")],
    );
    assert.equal(unreadable.length, 1);
    assert.equal(nextOffset, 3);
  }
});

test("A compressed batch that would fill the memory is refused", () => {
  const bomb = gzipSync(Buffer.alloc(260 * 1024 * 1024), { level: 1 });
  assert.throws(() => decompress(1, bomb), /larger than|buffer/i);
});

test("Any bytes at all are decoded without an exception, and the offset never goes back", () => {
  const mutated = fc
    .tuple(
      fc.array(fc.string(), { maxLength: 5 }),
      fc.nat(63),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
    )
    .map(([values, attributes, changes]) => {
      const bytes = Buffer.from(batch(values, { attributes }));
      for (const [at, value] of changes) if (at < bytes.length && at > 11) bytes[at] = value;
      return bytes;
    });
  const anything = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, anything), fc.nat(10), (bytes, offset) => {
      const { nextOffset } = decode(bytes, offset);
      assert.ok(nextOffset >= offset);
    }),
    { numRuns: 2_000, seed: 20_261_125 },
  );
});

test("Numbers of the protocol survive writing and reading", () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.integer(), fc.nat(), fc.string(), (long, int, varint, text) => {
      const { buffer } = new ByteWriter().int64(long).int32(int).unsignedVarint(varint).compactText(text);
      const reader = new ByteReader(buffer);
      assert.deepEqual(
        [reader.int64(), reader.int32(), reader.unsignedVarint(), reader.compactText()],
        [long, int, varint, text],
      );
    }),
    { seed: 20_261_125 },
  );
});
