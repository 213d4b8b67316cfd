/** Estimated errors against LightGBM's and scikit-learn's on the same rows (test/fixtures/direct-loss/peer.py), in four windows. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { findRow, openStage } from "../support/evaluation-stage.ts";
import { lossPredictions, lossRows, realisedErrors } from "../support/loss-rows.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const HOUR = 3_600_000;
let root = import.meta.dirname;
while (!existsSync(path.join(root, "package-lock.json"))) root = path.dirname(root);
const values = z.object({ realised: z.number(), lightgbm: z.number(), scikit_learn: z.number() });
const peers = z
  .object({ estimates: z.record(z.string(), z.object({ mae: values, rmse: values })) })
  .parse(JSON.parse(readFileSync(path.join(root, "test/fixtures/direct-loss/peer.json"), "utf8"))).estimates;
const stage = await openStage({ now: () => T0 + 10 * HOUR, sleep: () => Promise.resolve() });
after(() => stage.close());

const WINDOWS = [
  { name: "steady", rows: lossRows(20_000, 2) },
  { name: "easier", rows: lossRows(20_000, 12, { from: 0, to: 0.4 }) },
  { name: "harder", rows: lossRows(20_000, 3, { from: 0.6, to: 1 }) },
  { name: "beyond", rows: lossRows(20_000, 11, { from: 0.8, to: 1.4 }) },
];
const off = (value: number, from: number) => Math.abs(value - from) / from;

test("estimates lie within 2 % of the peers' (6 % where inputs lie beyond the reference), and no farther from the realised errors by more than 2 % (4 %)", async () => {
  const file = await stage.referenceFile("peers.ndjson", lossRows(8000, 1));
  const scene = await stage.scene({
    name: "peers",
    task: "regression",
    windows: ["1h"],
    detectors: ["volume"],
    min_rows: 100,
    reference: { file },
    kpis: ["mae", "rmse"],
  });
  for (const [index, { rows }] of WINDOWS.entries())
    await scene.write(lossPredictions(rows, T0 + index * HOUR), index * 20_000);
  await scene.evaluation.run({ final: true });
  const found = await scene.rows("1h");
  for (const [index, { name, rows }] of WINDOWS.entries())
    for (const kpi of ["mae", "rmse"] as const) {
      const value = findRow(found, T0 + index * HOUR, `estimated_${kpi}`).value ?? Number.NaN;
      const peer = peers[name]?.[kpi];
      assert.ok(peer !== undefined);
      const realised = realisedErrors(rows)[kpi];
      assert.ok(off(realised, peer.realised) < 1e-9, "the peers had the same rows");
      const nearest = Math.min(off(value, peer.lightgbm), off(value, peer.scikit_learn));
      const said = `${name} ${kpi}: ${value}, LightGBM ${peer.lightgbm}, scikit-learn ${peer.scikit_learn}, realised ${realised}`;
      assert.ok(nearest < (name === "beyond" ? 0.06 : 0.02), said);
      const worst = Math.max(off(peer.lightgbm, realised), off(peer.scikit_learn, realised));
      assert.ok(off(value, realised) < worst + (name === "beyond" ? 0.04 : 0.02), said);
    }
});
