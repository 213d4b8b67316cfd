/** What a window's events as a whole are compared with: hours of the week by the clocks of people, copies, silences. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import { localHours } from "../../src/sequential/season-slots.ts";
import { findRow, openStage, type Scene } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const T0 = Date.parse("2026-03-01T00:00:00Z");
const TO = Date.parse("2026-04-02T00:00:00Z");
const clock: Clock = { now: () => TO + DAY, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const berlin = localHours("Europe/Berlin");
const HOLIDAY = Date.UTC(2026, 2, 9) / DAY;
/** Shops are open from nine to five by the clock, whatever the sun does; clocks are changed on 29 March. */
const eventsIn = (start: number): number => {
  const { day, hour } = berlin(start);
  const isOpen = hour >= 9 && hour < 17;
  return isOpen ? (day === HOLIDAY ? 12 : 48) : 12;
};

/** Evenly within each hour that `isSilent` does not leave out. */
function stream(isSilent: (start: number) => boolean = () => false): WrittenEvent[] {
  const events: WrittenEvent[] = [];
  for (let start = T0; start < TO; start += HOUR) {
    const rows = isSilent(start) ? 0 : eventsIn(start);
    for (let row = 0; row < rows; row++) {
      const timestamp = start + Math.floor((HOUR * row) / rows);
      events.push({ kind: "prediction", id: `${timestamp}`, timestamp, prediction: 1, features: {} });
    }
  }
  return events;
}

const base = { task: "binary", pane: "5m", windows: ["1h"], min_rows: 10 };
const volumesOf = async (scene: Scene) =>
  (await scene.rows("1h")).filter(({ metric, window_start }) => metric === "volume" && window_start >= T0 + 8 * DAY);

test("volume is compared with the same hour of the week by the clocks of people: no alarm after a holiday, or when they are changed", async () => {
  const events = stream();
  const breaches = async (name: string, zone: string) => {
    const scene = await stage.scene({ ...base, name, detectors: ["volume"], season_timezone: zone });
    await scene.write(events, 0);
    await scene.evaluation.run({ final: true });
    return (await volumesOf(scene)).filter(({ breached }) => breached).map((row) => row.window_start);
  };
  const open = Array.from({ length: 8 }, (_, hour) => Date.UTC(2026, 2, 9, 8 + hour));
  assert.deepEqual(await breaches("shops", "Europe/Berlin"), open, "the holiday itself, and nothing else");
  const utc = await breaches("utc", "UTC");
  assert.ok(
    utc.some((start) => start >= Date.UTC(2026, 2, 29)),
    "by UTC the changed clocks look like a change",
  );
});

test("copies are counted among what came, those of equal times included, and change no count", async () => {
  const scene = await stage.scene({ ...base, name: "copies", detectors: ["duplicate-rate", "volume"] });
  const events = stream().filter(({ timestamp }) => timestamp < T0 + 3 * HOUR);
  await scene.write(events, 0);
  const second = events.filter(({ timestamp }) => timestamp >= T0 + HOUR && timestamp < T0 + 2 * HOUR);
  await scene.write(second.slice(0, 6), 1_000);
  await scene.write(
    second.slice(0, 3).map((event) => ({ ...event, timestamp: event.timestamp + 1_000 })),
    2_000,
  );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  const first = findRow(rows, T0, "duplicate-rate");
  assert.deepEqual([first.value, first.breached], [0, false]);
  const copied = findRow(rows, T0 + HOUR, "duplicate-rate");
  assert.equal(copied.value, 9 / 21);
  assert.equal(copied.breached, true);
  assert.deepEqual(JSON.parse(copied.detail), { ...JSON.parse(copied.detail), received: 21, copies: 9 });
  assert.equal(findRow(rows, T0 + HOUR, "volume").value, 1);
});

test("a silence that is longer than those of the week before is told while it lasts, nights are none", async () => {
  const night = (start: number) => berlin(start).hour < 6;
  const silent = Date.UTC(2026, 2, 20, 8);
  const scene = await stage.scene({ ...base, name: "fresh", detectors: ["freshness"] });
  await scene.write(
    stream((start) => night(start) || (start >= silent && start < silent + 8 * HOUR)),
    0,
  );
  await scene.evaluation.run({ final: true });
  const rows = (await scene.rows("1h")).filter(({ metric }) => metric === "freshness");
  const breached = rows.filter((row) => row.breached).map((row) => [row.window_start, row.value]);
  // Nights take six hours, less the last event's pane; the seventh hour of the day's silence is longer.
  assert.deepEqual(breached, [
    [silent + 6 * HOUR, (7 * HOUR) / 1000],
    [silent + 7 * HOUR, (8 * HOUR) / 1000],
  ]);
  assert.equal(findRow(rows, T0 + DAY, "freshness").status, "insufficient");
});

test("late events make what is compared with them anew: in any order the same numbers", async () => {
  const events = stream((start) => start >= T0 + 16 * DAY);
  const late = (event: WrittenEvent) => Math.floor((event.timestamp - T0) / HOUR) === 30;
  const written = { ...base, detectors: ["volume", "freshness"], season_timezone: "Europe/Berlin" };
  const numbers = async (scene: Scene) =>
    (await scene.rows("1h"))
      .map((row) => [row.metric, row.window_start, row.value, row.threshold, row.breached])
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  const whole = await stage.scene({ ...written, name: "whole" });
  await whole.write(events, 0);
  await whole.evaluation.run({ final: true });
  const apart = await stage.scene({ ...written, name: "apart" });
  await apart.write(
    events.filter((event) => !late(event)),
    0,
  );
  await apart.evaluation.run({ final: true });
  await apart.write(events.filter(late), 100_000);
  await apart.evaluation.run({ final: true });
  assert.deepEqual(await numbers(apart), await numbers(whole));
});
