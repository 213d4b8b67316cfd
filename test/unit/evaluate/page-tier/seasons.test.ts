/** A daily rhythm that the reference has wakes nobody, and a shift on top of it is found; a reference without one is compared as a whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { newUnit, takeStep } from "../../../../src/evaluate/page-tier/drift-tracker.ts";
import { daily, HOUR, hoursOfValues, type MeanAt, type Rhythm, rhythmOf, T0 } from "../../../support/rhythm.ts";

const describe = () => Promise.resolve({ finding: "moved", began: null });
const PER_HOUR = 100;

/** Hours in which each tier tells of something new. */
async function run({ plan, countsOf }: Rhythm, meanAt: MeanAt, hours: number, seed: number) {
  const { notices } = plan;
  assert.ok(notices !== null);
  const page = newUnit(plan);
  const notice = newUnit(notices);
  const told = { page: [] as number[], notice: [] as number[] };
  for (const [hour, values] of hoursOfValues(meanAt, 0, hours, PER_HOUR, seed).entries()) {
    const step = { start: T0 + hour * HOUR, end: T0 + (hour + 1) * HOUR, counts: countsOf(values) };
    if ((await takeStep(plan, page, step, describe)).isNew) told.page.push(hour);
    if ((await takeStep(notices, notice, step, describe, new Set(page.changed.keys()))).isNew) told.notice.push(hour);
  }
  return told;
}

const DAYS = 30;
const allowed = DAYS / 7;

test("a rhythm that the reference has neither pages nor notices more than the budget allows, where the whole would do both", async () => {
  for (const [amplitude, seed] of [
    [0.15, 1],
    [0.3, 2],
  ] as const) {
    const rhythm = rhythmOf(daily(amplitude), 28, 30, seed);
    assert.equal(rhythm.plan.streams[0]?.season?.season, "hour_of_day");
    assert.equal(rhythm.plan.streams[0]?.plan.slots.length, 24);
    // Values are never missing, at any hour.
    assert.equal(rhythm.plan.streams[1]?.season, null);
    const told = await run(rhythm, daily(amplitude), 24 * DAYS, 100 + seed);
    assert.deepEqual(told.page, []);
    assert.ok(told.notice.length <= allowed, `${told.notice.join()}`);
  }
  const whole = await run(rhythmOf(daily(0.3), 28, 30, 2, { season: "off" }), daily(0.3), 24 * DAYS, 102);
  assert.ok(whole.page.length > 5 && whole.notice.length > 20, `${whole.page.length} ${whole.notice.length}`);
});

test("a shift of 0.2 standard deviations on top of a rhythm is noticed within hours, and paged within two days by a large reference", async () => {
  for (const amplitude of [0.15, 0.3]) {
    const at = 5 * 24;
    const shifted: MeanAt = (hour) => daily(amplitude)(hour) + (hour >= at ? 0.2 : 0);
    const small = await run(rhythmOf(daily(amplitude), 28, 30, 3), shifted, at + 24, 103);
    const noticed = small.notice.find((hour) => hour >= at) ?? Number.POSITIVE_INFINITY;
    // 1,000 events.
    assert.ok(noticed - at < 10, `noticed after ${noticed - at} hours`);
    const large = await run(rhythmOf(daily(amplitude), 28, 150, 3), shifted, at + 48, 103);
    assert.ok(large.page.length === 1 && (large.page[0] ?? 0) >= at, `paged at ${large.page.join()}, shift at ${at}`);
  }
});

test("a reference without a rhythm has one slot, and its plan is the one that it would have with `season: off`", () => {
  const plain = rhythmOf(() => 0, 14, 30, 4);
  assert.ok(plain.plan.streams.every(({ plan, season }) => plan.slots.length === 1 && season === null));
  assert.equal(plain.plan.planId, rhythmOf(() => 0, 14, 30, 4, { season: "off" }).plan.planId);
  assert.deepEqual(plain.plan.seasons, [
    "compared with the whole reference at any hour: no daily or weekly rhythm was found in its 14 days",
  ]);
});

test("what is compared by season is said, with what a slot can tell, and is another plan", () => {
  const { plan } = rhythmOf(daily(0.3), 28, 30, 5);
  assert.deepEqual(plan.seasons, [
    "compared by hour of the day (UTC): amount, since the reference has a daily rhythm there",
  ]);
  // 840 rows an hour: 2.84 over their root.
  assert.match(
    plan.limits[0] ?? "",
    /changes of amount below 9\.8 % .* 8962 rows in every slot of hour_of_day, of which this has 24\)/,
  );
  assert.notEqual(plan.planId, rhythmOf(daily(0.3), 28, 30, 5, { season: "off" }).plan.planId);
  assert.notEqual(plan.planId, rhythmOf(daily(0.3), 28, 30, 5, { season_timezone: "Asia/Kolkata" }).plan.planId);
});

test("a rhythm in a reference of too few rows is told, and the whole is used", () => {
  const { plan } = rhythmOf(daily(0.8), 14, 8, 6);
  assert.equal(plan.streams[0]?.season, null);
  assert.match(
    plan.seasons[0] ?? "",
    /amount has a daily rhythm in the reference, but 2688 rows are too few .* needs 4800/,
  );
});

test("asked for, a season is used without a test where the reference has its full periods, and refused in words where not", () => {
  const asked = rhythmOf(() => 0, 14, 30, 7, { season: "hour_of_week" });
  // 60 rows in each hour: slots of four hours.
  assert.equal(asked.plan.streams[0]?.plan.slots.length, 42);
  assert.deepEqual(asked.plan.seasons, ["compared by hour of the week (UTC), as asked for"]);
  const short = rhythmOf(() => 0, 10, 30, 7, { season: "hour_of_week" });
  assert.equal(short.plan.streams[0]?.season, null);
  assert.deepEqual(short.plan.seasons, [
    "season: hour_of_week is not used: the reference spans 10 full days, 14 are needed",
  ]);
});
