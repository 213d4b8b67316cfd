/**
 * A trailing reference: windows are compared with the events some time before them, whatever the batches and the restarts; a change is found
 * and becomes the normal in time. The page tier keeps to the fixed reference, and its evidence is untouched, bit for bit.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { z } from "zod";
import type { MetricRow } from "../../src/core/metric.ts";
import { comparedSubjects, comparedSummary } from "../../src/evaluate/accepted/compared-subject.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const DAYS = 12;
const CHANGE = 6;
const PER_DAY = 960;
const clock = { now: () => T0 + 20 * DAY, sleep: () => Promise.resolve() };
const WINDOWS = ["6h", "480 events"];

const draw = uniform(5);
const features = (level: number, random: () => number) => ({
  size: level + random(),
  colour: random() < 0.6 ? "red" : "blue",
});
const referenceRows = Array.from({ length: 4000 }, (_, index) => ({
  timestamp: new Date(T0 - (4000 - index) * 60_000).toISOString(),
  prediction: index % 2,
  ...features(0, draw),
}));
const events = Array.from({ length: DAYS * PER_DAY }, (_, index): WrittenEvent => {
  const timestamp = T0 + index * (DAY / PER_DAY);
  const level = timestamp >= T0 + CHANGE * DAY ? 1 : 0;
  return {
    kind: "prediction",
    id: `e${index}`,
    version: "1",
    timestamp,
    prediction: index % 2,
    features: features(level, draw),
  };
});

describe("a trailing reference", () => {
  let stage: Awaited<ReturnType<typeof openStage>>;
  let file = "";
  const trailing = { length: "3d", lag: "1d" };
  before(async () => {
    stage = await openStage(clock);
    file = await stage.referenceFile("fixed.ndjson", referenceRows);
    await run("fixed", { file });
    await run("once", { file, trailing });
    await run("restarted", { file, trailing }, 2500);
  });
  after(() => stage.close());

  const configOf = (name: string, reference: Readonly<Record<string, unknown>>) =>
    modelConfig({
      task: "binary",
      pane: "1h",
      windows: WINDOWS,
      anchor: "never",
      min_rows: 50,
      detectors: ["jensen-shannon", "volume"],
      name,
      reference,
    });

  /** `batch`: events after each of which everything begins anew from the store. */
  async function run(name: string, reference: Readonly<Record<string, unknown>>, batch = events.length) {
    const { lane, store } = stage;
    const config = configOf(name, reference);
    for (let at = 0; at < events.length; at += batch) {
      const prepared = await prepareModel(lane, config, clock);
      const evaluation = createEvaluation({ store, models: [prepared], clock });
      await writeBatch(lane, config, prepared.schema, events.slice(at, at + batch), { source: name, offset: at });
      await evaluation.run({ final: at + batch >= events.length });
    }
  }

  const rowsOf = async (model: string, window: string): Promise<MetricRow[]> =>
    (await readMetrics(stage.lane, { model, window, where: sql`true` })).sort(
      (a, b) => a.window_start - b.window_start,
    );
  const comparable = (rows: readonly MetricRow[]) =>
    rows
      .map(({ revision: _revision, computed_at: _at, model: _model, monitor_hash: _hash, ...row }) =>
        JSON.stringify(row),
      )
      .sort();
  const sizes = async (model: string, window: string, from: number, to: number) =>
    (await rowsOf(model, window)).filter(
      ({ metric, subject, window_start }) =>
        metric === "jensen-shannon" &&
        subject === "size" &&
        window_start >= T0 + from * DAY &&
        window_start < T0 + to * DAY,
    );
  const referencesOf = (rows: readonly MetricRow[]) =>
    new Set(rows.map(({ detail }) => z.looseObject({ trailing: z.string() }).parse(JSON.parse(detail)).trailing));

  for (const window of WINDOWS) {
    it(`windows of ${window}: finds a change, which is the normal once the reference has moved past it`, async () => {
      assert.ok((await sizes("fixed", window, CHANGE, DAYS)).every(({ breached }) => breached));
      assert.ok((await sizes("once", window, 2, CHANGE)).every(({ breached, status }) => !breached && status === "ok"));
      const found = await sizes("once", window, CHANGE, CHANGE + 2);
      assert.ok(found.length >= 4 && found.every(({ breached }) => breached));
      // From day 10 on the reference is of days 6 to 9 alone.
      const late = await sizes("once", window, CHANGE + 4, DAYS);
      assert.ok(late.length >= 4 && late.every(({ breached, status }) => !breached && status === "ok"));
      assert.equal(referencesOf(late).size, 2, "one a day");
      const first = await sizes("once", window, 0, 1);
      assert.ok(
        first.length > 0 &&
          first.every(
            ({ status, detail }) => status === "insufficient" && detail.includes("0 events lie in the time before"),
          ),
      );
    });

    it(`windows of ${window}: the same in batches with a restart after each`, async () => {
      const expected = comparable(await rowsOf("once", window));
      assert.ok(expected.length > 50);
      assert.deepEqual(comparable(await rowsOf("restarted", window)), expected);
    });
  }

  it("leaves the page tier to the fixed reference", async () => {
    const evidence = (model: string) =>
      stage.lane.query(
        sql`SELECT metric, subject, toString(window_start) AS start, value, breached, finding FROM evidence FINAL WHERE model = ${model} ORDER BY metric, subject, start`,
        z.looseObject({ subject: z.string(), breached: z.boolean() }),
      );
    const expected = await evidence("fixed");
    assert.ok(expected.some(({ subject, breached }) => subject === "size" && breached));
    assert.deepEqual(await evidence("once"), expected);
  });

  it("is what pictures and causes of a window compare with, and not those of the page tier", async () => {
    const prepared = await prepareModel(stage.lane, configOf("once", { file, trailing }), clock);
    const series = { version: "1", variant: "" };
    const start = T0 + 10 * DAY;
    const find = await comparedSubjects(stage.lane, prepared, true);
    const compared = await find({ subjectKind: "feature", subject: "size" }, series, start);
    assert.ok(compared !== null && compared.reference.minimum >= 1 && !compared.isReference);
    const counted = await comparedSummary(stage.lane, compared, series, "1h", { from: start, to: start + 6 * HOUR });
    assert.equal(counted?.n, PER_DAY / 4);
    const [window] = await sizes("once", "480 events", 10, DAYS);
    const at = window?.window_start ?? 0;
    assert.equal((await comparedSummary(stage.lane, compared, series, "480 events", { from: at, to: at + 1 }))?.n, 480);
    const ofPages = await comparedSubjects(stage.lane, prepared, false);
    assert.ok((await ofPages({ subjectKind: "feature", subject: "size" }, series, start))?.isReference);
  });

  it("compares a window that a late event changes with the reference that it had", async () => {
    const config = configOf("once", { file, trailing });
    const prepared = await prepareModel(stage.lane, config, clock);
    const [before] = await sizes("once", "6h", CHANGE - 1, CHANGE);
    const late: WrittenEvent = {
      kind: "prediction",
      id: "late",
      version: "1",
      timestamp: T0 + (CHANGE - 1) * DAY + 1,
      prediction: 1,
      features: { size: 0.5, colour: "red" },
    };
    await writeBatch(stage.lane, config, prepared.schema, [late], { source: "once", offset: events.length });
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run({ final: true });
    const [now] = await sizes("once", "6h", CHANGE - 1, CHANGE);
    assert.ok(before !== undefined && now !== undefined);
    assert.equal(now.n, before.n + 1);
    assert.deepEqual(referencesOf([now]), referencesOf([before]));
    assert.ok(Math.abs((now.value ?? 1) - (before.value ?? 0)) < 0.02);
  });
});
