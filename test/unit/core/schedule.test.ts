import assert from "node:assert/strict";
import { test } from "node:test";
import { dueTimes, parseCron } from "../../../src/core/schedule.ts";

const at = (text: string) => Date.parse(text);
const due = (cron: string, zone: string, from: string, to: string) =>
  dueTimes(parseCron(cron), zone, at(from), at(to)).map((instant) => new Date(instant).toISOString());

test("a local time that daylight saving skips is due once, after the gap", () => {
  assert.deepEqual(due("30 2 * * *", "Europe/Berlin", "2026-03-27T00:00:00Z", "2026-03-31T00:00:00Z"), [
    "2026-03-27T01:30:00.000Z",
    "2026-03-28T01:30:00.000Z",
    "2026-03-29T01:30:00.000Z",
    "2026-03-30T00:30:00.000Z",
  ]);
});

test("a local time that daylight saving repeats is due once, the first time", () => {
  assert.deepEqual(due("30 2 * * *", "Europe/Berlin", "2026-10-23T00:00:00Z", "2026-10-27T00:00:00Z"), [
    "2026-10-23T00:30:00.000Z",
    "2026-10-24T00:30:00.000Z",
    "2026-10-25T00:30:00.000Z",
    "2026-10-26T01:30:00.000Z",
  ]);
});

test("a midnight that does not exist is due once on that date", () => {
  const instants = due("0 0 * * *", "America/Santiago", "2026-09-04T00:00:00Z", "2026-09-08T00:00:00Z");
  assert.equal(instants.length, 4);
});

test("an expression names lists, ranges, steps and weekdays", () => {
  assert.deepEqual(due("*/30 8-9 * * mon", "UTC", "2026-03-01T00:00:00Z", "2026-03-08T00:00:00Z"), [
    "2026-03-02T08:00:00.000Z",
    "2026-03-02T08:30:00.000Z",
    "2026-03-02T09:00:00.000Z",
    "2026-03-02T09:30:00.000Z",
  ]);
  assert.equal(due("0 0 1,15 * *", "UTC", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z").length, 4);
});

test("a wrong field is refused by name", () => {
  assert.throws(() => parseCron("61 * * * *"), /"61" is no minute/);
  assert.throws(() => parseCron("* * *"), /3 fields where five are expected/);
  assert.throws(() => parseCron("* * * * */0"), /step of 0/);
});
