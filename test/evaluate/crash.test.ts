/** An evaluation that breaks off at its n-th write, for every n, and a new process after it: the rows are those of an undisturbed one. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { openStage } from "../support/evaluation-stage.ts";
import type { WrittenEvent } from "../support/event-writer.ts";

const T0 = Date.parse("2026-03-02T10:00:00Z");
const clock = { now: () => T0 + 48 * 3_600_000, sleep: () => Promise.resolve() };
const { store, lane, scene, referenceFile, close } = await openStage(clock);
after(close);

const file = await referenceFile(
  "reference.ndjson",
  Array.from({ length: 500 }, (_, i) => ({ x: (i % 89) / 10, colour: ["red", "blue"][i % 2] })),
);
const events = (from: number, to: number): WrittenEvent[] =>
  Array.from({ length: to - from }, (_, i) => from + i).flatMap((i): WrittenEvent[] => [
    {
      kind: "prediction",
      id: `e${i}`,
      timestamp: T0 + i * 20_000,
      prediction: i % 2,
      score: (i % 10) / 10,
      features: { x: (i % 83) / 10, colour: ["red", "blue", "new"][i % 3] },
    },
    { kind: "label", id: `e${i}`, timestamp: T0 + i * 20_000 + 600_000, label: i % 3 === 0 ? 1 : 0 },
  ]);

/** The store, but the n-th write of the evaluation fails and nothing after it happens. */
function breakingAt(n: number): { readonly store: Store; broke: () => boolean } {
  let left = n;
  let broken = false;
  const write =
    <Arguments extends readonly unknown[]>(
      call: (...given: Arguments) => Promise<void>,
    ): ((...given: Arguments) => Promise<void>) =>
    async (...given: Arguments): Promise<void> => {
      if (broken || --left === 0) {
        broken = true;
        throw new Error("the process is gone");
      }
      await call(...given);
    };
  const real = store.lane("evaluate");
  const breaking: Lane = {
    ...real,
    command: write<Parameters<Lane["command"]>>((statement, options) => real.command(statement, options)),
    insertBlock: write<Parameters<Lane["insertBlock"]>>((table, columns) => real.insertBlock(table, columns)),
    insertRows: write<Parameters<Lane["insertRows"]>>((table, rows) => real.insertRows(table, rows)),
  };
  return {
    store: { ...store, lane: (name) => (name === "evaluate" ? breaking : store.lane(name)) },
    broke: () => broken,
  };
}

const comparable = (rows: readonly MetricRow[]): string[] =>
  rows
    .map(({ revision: _revision, computed_at: _at, model: _model, monitor_hash: _hash, ...row }) => JSON.stringify(row))
    .sort((a, b) => (a < b ? -1 : 1));

async function play(name: string, breakAt: number): Promise<{ rows: string[]; broke: boolean }> {
  const { config, prepared, write, rows } = await scene({
    name,
    task: "binary",
    reference: { file },
    windows: ["30m", "100 events"],
    min_rows: 10,
    detectors: ["total-variation", "volume"],
    kpis: ["accuracy", "roc_auc"],
  });
  const breaking = breakingAt(breakAt);
  await write(events(0, 300), 0);
  await createEvaluation({ store, models: [prepared], clock }).run();
  await write([...events(300, 420), ...events(100, 120)], 1000);
  try {
    await createEvaluation({ store: breaking.store, models: [prepared], clock }).run({ final: true });
  } catch (thrown) {
    assert.match(String(thrown), /the process is gone/);
  }
  const next = createEvaluation({ store, models: [await prepareModel(lane, config, clock)], clock });
  await next.run({ final: true });
  assert.deepEqual(await next.run({ final: true }), []);
  return { rows: comparable([...(await rows("30m")), ...(await rows("100 events"))]), broke: breaking.broke() };
}

test("an evaluation that breaks off at any write leaves nothing that the next one does not put right", async () => {
  const expected = await play("undisturbed", Number.POSITIVE_INFINITY);
  assert.ok(expected.rows.length > 30);
  let broke = true;
  let at = 1;
  for (; broke; at++) {
    const found = await play(`broken_${at}`, at);
    assert.deepEqual(found.rows, expected.rows, `broken at write ${at}`);
    broke = found.broke;
  }
  assert.ok(at > 5, `${at} writes`);
});
