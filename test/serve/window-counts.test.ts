import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { selectWindowCounts } from "../../src/serve/queries/window-counts.ts";
import { openStore } from "../../src/store/open.ts";

const MINUTE = 60_000;
const start = Date.parse("2026-03-02T10:00:00Z");

test("a window by time is the merge of the newest revision of its panes; panes in a gap belong to no window", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "driftline-counts-"));
  const store = await openStore({ embedded: folder });
  const lane = store.lane("control");
  const pane = (
    minute: number,
    revision: number,
    bins: readonly number[],
    over: Readonly<Record<string, unknown>> = {},
  ) => ({
    model: "m",
    pane: "1m",
    subject_kind: "feature",
    subject: "__proto__",
    reference_id: "r1",
    version: "1",
    variant: "",
    segment: "",
    pane_start: start + minute * MINUTE,
    revision,
    n: bins.reduce((sum, count) => sum + count, 0) + 1,
    missing: 1,
    invalid: 0,
    bins,
    s1: "0",
    s2: "0",
    minimum: minute,
    maximum: minute + 1,
    new_values: {},
    ...over,
  });
  const ledger = (minute: number, revision: number) => ({
    model: "m",
    pane: "1m",
    pane_start: start + minute * MINUTE,
    reference_id: "r1",
    revision,
    n: 1,
    digest: 1,
    monitor_hash: "h",
  });
  try {
    await lane.insertRows("pane_summaries", [
      pane(0, 1, [100, 100]),
      pane(0, 2, [1, 2], { new_values: { constructor: 3, a: 1 } }),
      // Written under a revision that the ledger does not know yet: not seen.
      pane(0, 3, [500, 500]),
      pane(4, 1, [10, 20], { new_values: { a: 4 } }),
      pane(7, 1, [7, 7]),
      pane(10, 1, [3, 4]),
      pane(0, 2, [9, 9], { version: "2" }),
      pane(0, 2, [9, 9], { segment: "region=eu" }),
    ]);
    await lane.insertRows("panes", [ledger(0, 2), ledger(4, 1), ledger(7, 1), ledger(10, 1)]);
    const counts = await selectWindowCounts(store.lane("serve"), {
      series: { model: "m", version: "1", variant: "" },
      subjectKind: "feature",
      subject: "__proto__",
      referenceId: "r1",
      window: { name: "5m", kind: "time", ms: 5 * MINUTE },
      paneMs: MINUTE,
      windows: [0, 10, 15].map((minute) => ({ start: start + minute * MINUTE, end: start + (minute + 5) * MINUTE })),
    });
    assert.deepEqual([...counts.keys()], [start, start + 10 * MINUTE]);
    const first = counts.get(start);
    assert.deepEqual(first?.bins, [11, 22]);
    assert.deepEqual([first?.n, first?.missing, first?.minimum, first?.maximum], [35, 2, 0, 5]);
    assert.deepEqual(first?.fresh, [
      ["a", 5],
      ["constructor", 3],
    ]);
    assert.deepEqual(counts.get(start + 10 * MINUTE)?.bins, [3, 4]);
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
