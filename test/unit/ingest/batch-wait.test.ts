import assert from "node:assert/strict";
import { test } from "node:test";
import { createBatchWait } from "../../../src/ingest/batch-wait.ts";

/** A wait on a clock that leaps to the end of each sleep; `sizes` are what the batch holds after each. */
function waiting(batchWaitMs = 1_000) {
  let now = 0;
  let size = 0;
  let sizes: number[] = [];
  const clock = {
    now: () => now,
    sleep: (ms: number) => {
      now += ms;
      size = sizes.shift() ?? size;
      return Promise.resolve();
    },
  };
  const wait = createBatchWait(clock, batchWaitMs);
  return {
    ...wait,
    pass: (ms: number) => void (now += ms),
    async waitedMs(fills: readonly number[] = [1]): Promise<number> {
      const began = now;
      size = 0;
      sizes = [...fills];
      await wait.over(() => size, new AbortController().signal);
      return now - began;
    },
  };
}

test("after a quiet time a batch waits for a moment, and else for what is left of batch_wait", async () => {
  const wait = waiting();
  assert.equal(await wait.waitedMs(), 50);
  wait.sealed(false);
  wait.pass(300);
  assert.equal(await wait.waitedMs(), 700);
  wait.pass(5_000);
  assert.equal(await wait.waitedMs(), 50);
});

test("a batch of many models makes the next ones wait longer, until they hold few models again", async () => {
  for (const [models, ms] of [
    [40, 1_000],
    [200, 5_000],
    [1, 1_000],
  ] as const) {
    const wait = waiting();
    wait.sealed(false);
    wait.stored(200);
    wait.stored(models);
    assert.equal(await wait.waitedMs(), ms);
  }
});

test("what follows a full batch waits until nothing more comes, and never longer than another", async () => {
  const wait = waiting();
  wait.sealed(true);
  assert.equal(await wait.waitedMs([10, 20, 30, 30]), 200);
  wait.sealed(false);
  assert.equal(await wait.waitedMs([10, 20, 30, 30]), 1_000);
  wait.sealed(true);
  const growing = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(await wait.waitedMs(growing), 1_000);
  wait.sealed(true);
  assert.equal(await wait.waitedMs([0]), 1_000);
});
