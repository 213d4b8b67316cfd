/** Bodies wait their turn for memory, in the order they came in, and never for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../../src/core/clock.ts";
import { createByteBudget } from "../../../src/serve/byte-budget.ts";

test("who does not fit waits for what is given back, first come first served", async () => {
  const budget = createByteBudget({ bytes: 10, waitMs: 60_000, clock: systemClock });
  const first = await budget.take(6);
  const order: string[] = [];
  const second = budget.take(8).then((release) => (order.push("second"), release));
  const third = budget.take(1).then((release) => (order.push("third"), release));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(order, []);
  first?.();
  first?.();
  (await second)?.();
  (await third)?.();
  assert.deepEqual(order, ["second", "third"]);
  const whole = await budget.take(1e9);
  assert.ok(whole, "a request may take all there is");
  whole();
  assert.ok(await budget.take(10));
});

test("whoever has waited long enough is told so, and lets the next one in", async () => {
  const budget = createByteBudget({ bytes: 10, waitMs: 20, clock: systemClock });
  const held = await budget.take(6);
  const [late, small] = await Promise.all([budget.take(8), budget.take(2)]);
  assert.equal(late, null);
  assert.ok(small);
  held?.();
  small();
  assert.ok(await budget.take(10));
});
