/** When the beat of the service comes: every so often, sooner where ingestion has caught up, and never two at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import type { Clock } from "../../src/core/clock.ts";
import { createEvaluationLoop } from "../../src/service/evaluation-loop.ts";
import { createLog } from "../../src/telemetry/log.ts";

/** A clock that stands still until it is told to move on. */
class HandClock implements Clock {
  #now = Date.UTC(2026, 0, 5);
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted === true) return resolve();
      this.#sleepers.push({ until: this.#now + ms, wake: resolve });
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  async pass(ms: number): Promise<void> {
    this.#now += ms;
    const due = this.#sleepers.filter(({ until }) => until <= this.#now);
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now);
    for (const { wake } of due) wake();
    for (let turn = 0; turn < 5; turn++) await settled();
  }
}

function started(everyMs: number, takesMs: number) {
  const clock = new HandClock();
  const began: number[] = [];
  const start = clock.now();
  const loop = createEvaluationLoop({
    models: [{ name: "m" }],
    evaluate: async () => {
      began.push(clock.now() - start);
      if (takesMs > 0) await clock.sleep(takesMs);
    },
    everyMs,
    clock,
    log: createLog({ level: "silent", secrets: [], clock }),
  });
  loop.start();
  return { clock, began, loop };
}

test("Without news a beat rests for the whole interval after it has ended", async () => {
  const { clock, began, loop } = started(5_000, 2_000);
  for (let second = 0; second < 21; second++) await clock.pass(1_000);
  assert.deepEqual(began, [0, 7_000, 14_000, 21_000]);
  const stopped = loop.stop();
  await clock.pass(2_000);
  await stopped;
});

test("Once ingestion has caught up, the next beat begins an interval after the last one began", async () => {
  const { clock, began, loop } = started(5_000, 2_000);
  await clock.pass(1_000);
  loop.caughtUp();
  for (let second = 1; second < 6; second++) await clock.pass(1_000);
  assert.deepEqual(began, [0, 5_000]);
  await clock.pass(1_000);
  await clock.pass(2_000);
  loop.caughtUp();
  await clock.pass(1_000);
  assert.deepEqual(began, [0, 5_000, 10_000]);
  const stopped = loop.stop();
  await clock.pass(2_000);
  await stopped;
});

test("News that comes after the interval is looked at at once, and a beat that is slow is never begun twice", async () => {
  const { clock, began, loop } = started(1_000, 3_000);
  await clock.pass(500);
  loop.caughtUp();
  await clock.pass(2_000);
  assert.deepEqual(began, [0]);
  await clock.pass(500);
  assert.deepEqual(began, [0, 3_000]);
  await clock.pass(3_000);
  await clock.pass(500);
  loop.caughtUp();
  await clock.pass(0);
  assert.deepEqual(began, [0, 3_000, 6_500]);
  const stopped = loop.stop();
  await clock.pass(3_000);
  await stopped;
});
