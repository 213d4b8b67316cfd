/**
 * Two versions served at the same time, each with a reference of its own: the numbers of each are those of a model that has this version and
 * this reference alone, bit for bit, whatever the batches and the restarts, and none alarms.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const PER_HOUR = 120;
const clock = { now: () => T0 + 100 * HOUR, sleep: () => Promise.resolve() };
const WINDOWS = ["1h", "200 events"];

const SHARES: Readonly<Record<string, readonly number[]>> = { "7": [0.6, 0.3, 0.1], "8": [0.2, 0.3, 0.5] };
const COLOURS = ["red", "green", "blue"];

/** What a version sees: its own mix of colours, sizes of its own scale, and a feature that the other does not know. */
function features(version: string, draw: () => number): Record<string, unknown> {
  const at = draw();
  const [red = 0, green = 0] = SHARES[version] ?? [];
  const colour = COLOURS[at < red ? 0 : at < red + green ? 1 : 2];
  const region = draw() < 0.5 ? "north" : "south";
  const size = draw() * (version === "8" ? 3 : 1);
  return { colour, region, size, ...(version === "8" ? { age: draw() } : {}) };
}

const referenceRows = (version: string, rows = 6000) => {
  const draw = uniform(Number(version));
  return Array.from({ length: rows }, (_, index) => ({
    timestamp: new Date(T0 - (rows - index) * 60_000).toISOString(),
    prediction: index % 2,
    label: index % 10 === 0 ? 1 - (index % 2) : index % 2,
    ...features(version, draw),
  }));
};

/** Of the hours of a version, with a silence of all in hours 10 to 12; labels come an hour later, every tenth is wrong. */
function events(version: string, from: number, to: number, wrong = 10): WrittenEvent[] {
  const draw = uniform(100 + Number(version));
  const all: WrittenEvent[] = [];
  for (let hour = from; hour < to; hour++) {
    if (hour >= 10 && hour < 13) continue;
    for (let index = 0; index < PER_HOUR; index++) {
      const id = `${version}-${hour}-${index}`;
      const timestamp = T0 + hour * HOUR + index * (HOUR / PER_HOUR);
      const prediction = index % 2;
      all.push({ kind: "prediction", id, version, timestamp, prediction, features: features(version, draw) });
      const label = index % wrong === 0 ? 1 - prediction : prediction;
      all.push({ kind: "label", id, version, timestamp: timestamp + HOUR, label });
    }
  }
  return all;
}

const base = {
  task: "binary",
  pane: "10m",
  windows: WINDOWS,
  anchor: "never",
  min_rows: 50,
  segments: ["region"],
  detectors: ["jensen-shannon", "psi", "volume", { use: "ewma", on: "accuracy", min_values: 3 }],
  kpis: ["accuracy"],
};
const byTime = (all: readonly WrittenEvent[]) => [...all].sort((a, b) => a.timestamp - b.timestamp);
const OLDER = events("7", 0, 18);
const NEWER = events("8", 3, 24);

describe("versions with references of their own", () => {
  let stage: Awaited<ReturnType<typeof openStage>>;
  let files: Record<string, string>;
  before(async () => {
    stage = await openStage(clock);
    files = {
      "7": await stage.referenceFile("7.ndjson", referenceRows("7")),
      "8": await stage.referenceFile("8.ndjson", referenceRows("8")),
    };
    const both = { reference: { file: files["7"] }, references: { "8": { file: files["8"] } } };
    await run("seven", { reference: { file: files["7"] } }, OLDER);
    await run("eight", { reference: { file: files["8"] } }, NEWER);
    await run("together", both, byTime([...OLDER, ...NEWER]));
    await run("restarted", both, byTime([...OLDER, ...NEWER]), 3000);
    const compare = { champion: { version: "7" }, challenger: { version: "8" } };
    await run("compared", { ...both, compare }, byTime([...OLDER, ...events("8", 3, 24, 3)]));
    await run("mixed", { reference: { file: files["8"] } }, byTime([...OLDER, ...NEWER]));
  });
  after(() => stage.close());

  /** `batch`: events of one batch, after each of which everything begins anew from the store; left out: all at once. */
  async function run(
    name: string,
    more: Readonly<Record<string, unknown>>,
    all: readonly WrittenEvent[],
    batch = all.length,
    isLast = true,
    offset = 0,
  ) {
    const { lane, store } = stage;
    const config = modelConfig({ ...base, name, ...more });
    for (let at = 0; at < all.length; at += batch) {
      const prepared = await prepareModel(lane, config, clock);
      const evaluation = createEvaluation({ store, models: [prepared], clock });
      await writeBatch(lane, config, prepared.schema, all.slice(at, at + batch), {
        source: name,
        offset: offset + at,
      });
      await evaluation.run({ final: isLast && at + batch >= all.length });
    }
  }

  const metrics = async (model: string, version: string) => {
    const found: string[] = [];
    for (const window of WINDOWS)
      for (const { revision: _, computed_at: __, model: ___, monitor_hash: ____, ...row } of await readMetrics(
        stage.lane,
        {
          model,
          window,
          where: sql`version = ${version}`,
        },
      ))
        found.push(JSON.stringify(row, Object.keys(row).sort()));
    return found.sort();
  };
  const evidence = async (model: string, version: string) =>
    (
      await stage.lane.query(
        sql`SELECT concat(metric, ' ', subject, ' ', segment, ' ', toString(window_start), ' ', toString(value), ' ', toString(breached), ' ', finding) AS row
          FROM evidence FINAL WHERE model = ${model} AND version = ${version} ORDER BY row`,
        z.object({ row: z.string() }),
      )
    ).map(({ row }) => row);

  for (const name of ["together", "restarted"])
    for (const [version, alone] of [
      ["7", "seven"],
      ["8", "eight"],
    ] as const)
      it(`${name}: version ${version} has the windows and the evidence that it has alone`, async () => {
        const expected = await metrics(alone, version);
        assert.ok(expected.length > 300, `${expected.length} rows`);
        assert.deepEqual(await metrics(name, version), expected);
        const told = await evidence(alone, version);
        assert.ok(told.length > 100, `${told.length} rows`);
        assert.deepEqual(await evidence(name, version), told);
      });

  it("none of the two alarms; against the newer one's reference the older would", async () => {
    const alarms = async (model: string, version: string) =>
      await stage.lane.query(
        sql`SELECT DISTINCT subject FROM evidence FINAL WHERE model = ${model} AND version = ${version} AND breached AND segment = '' AND subject_kind = 'feature' ORDER BY subject`,
        z.object({ subject: z.string() }),
      );
    assert.deepEqual(await alarms("together", "7"), []);
    assert.deepEqual(await alarms("together", "8"), []);
    assert.ok((await alarms("mixed", "7")).some(({ subject }) => subject === "colour"));
    const [breached] = await stage.lane.query(
      sql`SELECT countIf(breached AND version = '7' AND model = 'together') AS own, countIf(breached AND version = '7' AND model = 'mixed') AS other,
        uniqExact(window_start) AS windows FROM metrics FINAL WHERE metric = 'jensen-shannon' AND subject = 'colour' AND window = '1h'`,
      z.object({ own: z.number(), other: z.number(), windows: z.number() }),
    );
    assert.ok((breached?.own ?? 9) <= 1, "but for chance");
    assert.ok((breached?.other ?? 0) >= 15);
  });

  it("a challenger is compared with its champion though each has a reference of its own", async () => {
    const told = (await evidence("compared", "8")).filter((row) => row.includes("accuracy against version 7"));
    assert.ok(
      told.some((row) => row.includes(" true ")),
      told.join("\n"),
    );
    assert.deepEqual(
      (await evidence("compared", "7")).filter((row) => row.includes("against")),
      [],
    );
  });

  it("a version that has its own reference no more is compared with the model's, its events neither lost nor late", async () => {
    const all = byTime([...OLDER, ...NEWER]);
    // Within an hour, and within a window of 200 events.
    const cut = all.findIndex(({ timestamp }) => timestamp > T0 + 15.5 * HOUR);
    const first = { reference: { file: files["7"] }, references: { "8": { file: files["8"] } } };
    await run("widened", first, all.slice(0, cut), cut, false);
    await run("widened", { reference: { file: files["7"] } }, all.slice(cut), all.length, true, cut);
    const [steps] = await stage.lane.query(
      sql`SELECT sum(late) AS late, sum(arraySum(counts)) AS counted FROM steps FINAL
        WHERE model = 'widened' AND subject = 'colour' AND stream = 'missing' AND segment = ''
          AND reference_id = (SELECT any(reference_id) FROM metrics WHERE model = 'seven' AND reference_id != '')`,
      z.object({ late: z.number(), counted: z.number() }),
    );
    const predictions = all.filter(({ kind }) => kind === "prediction").length;
    assert.deepEqual(steps, { late: 0, counted: predictions });
    const windows = await stage.lane.query(
      sql`SELECT window_start, any(n) AS n FROM metrics FINAL
        WHERE model = 'widened' AND version = '8' AND metric = 'psi' AND subject = 'colour' AND window = '1h' GROUP BY window_start HAVING n > 0`,
      z.object({ n: z.number() }),
    );
    assert.ok(windows.length > 15 && windows.every(({ n }) => n === PER_HOUR), JSON.stringify(windows));
  });
});
