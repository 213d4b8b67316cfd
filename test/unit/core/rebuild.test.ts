import assert from "node:assert/strict";
import { test } from "node:test";
import { type Rebuild, rebuildSentence, rebuiltSince } from "../../../src/core/rebuild.ts";

const HOUR = 3_600_000;
const rebuild = (over: Partial<Rebuild> = {}): Rebuild => ({
  model: "m",
  epoch: 2,
  asked_at: 0,
  state: "done",
  at: Date.UTC(2026, 2, 2, 23),
  owner: "ana",
  reason: "the reference was wrong.",
  from_at: null,
  to_at: null,
  first_at: 10 * HOUR,
  last_at: 20 * HOUR,
  settled: 0,
  windows: 10,
  rows: 10,
  monitor_hash: "h",
  reference_id: "r",
  problem: "",
  ...over,
});

test("the sentence says when, why and which epoch, or who where nobody said why", () => {
  assert.equal(rebuildSentence(rebuild()), "Computed again on 2026-03-02 because the reference was wrong: epoch 2.");
  assert.equal(rebuildSentence(rebuild({ reason: "" })), "Computed again on 2026-03-02, as ana asked: epoch 2.");
});

test("an incident is of the numbers before where it opened by a window that was computed again", () => {
  const at = (opened: number, resolved: number | null, onset = opened - 1) =>
    rebuiltSince(
      { onset: onset * HOUR, opened_at: opened * HOUR, resolved_at: resolved === null ? null : resolved * HOUR },
      [rebuild(), rebuild({ epoch: 3, first_at: 15 * HOUR }), rebuild({ epoch: 4, state: "asked" })],
    )?.epoch ?? null;
  assert.equal(at(12, 14), 2);
  assert.equal(at(12, null), 3, "it is open in the time of the newer one");
  assert.equal(at(20, null), 3, "by the last window");
  assert.equal(at(8, 9), null, "it was over before");
  assert.equal(at(22, null, 19), null, "it opened by a window that came after, whenever it began");
  assert.equal(at(8, null), 3, "it was open in that time");
});
