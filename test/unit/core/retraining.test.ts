/** The state of a retraining is a function of its events, in whatever order they were written and however often. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { runOf, runReceipt } from "../../../src/core/action.ts";
import {
  foldRetraining,
  isInFlight,
  type RetrainingEvent,
  type RetrainingEventKind,
  retrainingEventKinds,
} from "../../../src/core/retraining.ts";

const event = (
  kind: RetrainingEventKind,
  at: number,
  detail: RetrainingEvent["detail"] = {},
  key = "",
): RetrainingEvent => ({
  retraining_id: "r",
  model: "m",
  action: "airflow",
  incident_id: "i",
  opened_at: 0,
  event: kind,
  key,
  at,
  detail,
});
const stateOf = (...events: readonly RetrainingEvent[]) => foldRetraining(events)?.state;

test("a life from the question to the recovery", () => {
  const asked = event("asked", 1, { approval_until: 100, token_hash: "h" });
  assert.equal(foldRetraining([]), null);
  assert.equal(stateOf(event("asked", 1)), "requested");
  assert.equal(stateOf(event("asked", 1, { dry_run: true })), "dry_run");
  assert.equal(stateOf(asked), "awaiting_approval");
  assert.equal(stateOf(asked, event("approved", 2)), "approved");
  // Of two answers the first holds.
  assert.equal(stateOf(asked, event("rejected", 2), event("approved", 3)), "rejected");
  assert.equal(stateOf(asked, event("approved", 2), event("expired", 3)), "approved");
  assert.equal(stateOf(asked, event("approved", 2), event("requested", 3), event("accepted", 4)), "accepted");
  // News that is late does not turn back what is known.
  assert.equal(stateOf(event("asked", 1), event("succeeded", 5), event("running", 6)), "succeeded");
  assert.equal(stateOf(event("asked", 1), event("timed_out", 5), event("succeeded", 9)), "succeeded");
  // Whether it helped may change.
  assert.equal(stateOf(event("asked", 1), event("not_recovered", 5), event("recovered", 6)), "recovered");
  assert.equal(stateOf(event("asked", 1), event("recovered", 5), event("not_recovered", 6)), "not_recovered");
});

test("a success without a version, found by asking, is completed by the report", () => {
  const retraining = foldRetraining([
    event("asked", 1),
    event("succeeded", 5, {}, ""),
    event("succeeded", 8, { version: "2", reference: "/r" }, "report"),
  ]);
  assert.deepEqual([retraining?.version, retraining?.reference, retraining?.succeeded_at], ["2", "/r", 5]);
});

test("neither the order of events nor copies of them bear on the state", () => {
  const events = fc.array(
    fc.record({ kind: fc.constantFrom(...retrainingEventKinds.slice(1)), at: fc.integer({ min: 2, max: 9 }) }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(events, fc.infiniteStream(fc.nat()), (list, order) => {
      const all = [event("asked", 1), ...list.map(({ kind, at }, index) => event(kind, at, {}, String(index)))];
      const shuffled = all.map((one) => ({ one, rank: order.next().value })).sort((a, b) => a.rank - b.rank);
      const first = foldRetraining(all);
      const again = foldRetraining(shuffled.map(({ one }) => one));
      assert.equal(again?.state, first?.state);
      assert.ok(first !== null && again !== null && isInFlight(first) === isInFlight(again));
    }),
  );
});

test("a receipt names its run, and only such a receipt", () => {
  assert.equal(runOf(runReceipt("driftline__1", "HTTP 200")), "driftline__1");
  assert.equal(runOf(runReceipt("arn:aws:x/y")), "arn:aws:x/y");
  assert.equal(runOf("HTTP 200"), null);
  assert.equal(runOf("runner 5"), null);
});
