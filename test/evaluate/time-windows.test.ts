/** Windows by event time on the embedded engine: panes, detectors, late events, gaps, revisions. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import type { Clock } from "../../src/core/clock.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { openStore } from "../../src/store/open.ts";
import { sql } from "../../src/store/sql.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-windows-"));
const store = await openStore({ embedded: path.join(folder, "store") });
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
const lane = store.lane("control");
const T0 = Date.parse("2026-03-02T10:00:00Z");
const clock = (at: number): Clock => ({ now: () => at, sleep: () => Promise.resolve() });

const all = (model: string, window: string) => readMetrics(lane, { model, window, where: sql`true` });

test("float32-serving-float64-reference: values computed in 32 bits do not drift, a real change does", async () => {
  const file = path.join(folder, "reference.ndjson");
  await writeFile(
    file,
    Array.from({ length: 3000 }, (_, i) => JSON.stringify({ rate: [0.1, 0.2, 0.3][i % 3] })).join("\n"),
  );
  const config = modelConfig({
    name: "price",
    task: "regression",
    reference: { file },
    windows: ["1h"],
    detectors: ["psi", "jensen-shannon", "total-variation", "wasserstein", "kolmogorov-smirnov"],
  });
  const at = T0 + 9_000_000;
  const prepared = await prepareModel(lane, config, clock(at));
  assert.deepEqual(prepared.schema.features, [{ name: "rate", kind: "numeric" }]);
  const shifted = [0.18, 0.2, 0.3];
  const served = [0.10000000149011612, 0.20000000298023224, 0.30000001192092896];
  const events: WrittenEvent[] = Array.from({ length: 3000 }, (_, i) => ({
    kind: "prediction",
    id: `${i < 1500 ? "a" : "b"}${i % 1500}`,
    timestamp: T0 + (i < 1500 ? 0 : 3_600_000) + (i % 1500) * 2000,
    prediction: 1,
    features: { rate: (i < 1500 ? served : shifted)[i % 3] },
  }));
  await writeBatch(lane, config, prepared.schema, events, { offset: 0 });
  const evaluation = createEvaluation({ store, models: [prepared], clock: clock(at) });
  const [change] = await evaluation.run({ final: true });
  assert.equal(change?.model, "price");
  const rows = await all("price", "1h");
  const value = (start: number, metric: string) =>
    rows.find((row) => row.window_start === start && row.metric === metric && row.subject === "rate");
  for (const metric of ["psi", "jensen-shannon", "total-variation"]) {
    const row = value(T0, metric);
    assert.ok(
      row?.value !== null && row?.value !== undefined && row.value < 0.01,
      `${metric} ${row?.value} ${row?.detail}`,
    );
    assert.equal(row.breached, false);
  }
  assert.ok((value(T0, "wasserstein")?.value ?? 1) < 1e-3);
  const moved = T0 + 3_600_000;
  assert.ok(Math.abs((value(moved, "total-variation")?.value ?? 0) - 1 / 3) < 0.005);
  assert.equal(value(moved, "total-variation")?.breached, true);
  const wasserstein = value(moved, "wasserstein");
  const bound = Number(JSON.parse(wasserstein?.detail ?? "{}").error_bound);
  assert.ok(Math.abs((wasserstein?.value ?? 0) - 0.3265986324) <= bound, `${wasserstein?.value} ± ${bound}`);
  assert.equal(wasserstein?.breached, true);
  assert.deepEqual(await evaluation.run({ final: true }), [], "a second run changes nothing");
});
