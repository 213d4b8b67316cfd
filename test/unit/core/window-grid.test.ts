import assert from "node:assert/strict";
import { test } from "node:test";
import { evenStretches, offsetsOf, type WindowGrid, windowGrid } from "../../../src/core/window-grid.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
const at = (text: string) => Date.parse(text);
const iso = (instant: number) => new Date(instant).toISOString().slice(0, 16);

/** Starts of the windows from the one that holds an instant on. */
const startsFrom = (grid: WindowGrid, from: string, windows: number) =>
  Array.from({ length: windows }, (_, index) => iso(grid.shift(at(from), index)));

/** Lengths of the days, in hours. */
const hoursFrom = (timezone: string, from: string, days: number) => {
  const grid = windowGrid(DAY, timezone);
  return Array.from({ length: days }, (_, index) => {
    const start = grid.shift(at(from), index);
    return (grid.endOf(start) - start) / HOUR;
  });
};

test("days begin at local midnight across both changes of the clocks", () => {
  assert.deepEqual(startsFrom(windowGrid(DAY, "Europe/Berlin"), "2026-03-28T12:00:00Z", 4), [
    "2026-03-27T23:00",
    "2026-03-28T23:00",
    "2026-03-29T22:00",
    "2026-03-30T22:00",
  ]);
  assert.deepEqual(hoursFrom("Europe/Berlin", "2026-03-28T12:00:00Z", 3), [24, 23, 24]);
  assert.deepEqual(hoursFrom("Europe/Berlin", "2026-10-24T12:00:00Z", 3), [24, 25, 24]);
  assert.deepEqual(startsFrom(windowGrid(DAY, "America/New_York"), "2026-03-07T12:00:00Z", 3), [
    "2026-03-07T05:00",
    "2026-03-08T05:00",
    "2026-03-09T04:00",
  ]);
  assert.deepEqual(hoursFrom("America/New_York", "2026-03-07T12:00:00Z", 3), [24, 23, 24]);
  assert.deepEqual(hoursFrom("America/New_York", "2026-10-31T12:00:00Z", 3), [24, 25, 24]);
});

test("zones half an hour or three quarters off, and clocks that are changed by half an hour", () => {
  assert.deepEqual(startsFrom(windowGrid(DAY, "Asia/Kolkata"), "2026-03-02T10:00:00Z", 2), [
    "2026-03-01T18:30",
    "2026-03-02T18:30",
  ]);
  assert.deepEqual(startsFrom(windowGrid(DAY, "Asia/Kathmandu"), "2026-03-02T10:00:00Z", 1), ["2026-03-01T18:15"]);
  assert.deepEqual(hoursFrom("Australia/Lord_Howe", "2026-04-04T00:00:00Z", 3), [24, 24.5, 24]);
  assert.deepEqual(hoursFrom("Australia/Lord_Howe", "2026-10-03T00:00:00Z", 3), [24, 23.5, 24]);
});

test("a day begins with its first instant where midnight is left out, and a day that a zone left out is no window", () => {
  const santiago = windowGrid(DAY, "America/Santiago");
  assert.deepEqual(startsFrom(santiago, "2026-09-05T12:00:00Z", 3), [
    "2026-09-05T04:00",
    "2026-09-06T04:00",
    "2026-09-07T03:00",
  ]);
  // Samoa went from 29 to 31 December 2011.
  const apia = windowGrid(DAY, "Pacific/Apia");
  const starts = ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"];
  assert.deepEqual(startsFrom(apia, "2011-12-29T12:00:00Z", 3), starts);
  assert.equal(iso(apia.shift(at("2011-12-31T12:00:00Z"), -2)), starts[0]);
  assert.equal(iso(apia.endOf(at("2011-12-29T12:00:00Z"))), starts[1]);
});

test("weeks begin on the local Monday, other numbers of days are counted from 1970", () => {
  const berlin = windowGrid(WEEK, "Europe/Berlin");
  assert.deepEqual(startsFrom(berlin, "2026-03-25T12:00:00Z", 2), ["2026-03-22T23:00", "2026-03-29T22:00"]);
  assert.equal(new Date("2026-03-23").getUTCDay(), 1);
  assert.equal(iso(windowGrid(2 * WEEK, "Europe/Berlin").startOf(at("1970-01-05T00:00:00Z"))), "1970-01-04T23:00");
  const month = windowGrid(30 * DAY, "Europe/Berlin");
  const utc = windowGrid(30 * DAY, "UTC");
  const start = utc.startOf(at("2026-03-25T12:00:00Z"));
  assert.equal(month.startOf(start), start - HOUR);
});

test("in UTC, and where a window is no whole number of days, all is as it would be without a time zone", () => {
  for (const [ms, timezone] of [
    [DAY, "UTC"],
    [WEEK, "UTC"],
    [HOUR, "Asia/Kolkata"],
    [36 * HOUR, "Europe/Berlin"],
  ] as const) {
    const grid = windowGrid(ms, timezone);
    assert.equal(grid.isRegular, true);
    const instant = at("2026-03-29T01:23:45Z");
    assert.equal(grid.startOf(instant), Math.floor(instant / ms) * ms);
    assert.equal(grid.endOf(instant), grid.startOf(instant) + ms);
    assert.equal(grid.shift(instant, -3), grid.startOf(instant) - 3 * ms);
  }
});

test("windows leave no gap, hold what lies in them, and going there and back comes to the same one", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns"];
  for (const timezone of [...zones, "Africa/Casablanca", "America/Havana", "Pacific/Apia"])
    for (const ms of [DAY, WEEK, 10 * DAY]) {
      const grid = windowGrid(ms, timezone);
      let start = grid.startOf(at("2009-06-01T00:00:00Z"));
      while (start < at("2012-06-01T00:00:00Z")) {
        const end = grid.endOf(start);
        assert.ok(end > start, `${timezone} ${iso(start)}`);
        for (const inside of [start, start + 1, Math.floor((start + end) / 2), end - 1]) {
          assert.equal(grid.startOf(inside), start, `${timezone} ${iso(inside)}`);
          assert.equal(grid.endOf(inside), end);
        }
        assert.equal(grid.shift(end, -1), start, `${timezone} ${iso(end)}`);
        start = end;
      }
    }
});

test("stretches of equal lengths say where each window of a span begins", () => {
  const grid = windowGrid(DAY, "Europe/Berlin");
  const span = { from: at("2026-01-10T12:00:00Z"), to: at("2027-01-10T12:00:00Z") };
  const stretches = evenStretches(grid, span);
  assert.deepEqual(
    stretches.map(({ start, ms }) => [iso(start), ms / HOUR]),
    [
      ["2026-01-09T23:00", 24],
      ["2026-03-28T23:00", 23],
      ["2026-03-29T22:00", 24],
      ["2026-10-24T22:00", 25],
      ["2026-10-25T23:00", 24],
    ],
  );
  for (let instant = span.from; instant < span.to; instant += 7 * HOUR + 1) {
    const stretch = stretches.findLast(({ start }) => start <= instant);
    assert.ok(stretch !== undefined);
    const found = stretch.start + Math.floor((instant - stretch.start) / stretch.ms) * stretch.ms;
    assert.equal(found, grid.startOf(instant));
  }
});

test("the offsets of a zone are those of both halves of the year", () => {
  const hours = (timezone: string) => offsetsOf(timezone).map((offset) => offset / HOUR);
  assert.deepEqual(hours("Asia/Kolkata"), [5.5]);
  assert.ok(hours("Europe/Berlin").every((offset) => [1, 2].includes(offset)));
  for (const offset of [10.5, 11]) assert.ok(hours("Australia/Lord_Howe").includes(offset));
});
