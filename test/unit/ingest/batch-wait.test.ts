import assert from "node:assert/strict";
import { test } from "node:test";
import { createBatchWait } from "../../../src/ingest/batch-wait.ts";

test("after a quiet time a batch waits for a moment, and else for what is left of batch_wait", () => {
  let now = 0;
  const wait = createBatchWait({ now: () => now }, 1_000);
  assert.equal(wait.ms(), 50);
  wait.sealed();
  now = 300;
  assert.equal(wait.ms(), 700);
  now = 5_000;
  assert.equal(wait.ms(), 50);
});

test("a batch of many models makes the next ones wait longer, until they hold few models again", () => {
  const now = 0;
  const wait = createBatchWait({ now: () => now }, 1_000);
  wait.sealed();
  wait.stored(40);
  assert.equal(wait.ms(), 1_000);
  wait.stored(200);
  assert.equal(wait.ms(), 5_000);
  wait.stored(1);
  assert.equal(wait.ms(), 1_000);
});
