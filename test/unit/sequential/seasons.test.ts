/** Rhythms of a reference: that chance and bursts are none, that real ones are found, and which slot a pane belongs to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { designEffects } from "../../../src/sequential/design-effect.ts";
import { directionsOf } from "../../../src/sequential/directions.ts";
import {
  hourOfSeason,
  localHours,
  slotClock,
  slotsOfHours,
  slotWeights,
  weekdayOf,
} from "../../../src/sequential/season-slots.ts";
import { type DayOfScores, dailyRhythm, weeklyRhythm } from "../../../src/sequential/season-test.ts";
import { normals } from "../../support/draws.ts";
import { uniform } from "../../support/golden.ts";
import { streamOfWeights } from "../../support/streams.ts";

interface Course {
  readonly days: number;
  /** Mean score at an hour of a day. */
  readonly mean?: (day: number, hour: number) => number;
  /** Standard deviation of what all events of an hour share, and how much of it stays to the next hour. */
  readonly shared?: number;
  readonly kept?: number;
  /** Many events at noon and few at midnight. */
  readonly traffic?: boolean;
}

function daysOf(
  { days, mean = () => 0, shared = 0, kept = 0, traffic = false }: Course,
  normal: () => number,
): DayOfScores[] {
  let level = 0;
  return Array.from({ length: days }, (_, day) => {
    const events = new Float64Array(24);
    const sums = new Float64Array(24);
    for (let hour = 0; hour < 24; hour++) {
      const n = traffic ? Math.round(60 * (1.05 - Math.cos((2 * Math.PI * hour) / 24))) : 60;
      level = kept * level + Math.sqrt(1 - kept * kept) * shared * normal();
      events[hour] = n;
      sums[hour] = n * (level + mean(day, hour)) + Math.sqrt(n) * normal();
    }
    return { day, events, sums };
  });
}

const sine = (amplitude: number) => (_: number, hour: number) => amplitude * Math.sin((2 * Math.PI * hour) / 24);

test("without a rhythm, p-values of one in a hundred come at most so often, with bursts and traffic of any kind", () => {
  const normal = normals(uniform(5));
  const runs = 500;
  for (const days of [7, 21]) {
    for (const course of [{}, { shared: 0.5 }, { shared: 0.5, kept: 0.5 }, { shared: 0.5, kept: 0.9 }]) {
      for (const traffic of [false, true]) {
        let daily = 0;
        let weekly = 0;
        for (let run = 0; run < runs; run++) {
          const drawn = daysOf({ days, traffic, ...course }, normal);
          daily += Number(dailyRhythm(drawn) <= 0.01);
          weekly += Number(days >= 14 && weeklyRhythm(drawn) <= 0.01);
        }
        // 5 are expected at the level.
        assert.ok(
          daily < 15 && weekly < 15,
          `${days} days, ${JSON.stringify(course)}, ${traffic}: ${daily}, ${weekly}`,
        );
      }
    }
  }
});

test("a daily rhythm of 0.15 standard deviations is beyond chance in two weeks, one of 0.3 in one", () => {
  const normal = normals(uniform(6));
  for (let run = 0; run < 50; run++) {
    assert.ok(dailyRhythm(daysOf({ days: 14, mean: sine(0.15) }, normal)) < 1e-6);
    assert.ok(dailyRhythm(daysOf({ days: 7, mean: sine(0.3), traffic: true }, normal)) < 1e-4);
  }
  // A nightly job: one hour only.
  const job = (_: number, hour: number) => (hour === 3 ? 1 : 0);
  assert.ok(dailyRhythm(daysOf({ days: 14, mean: job }, normal)) < 1e-6);
});

test("a weekend that differs is a weekly rhythm above a daily one, and a daily one alone is none", () => {
  const normal = normals(uniform(7));
  const weekend = (day: number, hour: number) => sine(0.3)(day, hour) + (weekdayOf(day) >= 5 ? 0.3 : 0);
  let found = 0;
  for (let run = 0; run < 200; run++) {
    assert.ok(weeklyRhythm(daysOf({ days: 21, mean: weekend }, normal)) < 1e-5);
    found += Number(weeklyRhythm(daysOf({ days: 21, mean: sine(0.3) }, normal)) <= 0.01);
  }
  assert.ok(found <= 8, `${found}`);
});

test("one day, or one week, shows no rhythm; a shift that comes once is none", () => {
  const normal = normals(uniform(8));
  assert.equal(dailyRhythm(daysOf({ days: 1, mean: sine(1) }, normal)), 1);
  assert.equal(weeklyRhythm(daysOf({ days: 13, mean: (day) => (day % 7 >= 5 ? 1 : 0) }, normal)), 1);
  for (let run = 0; run < 50; run++) {
    const once = daysOf({ days: 14, mean: (day, hour) => (day === 9 && hour < 12 ? 2 : 0) }, normal);
    assert.ok(dailyRhythm(once) > 0.01 && weeklyRhythm(once) > 0.01);
  }
});

test("a stream that never varies has no rhythm, whatever rounding leaves of it", () => {
  const day = (number: number): DayOfScores => {
    const events = Float64Array.from({ length: 24 }, (_, hour) => 30 + ((7 * hour + number) % 5));
    return { day: number, events, sums: events.map((n) => n * -0.010000333) };
  };
  const days = Array.from({ length: 28 }, (_, number) => day(number));
  assert.equal(dailyRhythm(days), 1);
  assert.equal(weeklyRhythm(days), 1);
});

test("hours and weekdays are those of the time zone, summer time included", () => {
  const utc = localHours("UTC");
  const berlin = localHours("Europe/Berlin");
  // A Sunday: clocks go from 2 to 3 at 01:00 UTC.
  const night = Date.parse("2026-03-29T00:30:00Z");
  assert.equal(berlin(night).hour, 1);
  assert.equal(berlin(night + 3_600_000).hour, 3);
  assert.equal(utc(night).hour, 0);
  assert.equal(hourOfSeason("hour_of_week", utc(night)), 6 * 24);
  assert.equal(hourOfSeason("hour_of_week", berlin(Date.parse("2026-03-29T22:30:00Z"))), 0);
  assert.equal(hourOfSeason("hour_of_day", localHours("Asia/Kolkata")(Date.parse("2026-03-02T00:00:00Z"))), 5);
  assert.equal(utc(-1).hour, 23);
});

test("an hour with few rows is taken together with the next, the last ones with the slot before", () => {
  assert.deepEqual(slotsOfHours([300, 50, 0, 200, 250, 10], 200), [0, 1, 1, 1, 2, 2]);
  assert.deepEqual(slotsOfHours([10, 10], 200), [0, 0]);
  assert.deepEqual(slotsOfHours([0, 0, 300], 200), [0, 0, 0]);
});

test("the slot of a pane is that of its start", () => {
  const season = {
    season: "hour_of_day" as const,
    timeZone: "UTC",
    slots: Array.from({ length: 24 }, (_, h) => (h < 8 ? 0 : 1)),
    weights: [[1], [1]],
  };
  const slotAt = slotClock(season, localHours("UTC"));
  assert.equal(slotAt(Date.parse("2026-03-02T07:59:00Z")), 0);
  assert.equal(slotAt(Date.parse("2026-03-02T08:00:00Z")), 1);
  assert.equal(slotClock(null, localHours("UTC"))(0), 0);
});

test("weights of slots are their rows; what is rare everywhere is as rare in each slot, and what is new has its share", () => {
  const stream = streamOfWeights("categorical", [600, 300, 90, 10]);
  const [first = [], second = []] = slotWeights(
    stream,
    [0, 1],
    [
      [500, 0, 0, 0],
      [100, 300, 90, 0],
    ],
  );
  assert.equal(first[0], 500);
  // Absent in this slot, and frequent elsewhere.
  assert.equal(first[1], 1);
  assert.equal(second[1], 300);
  assert.ok(Math.abs((first[3] ?? 0) - 5) < 1e-9);
});

test("what depends on the hour alone is no dependence within slots", () => {
  const stream = streamOfWeights("categorical", [500, 500, 1]);
  const draw = uniform(9);
  const shares = [0.8, 0.2];
  const panes = Array.from({ length: 400 }, (_, pane) => {
    let first = 0;
    for (let event = 0; event < 50; event++) first += Number(draw() < (shares[Math.floor(pane / 4) % 2] ?? 0));
    return [first, 50 - first, 0];
  });
  const slotOf = panes.map((_, pane) => Math.floor(pane / 4) % 2);
  const weights = [
    [800, 200, 1],
    [200, 800, 1],
  ];
  const directions = directionsOf(stream);
  const [whole = 0] = designEffects(panes, stream.weights, directions);
  const [within = 0] = designEffects(panes, stream.weights, directions, { slotOf, weights });
  assert.ok(whole > 20, `${whole}`);
  assert.ok(within < 1.5, `${within}`);
});
