import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Webhook } from "standardwebhooks";
import { isRetryableStatus, retryAfterMs } from "../../../src/core/http-delivery.ts";
import { webhookHeaders } from "../../../src/core/webhook-signature.ts";
import type { PendingDelivery } from "../../../src/deliver/delivery-store.ts";
import { dueByTarget, supersededStates } from "../../../src/deliver/outbox.ts";
import { redact } from "../../../src/deliver/redact.ts";
import { nextAttempt, retryLimits } from "../../../src/deliver/retry-schedule.ts";

test("a status is tried again when it can pass by itself", () => {
  const again = [408, 425, 429, 500, 502, 503, 504, 599];
  const never = [300, 301, 400, 401, 403, 404, 409, 410, 422, 451];
  assert.ok(again.every(isRetryableStatus));
  assert.ok(!never.some(isRetryableStatus));
});

test("Retry-After is read as seconds or as a date, and bounded", () => {
  const now = Date.UTC(2026, 2, 2, 10);
  assert.equal(retryAfterMs("7", now), 7_000);
  assert.equal(retryAfterMs("Mon, 02 Mar 2026 10:01:00 GMT", now), 60_000);
  assert.equal(retryAfterMs("Mon, 02 Mar 2026 09:00:00 GMT", now), 0);
  assert.equal(retryAfterMs("99999999999", now), 86_400_000);
  for (const none of [null, "", "soon"]) assert.equal(retryAfterMs(none, now), null);
});

describe("the next attempt", () => {
  const delivery = (attempt: number) => ({ id: "a", queuedAt: 0, attempt });

  test("waits twice as long each time, up to an hour, the same for the same delivery", () => {
    const waits = Array.from(
      { length: 20 },
      (_, index) => (nextAttempt(delivery(index + 1), 0, undefined, retryLimits) ?? 0) / 1000,
    );
    for (const [index, wait] of waits.entries()) {
      const plain = Math.min(5 * 2 ** index, 3600);
      assert.ok(wait >= plain * 0.8 && wait <= plain * 1.2 + 0.001, `${wait} of ${plain}`);
    }
    assert.equal(
      nextAttempt(delivery(3), 0, undefined, retryLimits),
      nextAttempt(delivery(3), 0, undefined, retryLimits),
    );
  });

  test("never comes before Retry-After", () => {
    assert.equal(nextAttempt(delivery(1), 1_000, 60_000, retryLimits), 61_000);
  });

  test("is not made once the attempts or the days are used up", () => {
    assert.equal(nextAttempt(delivery(retryLimits.attempts), 0, undefined, retryLimits), null);
    assert.equal(nextAttempt(delivery(1), retryLimits.giveUpAfterMs, undefined, retryLimits), null);
  });
});

describe("what is due", () => {
  const pending = (id: string, settings: Partial<PendingDelivery>): PendingDelivery => ({
    delivery_id: id,
    attempt: 0,
    incident_id: "i",
    model: "m",
    kind: "channel",
    target: "channel a",
    transition: "opened",
    due_ms: 0,
    queued_ms: 0,
    opened_ms: 0,
    sequence: 1,
    ...settings,
  });
  const due = (list: readonly PendingDelivery[]) =>
    [...dueByTarget(list, 100)].map(([target, all]) => [target, all.map((one) => one.delivery_id)]);

  test("leaves out the end of an incident while its opening waits for another try", () => {
    assert.deepEqual(due([pending("end", { sequence: 3 }), pending("begin", { due_ms: 200 })]), []);
    assert.deepEqual(due([pending("end", { sequence: 3 }), pending("begin", { due_ms: 50 })]), [
      ["channel a", ["begin", "end"]],
    ]);
  });

  test("is, of the states of a model that wait for a target, the newest alone", () => {
    const state = (id: string, settings: Partial<PendingDelivery>) =>
      pending(id, { kind: "state", transition: "state", target: "state s", ...settings });
    const list = [
      state("newest", { sequence: 10 }),
      state("older", { sequence: 9, due_ms: 200 }),
      state("oldest", { sequence: 2 }),
      state("elsewhere", { sequence: 9, target: "state t" }),
      state("another model's", { sequence: 1, incident_id: "j" }),
      pending("an incident's", { sequence: 1 }),
      pending("the same incident's", { sequence: 2 }),
    ];
    assert.deepEqual(
      [...supersededStates(list)].map(({ delivery_id }) => delivery_id),
      ["older", "oldest"],
    );
  });

  test("keeps targets and incidents apart", () => {
    const list = [
      pending("a", { due_ms: 200 }),
      pending("b", { target: "channel b" }),
      pending("c", { incident_id: "j", sequence: 4 }),
    ];
    assert.deepEqual(due(list), [
      ["channel b", ["b"]],
      ["channel a", ["c"]],
    ]);
  });
});

test("a reason holds no address beyond its host, and no secret", () => {
  assert.equal(
    redact("GET https://user:pass@hooks.example.com/T0/B1/xyz?token=1 failed\nbadly"),
    "GET https://hooks.example.com/… failed badly",
  );
  assert.equal(redact("bad token hunter22", ["hunter22"]), "bad token [secret]");
});

test("a signature is one that the standardwebhooks package accepts", () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const body = JSON.stringify({ type: "incident.opened", name: "ä'\u2028" });
  const headers = webhookHeaders("id.with.dots", Date.now(), body, secret);
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  assert.throws(() => new Webhook(secret).verify(`${body} `, headers));
});
