/** The budget of false alarms as people write it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { falseAlarmsSchema } from "../../../src/config/false-alarms.ts";

const DAY = 86_400_000;

test("a budget is a number of alarms and a time, or off", () => {
  assert.deepEqual(falseAlarmsSchema.parse("1 per 30d"), { alarms: 1, perMs: 30 * DAY });
  assert.deepEqual(falseAlarmsSchema.parse(" 2  per  1w "), { alarms: 2, perMs: 7 * DAY });
  assert.equal(falseAlarmsSchema.parse("off"), null);
  // YAML reads `off` as false.
  assert.equal(falseAlarmsSchema.parse(false), null);
});

test("anything else is refused with an example", () => {
  for (const written of ["", "1", "0 per 30d", "1 per month", "1 per 1h", "-1 per 30d", "1.5 per 30d"]) {
    const { error } = falseAlarmsSchema.safeParse(written);
    assert.match(
      error?.issues[0]?.message ?? "",
      /is no budget of false alarms; write for example "1 per 30d"/,
      written,
    );
  }
});
