/** Windows of days by the clocks of a time zone, on the embedded engine, whose own time zones say what the rows must be. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { Clock } from "../../src/core/clock.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { readMetrics } from "../../src/evaluate/metric-writer.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { predictionsTable } from "../../src/store/model-tables.ts";
import { name, sql } from "../../src/store/sql.ts";
import { findRow, openStage } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent, writeBatch } from "../support/event-writer.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const clock: Clock = { now: () => Date.parse("2026-12-01T00:00:00Z"), sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());
const { lane } = stage;

const at = (text: string) => Date.parse(text);

/** One prediction every 20 minutes, right but in the first hour of each day in UTC, with its label at once. */
function stream(from: number, to: number): WrittenEvent[] {
  const events: WrittenEvent[] = [];
  for (let timestamp = from; timestamp < to; timestamp += HOUR / 3) {
    const id = `${timestamp}`;
    const isWrong = timestamp % DAY < HOUR;
    events.push({ kind: "prediction", id, timestamp, prediction: 1, features: { x: (timestamp / HOUR) % 7 } });
    events.push({ kind: "label", id, timestamp: timestamp + 1000, label: isWrong ? 0 : 1 });
  }
  return events;
}

/** What the engine counts by its own knowledge of the time zone: start of the window to events and the share that is right. */
async function expected(model: string, timezone: string, window: "1d" | "7d") {
  const local =
    window === "1d" ? sql`toStartOfDay(timestamp, ${timezone})` : sql`toStartOfWeek(timestamp, 1, ${timezone})`;
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp(toDateTime(${local}, ${timezone})) * 1000 AS start, count() AS n,
        avg(toUnixTimestamp64Milli(timestamp) % ${DAY} >= ${HOUR}) AS right
      FROM ${name(predictionsTable(model))} GROUP BY start ORDER BY start`,
    z.object({ start: z.number(), n: z.number(), right: z.number() }),
  );
  assert.ok(rows.length > 2);
  return rows;
}

const byStart = (rows: readonly MetricRow[], metric: string) =>
  rows.filter((row) => row.metric === metric).sort((a, b) => a.window_start - b.window_start);

const detectors = ["volume", "duplicate-rate", "freshness", "total-variation"];
const base = { task: "binary", pane: "1m", windows: ["1d", "7d"], kpis: ["accuracy"], min_rows: 10, detectors };

test("rows of local days are those that a direct count gives, in zones of all kinds, run by run as at once", async () => {
  const file = await stage.referenceFile(
    "reference.ndjson",
    Array.from({ length: 2100 }, (_, index) => ({ x: (index / 3) % 7 })),
  );
  for (const [index, [timezone, changed]] of (
    [
      ["Europe/Berlin", "2026-03-29"],
      ["Europe/Berlin", "2026-10-25"],
      ["America/New_York", "2026-03-08"],
      ["America/New_York", "2026-11-01"],
      ["Asia/Kolkata", "2026-03-08"],
      ["Australia/Lord_Howe", "2026-04-05"],
    ] as const
  ).entries()) {
    const model = `days-${index}`;
    const scene = await stage.scene({ ...base, name: model, timezone, reference: { file } });
    const middle = at(`${changed}T11:00:00Z`);
    const events = stream(middle - 10 * DAY, middle + 9 * DAY);
    const half = Math.floor(events.length / 4) * 2 + 6;
    await scene.write(events.slice(0, half), 0);
    await scene.evaluation.run();
    await scene.write(events.slice(half), 100_000);
    await scene.evaluation.run({ final: true });
    for (const window of ["1d", "7d"] as const) {
      const rows = await scene.rows(window);
      const wanted = await expected(model, timezone, window);
      for (const metric of ["volume", "total-variation", "accuracy"])
        assert.deepEqual(
          byStart(rows, metric)
            .filter(({ subject }) => subject !== "prediction")
            .map(({ window_start, n }) => [window_start, n]),
          wanted.map(({ start, n }) => [start, n]),
          `${metric} of ${window} in ${timezone}`,
        );
      for (const { start, n, right } of wanted)
        assert.equal(findRow(rows, start, "accuracy").value, n < base.min_rows ? null : right);
      const starts = [...new Set(rows.map((row) => row.window_start))].sort((a, b) => a - b);
      for (const row of rows)
        assert.equal(row.window_end, starts.find((start) => start > row.window_start) ?? row.window_end);
    }
    const days = await scene.rows("1d");
    // A day an hour shorter than the one before, and than the same weekday before that, is no change of the volume.
    const around = byStart(days, "volume").filter(({ window_start }) => Math.abs(window_start - middle) < 3 * DAY);
    assert.ok(around.length >= 5 && around.every(({ breached }) => !breached));
    for (const row of byStart(days, "duplicate-rate").slice(1, -1)) assert.equal(row.value, 0);
    assert.deepEqual(await scene.evaluation.run({ final: true }), [], "a second run changes nothing");
    const again = createEvaluation({ store: stage.store, models: [scene.prepared], clock });
    assert.deepEqual(await again.run({ final: true }), [], "nor does one after a restart");
  }
});

test("days without events between others get rows, and a late event changes its local day alone", async () => {
  const scene = await stage.scene({ ...base, name: "gaps", timezone: "Europe/Berlin", windows: ["1d"] });
  const silent = (timestamp: number) =>
    timestamp >= at("2026-03-27T23:00:00Z") && timestamp < at("2026-03-30T22:00:00Z");
  const events = stream(at("2026-03-25T23:00:00Z"), at("2026-04-02T22:00:00Z"));
  await scene.write(
    events.filter(({ timestamp }) => !silent(timestamp)),
    0,
  );
  await scene.evaluation.run({ final: true });
  const days = async () => byStart(await scene.rows("1d"), "volume").map((row) => [row.window_start, row.n]);
  const begun = ["26T23", "27T23", "28T23", "29T22", "30T22"].map((text) => at(`2026-03-${text}:00:00Z`));
  assert.deepEqual(
    (await days()).slice(1, 6),
    [72, 0, 0, 0, 72].map((n, index) => [begun[index], n]),
  );
  const late = at("2026-03-29T21:59:59Z");
  await scene.write([{ kind: "prediction", id: "late", timestamp: late, prediction: 1, features: {} }], 50_000);
  await scene.evaluation.run({ final: true });
  assert.deepEqual(
    (await days()).slice(1, 6),
    [72, 0, 1, 0, 72].map((n, index) => [begun[index], n]),
  );
});

test("another time zone begins an epoch: closed days stay as they were, and there and back is none again", async () => {
  const config = (timezone: string) => modelConfig({ ...base, name: "moved", timezone, windows: ["1h", "1d"] });
  const prepared = await prepareModel(lane, config("UTC"), clock);
  const write = (from: string, to: string, offset: number) =>
    writeBatch(lane, prepared.config, prepared.schema, stream(at(from), at(to)), { source: "moved", offset });
  const evaluation = createEvaluation({ store: stage.store, models: [prepared], clock });
  const rowsOf = (window: string) => readMetrics(lane, { model: "moved", window, where: sql`true` });
  const days = async () =>
    byStart(await rowsOf("1d"), "volume").map((row) => [
      new Date(row.window_start).toISOString().slice(5, 13),
      row.n,
      row.revision,
    ]);
  await write("2026-03-25T00:00:00Z", "2026-03-27T12:00:00Z", 0);
  await evaluation.run();
  const closed = [
    ["03-25T00", 72, 1],
    ["03-26T00", 72, 1],
  ];
  assert.deepEqual(await days(), closed);
  const berlin = await prepareModel(lane, config("Europe/Berlin"), clock);
  assert.notEqual(berlin.monitorHash, prepared.monitorHash);
  evaluation.replace(berlin);
  await evaluation.run();
  await write("2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z", 10_000);
  await evaluation.run();
  const local = [
    ["03-26T23", 72, 1],
    ["03-27T23", 72, 1],
    ["03-28T23", 69, 1],
  ];
  assert.deepEqual(await days(), [...closed, ...local]);
  evaluation.replace(prepared);
  await write("2026-03-30T12:00:00Z", "2026-04-01T00:00:00Z", 20_000);
  await evaluation.run({ final: true });
  const back = [
    ["03-29T00", 72, 1],
    ["03-30T00", 72, 1],
    ["03-31T00", 72, 1],
  ];
  assert.deepEqual(await days(), [...closed, ...local, ...back]);
  assert.equal(byStart(await rowsOf("1h"), "volume").length, 7 * 24, "hours are the same in all zones");
  const restarted = createEvaluation({ store: stage.store, models: [prepared], clock });
  assert.deepEqual(await restarted.run({ final: true }), []);
});
