import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseTimestamp } from "../../../src/core/timestamp.ts";

const INSTANT = Date.parse("2026-01-01T00:00:00Z");

test("seconds, milliseconds, microseconds and nanoseconds are told apart, as numbers and as text", () => {
  for (const value of [
    1_767_225_600,
    1_767_225_600_000,
    1_767_225_600_000_000,
    1_767_225_600_000_000_000,
    "1767225600",
    "1767225600000",
    "1767225600.000",
  ])
    assert.equal(parseTimestamp(value).ms, INSTANT, String(value));
  assert.equal(parseTimestamp(1_767_225_600.123).ms, INSTANT + 123);
  assert.equal(parseTimestamp("1767225600.1239").ms, INSTANT + 123);
});

test("ISO 8601 is read with and without a zone, with any number of decimals, with T or a space; a date alone is its midnight", () => {
  for (const text of [
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "2025-12-31T19:00:00-0500",
    "2026-01-01T00:00:00",
    "2026-01-01 00:00:00.000",
    "2026-01-01",
    "2026-01-01T00:00Z",
    "2026-01-01T05:30:00+05:30",
  ])
    assert.equal(parseTimestamp(text).ms, INSTANT, text);
  assert.equal(parseTimestamp("2026-01-01T00:00:00.1234567Z").ms, INSTANT + 123);
  assert.equal(parseTimestamp("2024-02-29T00:00:00Z").ms, Date.UTC(2024, 1, 29));
});

test("what is no time is refused with a reason: impossible dates, day-month orders, null, empty text, too early or too great", () => {
  for (const value of [
    "2026-02-30T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2026-13-01",
    "2026-00-10",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",
    "2026-01-01T23:59:60Z",
    "01-09-2018",
    "1/9/2018",
    "20180901",
    "",
    " ",
    null,
    true,
    {},
    [],
    0,
    -1,
    17_672_256,
    99_999_999,
    1e21,
    Number.POSITIVE_INFINITY,
    "1e400",
    "0001-01-01T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-01-01T00:00:00+99:00",
    "now",
    "2026-01-01T00:00:00Z; DROP",
  ]) {
    const { ms, problem } = parseTimestamp(value);
    assert.equal(ms, null, JSON.stringify(value));
    assert.ok(typeof problem === "string" && problem.length > 5);
  }
});

test("every instant of JavaScript's own ISO text is read back exactly", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59.999Z"), noInvalidDate: true }),
      (date) => {
        assert.equal(parseTimestamp(date.toISOString()).ms, date.getTime());
        assert.equal(parseTimestamp(date.toISOString().replace("T", " ").replace("Z", "")).ms, date.getTime());
      },
    ),
    { seed: 7 },
  );
});

test("no text makes it throw or yield a time before 1970", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.double(), fc.stringMatching(/^[\d\-: TZ.+]{1,30}$/)), (value) => {
      const { ms } = parseTimestamp(value);
      assert.ok(ms === null || ms >= 0);
    }),
    { seed: 8, numRuns: 2000 },
  );
});
