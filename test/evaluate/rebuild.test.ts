/** A rebuild's numbers are those of a store that has known the new configuration alone, also where it was cut off; those before stay readable. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { readChanged } from "../../src/alert/alert-store.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { type PreparedModel, prepareModel } from "../../src/evaluate/prepare-model.ts";
import { askRebuild, carryOut, type RebuildParts, rehearseRebuild } from "../../src/evaluate/rebuild/rebuild.ts";
import { rebuildReportSchema, textOf } from "../../src/requests/rebuild-report.ts";
import { createRebuilder } from "../../src/service/rebuilder.ts";
import { readRebuilds } from "../../src/store/rebuilds.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-31T20:00:00Z");
const HOUR = 3_600_000;
let now = T0 + 200 * HOUR;
const clock = { now: () => now, sleep: () => Promise.resolve() };
const { store, lane, scene, referenceFile, close } = await openStage(clock);
after(close);

const reference = (shift: number) =>
  referenceFile(
    `reference-${shift}.ndjson`,
    Array.from({ length: 400 }, (_, i) => ({
      x: (i % 89) / 10 + shift,
      colour: ["red", "blue"][i % 2],
      // Named by all events, and known to the later reference alone.
      ...(shift === 0 ? {} : { size: i % 7 }),
    })),
  );
/** What was in force, and what is to be: another reference, detector and window. */
const before = {
  reference: { file: await reference(0) },
  windows: ["30m", "100 events", "7m"],
  detectors: ["total-variation", "volume"],
};
const changed = {
  reference: { file: await reference(2) },
  windows: ["30m", "100 events"],
  detectors: ["jensen-shannon", "volume", "page-hinkley"],
};
const shared = {
  task: "binary",
  min_rows: 10,
  kpis: ["accuracy", "roc_auc"],
  label_horizon: "2h",
  dedupe_within: "1h",
};

/** Across the end of a month; every tenth is sent twice, and a gap lies in the middle. */
const events = (from: number, to: number): WrittenEvent[] =>
  Array.from({ length: to - from }, (_, i) => from + i).flatMap((i): WrittenEvent[] => {
    const timestamp = T0 + i * 60_000 + (i >= 300 ? 3 * HOUR : 0);
    const prediction: WrittenEvent = {
      kind: "prediction",
      id: `e${i}`,
      version: i < 250 ? "1" : "2",
      timestamp,
      prediction: i % 2,
      score: (i % 10) / 10,
      features: { x: (i % 83) / 10, colour: ["red", "blue", "new"][i % 3], size: i % 5 },
    };
    const copies = i % 10 === 0 ? [{ ...prediction, timestamp: timestamp + 90_000 }] : [];
    return [
      prediction,
      ...copies,
      { kind: "label", id: `e${i}`, timestamp: timestamp + 600_000, label: i % 3 === 0 ? 1 : 0 },
    ];
  });

const DAY = 24 * HOUR;
const PER_DAY = 100;
const DAYS = 10;
const draw = uniform(3);
const vector = (shift: number) => Array.from({ length: 6 }, (_, at) => draw() + Math.sin(at) + shift);
const drawn = (shift: number) => ({ x: draw() + shift, region: draw() < 0.5 ? "north" : "south" });
const rowsFor = (shift: number) =>
  Array.from({ length: 1500 }, (_, i) => ({
    timestamp: new Date(T0 - (1500 - i) * 60_000).toISOString(),
    prediction: i % 2,
    ...drawn(shift),
    embedding: vector(shift),
  }));
const WINDOWS = ["1d", "150 events"];
const plain = {
  task: "binary",
  pane: "6h",
  windows: WINDOWS,
  min_rows: 20,
  label_horizon: "2d",
  kpis: ["accuracy"],
  false_alarms: "off",
};
const was = {
  ...plain,
  reference: {
    file: await referenceFile(
      "narrow.ndjson",
      rowsFor(0).map(({ embedding: _embedding, ...row }) => row),
    ),
  },
  detectors: ["total-variation"],
};
const is = {
  ...plain,
  reference: { file: await referenceFile("wide-1.ndjson", rowsFor(0)), trailing: { length: "5d", lag: "1d" } },
  references: { "2": { file: await referenceFile("wide-2.ndjson", rowsFor(1)) } },
  detectors: ["jensen-shannon", "volume", { use: "label-delay", min_rows: 20 }],
  segments: ["region"],
};
/** Two versions beside each other, whose values drift; the vector is kept aside while no reference has it. */
const past = Array.from({ length: DAYS * PER_DAY }, (_, i): WrittenEvent[] => {
  const timestamp = T0 - 20 * DAY + i * (DAY / PER_DAY);
  const shift = (i % 2) + i / (DAYS * PER_DAY);
  const features = { ...drawn(shift), embedding: vector(shift) };
  return [
    {
      kind: "prediction",
      id: `r${i}`,
      version: `${1 + (i % 2)}`,
      timestamp,
      prediction: i % 3 === 0 ? 1 : 0,
      features,
    },
    ...(i % 10 === 0 ? [] : [{ kind: "label", id: `r${i}`, timestamp: timestamp + 2 * HOUR, label: 1 } as const]),
  ];
}).flat();

const OWN = new Set(["model", "monitor_hash", "revision", "computed_at"]);
const comparable = (rows: readonly MetricRow[]): string[] =>
  rows
    .map((row) => JSON.stringify(Object.entries(row).filter(([column]) => !OWN.has(column))))
    .sort((a, b) => (a < b ? -1 : 1));
/** Says what differs, and not all that there is. */
function assertSame(found: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter((row) => !found.includes(row));
  const more = found.filter((row) => !expected.includes(row));
  assert.deepEqual({ missing: missing.slice(0, 5), more: more.slice(0, 5) }, { missing: [], more: [] });
  assert.equal(found.length, expected.length);
}
const rowsOf = async (
  model: { rows: (window: string) => Promise<MetricRow[]> },
  windows = ["30m", "100 events"],
): Promise<MetricRow[]> => (await Promise.all(windows.map((window) => model.rows(window)))).flat();

/** A model with a past under `before` that is `changed` now. */
const changedModel = (name: string) => modelWithPast(name, { ...shared, ...before }, { ...shared, ...changed });

async function modelWithPast(name: string, was: object, is: object, past = events(0, 500)) {
  const old = await scene({ ...was, name });
  await old.write(past, 0);
  await old.evaluation.run({ final: true });
  const prepared = await prepareModel(lane, modelConfig({ ...is, name }), clock);
  const evaluation = createEvaluation({ store, models: [prepared], clock });
  await evaluation.run();
  return { ...old, prepared, evaluation };
}

const partsOf = (
  { prepared, evaluation }: { prepared: PreparedModel; evaluation: ReturnType<typeof createEvaluation> },
  other: Partial<RebuildParts> = {},
): RebuildParts => ({
  store,
  clock,
  prepare: () => Promise.resolve(prepared),
  between: (work) => evaluation.between(prepared.config.name, work),
  rowsAtOnce: 300,
  ...other,
});
const request = (model: string) => ({
  model,
  from_at: null,
  to_at: null,
  owner: "ana",
  reason: "the reference was of 2024",
});

async function freshRows(name: string, is: object, past = events(0, 500), windows?: string[]): Promise<MetricRow[]> {
  const model = await scene({ ...is, name });
  await model.write(past, 0);
  await model.evaluation.run({ final: true });
  return await rowsOf(model, windows);
}
const fresh = async (name: string) => comparable(await freshRows(name, { ...shared, ...changed }));

const count = async (where: ReturnType<typeof sql>) =>
  (await lane.query(sql`SELECT count() AS n FROM ${where}`, z.object({ n: z.number() })))[0]?.n ?? 0;

test("the numbers of a rebuild are those of a fresh store, bit for bit, and the ones before stay in the history", async () => {
  const expected = await fresh("fresh");
  const model = await changedModel("again");
  const old = await rowsOf(model);
  assert.notDeepEqual(comparable(old), expected);

  const rehearsal = await rehearseRebuild(partsOf(model), request("again"));
  assertSame(comparable(await rowsOf(model)), comparable(old));
  assert.equal(rehearsal.rows, expected.length);

  now += 1000;
  const { rebuild, comparison } = await carryOut(partsOf(model), await askRebuild(lane, request("again"), now));
  assert.deepEqual(comparison, rehearsal);
  assertSame(comparable(await rowsOf(model)), expected);
  assert.equal(rebuild.epoch, 2);
  assert.equal(rebuild.rows, expected.length);
  assert.deepEqual(
    (await readRebuilds(lane, "again")).map(({ epoch, state, owner, monitor_hash }) => [
      epoch,
      state,
      owner,
      monitor_hash,
    ]),
    [[2, "done", "ana", model.prepared.monitorHash]],
  );
  const kept = await count(sql`metric_history WHERE model = 'again' AND epoch = 1 AND window IN ('30m', '100 events')`);
  assert.equal(kept, old.length);
  assert.ok(
    (await count(sql`metrics FINAL WHERE model = 'again' AND window = '7m' AND epoch = 1`)) > 0,
    "windows that are configured no more stay",
  );
  const judged = await readChanged(lane, "again", ["jensen-shannon", "accuracy"], new Set(), null);
  assert.deepEqual(
    judged.map(({ window }) => window),
    ["7m"],
    "nothing of it is judged",
  );
});

/** The store, but before the n-th write that begins so nothing is written any more, by any lane, a workspace's included. */
function breakingAt(beginning: string, n: number): { readonly store: Store; broke: () => boolean } {
  let left = n;
  let broken = false;
  const about = (text: string): void => {
    if (!broken && (!text.startsWith(beginning) || --left > 0)) return;
    broken = true;
    throw new Error("the process is gone");
  };
  const breaking = (real: Lane): Lane => ({
    ...real,
    command: async (statement, options) => (about(statement.text), await real.command(statement, options)),
    insertBlock: async (table, columns) => (about(`block ${table}`), await real.insertBlock(table, columns)),
    insertRows: async (table, rows) => (about(`rows ${table}`), await real.insertRows(table, rows)),
  });
  const wrapped = (real: Store): Store => ({
    ...real,
    lane: (name) => breaking(real.lane(name)),
    beside: async (database) => wrapped(await real.beside(database)),
  });
  return { store: wrapped(store), broke: () => broken };
}

test("cut off at any point, a rebuild goes on and nothing is doubled", async () => {
  const expected = await fresh("whole");
  const model = await changedModel("cut");
  const old = await rowsOf(model);
  const asked = await askRebuild(lane, request("cut"), now);
  await assert.rejects(askRebuild(lane, request("cut"), now), /is being computed again already/);
  const cuts = [
    ["block metrics", 2],
    // Of two months the second is not written, then what was replaced not deleted, then not written down that it is done.
    ["INSERT INTO metrics (", 2],
    ["DELETE FROM metrics WHERE model = 'cut' AND window IN", 1],
    ["rows rebuilds", 1],
  ] as const;
  for (const [beginning, n] of cuts) {
    const { store: breaking, broke } = breakingAt(beginning, n);
    await assert.rejects(carryOut(partsOf(model, { store: breaking }), asked), /the process is gone/);
    assert.ok(broke());
  }
  await carryOut(partsOf(model), asked);
  assertSame(comparable(await rowsOf(model)), expected);
  assert.equal(await count(sql`metric_history WHERE model = 'cut' AND epoch = 2`), expected.length);
  assert.equal(await count(sql`metric_history WHERE model = 'cut' AND epoch = 1 AND window != '7m'`), old.length);
  assert.deepEqual(
    (await readRebuilds(lane, "cut")).map(({ epoch, state }) => [epoch, state]),
    [[2, "done"]],
  );
  assert.equal(await count(sql`system.databases WHERE startsWith(name, 'driftline_rebuild_')`), 0);
});

test("a part of the past alone is replaced, and what comes after is of the new epoch", async () => {
  const model = await changedModel("part");
  const old = await rowsOf(model);
  const [from_at, to_at] = [T0 + 2 * HOUR, T0 + 6 * HOUR];
  now += 1000;
  const rebuilder = createRebuilder({
    store,
    clock,
    log: { info() {}, error() {} },
    evaluation: model.evaluation,
    models: () => [model.prepared],
    evaluates: true,
  });
  const body = { model: "part", owner: "ana", reason: "", from: from_at, to: to_at };
  const rehearsed = rebuildReportSchema.parse(await rebuilder.ask({ ...body, dry_run: true }));
  assert.deepEqual([rehearsed.state, rehearsed.epoch], ["rehearsed", null]);
  const report = rebuildReportSchema.parse(await rebuilder.ask({ ...body, dry_run: false }));
  assert.deepEqual(report.comparison, rehearsed.comparison);
  assert.match(textOf(report), /^Computed again on \d{4}-\d\d-\d\d, as ana asked: epoch 2\.\n/);
  const [rebuild] = await readRebuilds(lane, "part");
  assert.ok(rebuild !== undefined);
  await assert.rejects(rebuilder.ask({ ...body, model: "other", dry_run: false }), /there is no model other/);
  await rebuilder.stop();
  const isWithin = ({ window_start, window_end }: MetricRow) => window_start >= from_at && window_end <= to_at;
  const found = await rowsOf(model);
  assert.deepEqual(comparable(found.filter((row) => !isWithin(row))), comparable(old.filter((row) => !isWithin(row))));
  assert.ok(found.filter(isWithin).every(({ monitor_hash }) => monitor_hash === model.prepared.monitorHash));
  assert.ok(rebuild.first_at >= from_at && rebuild.last_at <= to_at);

  const later: WrittenEvent[] = Array.from({ length: 90 }, (_, i) => ({
    kind: "prediction",
    id: `l${i}`,
    version: "2",
    timestamp: T0 + 20 * HOUR + i * 60_000,
    prediction: 1,
    features: { x: 3 },
  }));
  // One of the past.
  const late: WrittenEvent = { ...later[0], kind: "prediction", id: "late", timestamp: T0 + 4 * HOUR };
  await model.write([...later, late], 5000);
  await model.evaluation.run({ final: true });
  assert.ok(
    (await count(
      sql`metrics FINAL WHERE model = 'part' AND epoch = 2 AND NOT rebuilt AND window_start >= fromUnixTimestamp64Milli(${T0 + 19 * HOUR})`,
    )) > 0,
  );
  const judged = await readChanged(lane, "part", ["jensen-shannon"], new Set(), now);
  const drift = judged.find(({ window }) => window === "30m");
  assert.ok((drift?.since ?? 0) > T0 + 4 * HOUR, "a late event among them does not have the past judged again");
});

test("all that a model has is computed again: versions' references, trailing ones, vectors, label delay, KPIs by segment", async () => {
  const rows = await freshRows("fresh-all", is, past, WINDOWS);
  const has = (what: string, wanted: (row: MetricRow) => boolean) => assert.ok(rows.some(wanted), what);
  has("vectors", ({ subject, status }) => subject === "embedding.distance" && status === "ok");
  has("label delay", ({ metric, status }) => metric === "label-delay" && status === "ok");
  has("KPIs by segment", ({ metric, segment }) => metric === "accuracy" && segment === "region=north");
  has("trailing references", ({ detail }) => detail.includes('"trailing":"t'));
  assert.equal(new Set(rows.map(({ reference_id }) => reference_id)).size, 2, "versions' references");

  const model = await modelWithPast("all", was, is, past);
  const trailing = (name: string) =>
    lane.query(
      sql`SELECT asked, toString(step) AS step, reference_id, rows, reference_id IN (SELECT reference_id FROM \`references\` WHERE model = ${name}) AS known
        FROM trailing_references FINAL WHERE model = ${name} ORDER BY asked, step`,
      z.object({ asked: z.string(), step: z.string(), reference_id: z.string(), rows: z.number(), known: z.number() }),
    );
  now += 1000;
  const parts = partsOf(model, {
    async between(work) {
      assert.deepEqual(await trailing("all"), [], "nothing is written while it is computed");
      return await model.evaluation.between("all", work);
    },
  });
  await carryOut(parts, await askRebuild(lane, request("all"), now));
  assertSame(comparable(await rowsOf(model, WINDOWS)), comparable(rows));
  // What comes late is compared with the same.
  const made = await trailing("all");
  assert.ok(made.some(({ known }) => known === 1));
  assert.deepEqual(made, await trailing("fresh-all"));

  // Of a KPI by segment too nothing is judged again, but for what a label changes; the newest window is still open to it.
  const judged = () => readChanged(lane, "all", ["accuracy"], new Set(["accuracy"]), null);
  assert.deepEqual(await judged(), []);
  const last = past.findLast(({ id }) => id === `r${DAYS * PER_DAY - 10}`);
  assert.ok(last !== undefined);
  await model.write([{ kind: "label", id: last.id, timestamp: last.timestamp + 3 * HOUR, label: 0 }], past.length);
  await model.evaluation.run({ final: true });
  const [first, ...more] = (await judged()).filter(({ window }) => window === "1d");
  assert.deepEqual(more, []);
  assert.equal(first?.since, Math.floor(last.timestamp / DAY) * DAY);
});
