/** Receivers that hang, fail for good or come back late, and a store that is away: the outbox keeps its promises. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { systemClock } from "../../src/core/clock.ts";
import type { Delivery, PlannedDelivery, SendMessage } from "../../src/core/delivery.ts";
import { contentUuid } from "../../src/core/identity.ts";
import { createOutbox } from "../../src/deliver/outbox.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { createManualClock, quiet, readDeliveries } from "../support/alert-station.ts";
import { exampleNotification, incidentTarget } from "../support/notification.ts";

let folder = "";
let store: Store;
let lane: Lane;
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "driftline-outbox-"));
  store = await openStore({ embedded: folder });
  lane = store.lane("control");
});
beforeEach(() => lane.command(sql`TRUNCATE TABLE deliveries`));
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const NOW = Date.UTC(2026, 2, 2, 12);

function planned(target: string, sequence = 1, transition: "opened" | "resolved" = "opened"): PlannedDelivery {
  const deliveryId = contentUuid(target, sequence);
  return {
    deliveryId,
    kind: "channel",
    target,
    sequence,
    notification: exampleNotification({ idempotencyKey: deliveryId, transition }),
  };
}

/** Answers in turn; the last one for ever. Keeps what it was asked. */
function answering(...answers: readonly (Delivery | Error)[]): {
  readonly send: SendMessage;
  readonly asked: string[];
} {
  const asked: string[] = [];
  return {
    asked,
    send: incidentTarget(async (notification) => {
      const answer = answers[Math.min(asked.push(notification.transition), answers.length) - 1];
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error("no answer");
      return answer;
    }),
  };
}
const delivered: Delivery = { status: "delivered" };
const failed = (retryable: boolean, retryAfterMs?: number): Delivery => ({
  status: "failed",
  retryable,
  reason: "HTTP 500 from https://hooks.example.com/secret-path",
  ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
});
const states = async () => (await readDeliveries(lane)).map(({ target, state, attempt }) => [target, state, attempt]);

test("a target that hangs holds up itself alone, and its attempt ends at the time limit", async () => {
  const aborted: boolean[] = [];
  const hang: SendMessage = (_notification, signal) =>
    new Promise(() => signal.addEventListener("abort", () => aborted.push(true)));
  const good = answering(delivered);
  const outbox = createOutbox({
    lane,
    clock: createManualClock(NOW),
    log: quiet,
    targets: new Map([
      ["a", hang],
      ["b", good.send],
    ]),
    attemptMs: 300,
    pollMs: 10,
  });
  await outbox.enqueue([planned("a"), planned("b")]);
  await outbox.flush();
  assert.deepEqual(await states(), [
    ["a", "failed", 1],
    ["b", "sent", 1],
  ]);
  assert.deepEqual(aborted, [true]);
});

test("the end of an incident waits behind its opening, and follows once that is through", async () => {
  const clock = createManualClock(NOW);
  const target = answering(failed(true), delivered);
  const outbox = createOutbox({ lane, clock, log: quiet, targets: new Map([["a", target.send]]) });
  await outbox.enqueue([planned("a", 1)]);
  await outbox.enqueue([planned("a", 2, "resolved")]);
  const next = await outbox.flush();
  assert.deepEqual(target.asked, ["opened"]);
  clock.set(NOW + 3_000);
  await outbox.flush();
  assert.deepEqual(target.asked, ["opened"], "not before its time");
  assert.ok(next !== null && next >= NOW + 4_000, "what waits behind it is not due before it");
  clock.set(NOW + 10_000);
  await outbox.flush();
  assert.deepEqual(target.asked, ["opened", "opened", "resolved"]);
});

test("what fails for good is given up at once, and the log says so without the address", async () => {
  const errors: string[] = [];
  const log = {
    ...quiet,
    error: (message: string, fields?: Readonly<Record<string, unknown>>) =>
      void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const outbox = createOutbox({
    lane,
    clock: createManualClock(NOW),
    log,
    targets: new Map([["a", answering(failed(false)).send]]),
  });
  await outbox.enqueue([planned("a"), planned("gone")]);
  assert.equal(await outbox.flush(), null);
  assert.deepEqual(await states(), [
    ["a", "dead", 1],
    ["gone", "dead", 1],
  ]);
  assert.equal(errors.length, 2);
  assert.ok(errors.every((line) => line.startsWith("a delivery was given up") && !line.includes("secret-path")));
  assert.ok(!JSON.stringify(await readDeliveries(lane)).includes("secret-path"));
});

test("tries go on over days with growing waits, a restart between them, and then end", async () => {
  const clock = createManualClock(NOW);
  const target = answering(failed(true));
  let due: number | null = NOW;
  const waits: number[] = [];
  for (let turns = 0; due !== null && turns < 200; turns++) {
    clock.set(due);
    const outbox = createOutbox({ lane, clock, log: quiet, targets: new Map([["a", target.send]]) });
    if (turns === 0) await outbox.enqueue([planned("a")]);
    const next: number | null = await outbox.flush();
    if (next !== null) waits.push(next - clock.now());
    due = next;
  }
  assert.equal((await states())[0]?.[1], "dead");
  assert.ok(waits.length > 60 && waits.length < 100, String(waits.length));
  assert.ok((waits[0] ?? 0) < 7_000 && Math.max(...waits) <= 3_600_000 * 1.2);
  assert.ok(clock.now() - NOW > 2.9 * 86_400_000 && clock.now() - NOW <= 3 * 86_400_000);
});

test("Retry-After is waited for", async () => {
  const clock = createManualClock(NOW);
  const outbox = createOutbox({
    lane,
    clock,
    log: quiet,
    targets: new Map([["a", answering(failed(true, 600_000)).send]]),
  });
  await outbox.enqueue([planned("a")]);
  assert.equal(await outbox.flush(), NOW + 600_000);
});

test("a target that throws is tried again", async () => {
  const outbox = createOutbox({
    lane,
    clock: createManualClock(NOW),
    log: quiet,
    targets: new Map([["a", answering(new Error("a bug")).send]]),
  });
  await outbox.enqueue([planned("a")]);
  await outbox.flush();
  assert.deepEqual(await states(), [["a", "failed", 1]]);
});

test("queueing what was sent already sends it no second time", async () => {
  const target = answering(delivered);
  const outbox = createOutbox({
    lane,
    clock: createManualClock(NOW),
    log: quiet,
    targets: new Map([["a", target.send]]),
  });
  await outbox.enqueue([planned("a")]);
  await outbox.flush();
  await outbox.enqueue([planned("a")]);
  assert.equal(await outbox.flush(), null);
  assert.deepEqual(target.asked, ["opened"]);
});

test("looking often, from two places, while attempts are under way sends nothing twice", async () => {
  const asked: string[] = [];
  const slow: SendMessage = async (message) => {
    asked.push(message.idempotencyKey);
    await new Promise((resolve) => setTimeout(resolve, 3));
    return delivered;
  };
  const outbox = createOutbox({
    lane,
    clock: systemClock,
    log: quiet,
    targets: new Map([["a", slow]]),
    pollMs: 1,
  });
  outbox.start();
  for (let sequence = 1; sequence <= 20; sequence++) {
    await outbox.enqueue([planned("a", sequence)]);
    await Promise.all([outbox.flush(), outbox.flush()]);
  }
  await outbox.stop();
  assert.equal(asked.length, 20);
  assert.equal(new Set(asked).size, 20);
});

test("a store that is away when an attempt is to be recorded does not make it be sent twice", async () => {
  let away = 0;
  const flaky: Lane = {
    ...lane,
    insertRows: (table, rows) =>
      away-- > 0 ? Promise.reject(new Error("the store is away")) : lane.insertRows(table, rows),
  };
  const target = answering(delivered);
  const clock = { now: () => NOW, sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 5)) };
  const outbox = createOutbox({
    lane: flaky,
    clock,
    log: quiet,
    targets: new Map([["a", target.send]]),
  });
  await outbox.enqueue([planned("a")]);
  away = 3;
  await outbox.flush();
  assert.deepEqual(target.asked, ["opened"]);
  assert.deepEqual(await states(), [["a", "sent", 1]]);
});
