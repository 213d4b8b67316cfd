/** The page tier on the embedded engine: from events to evidence and incidents, across restarts and changes of the configuration. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { readIncidents } from "../../src/alert/alert-store.ts";
import type { IncidentChange } from "../../src/core/incident.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 200 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const SHARES = { red: 0.5, green: 0.3, blue: 0.2 };
const MOVED = { red: 0.25, green: 0.3, blue: 0.45 };
const PER_HOUR = 400;

function colour(shares: Readonly<Record<string, number>>, draw: () => number): string {
  let at = draw();
  for (const [name, share] of Object.entries(shares)) {
    if (at < share) return name;
    at -= share;
  }
  return "blue";
}

const draw = uniform(11);
const reference = Array.from({ length: 20_000 }, (_, index) => ({
  timestamp: new Date(T0 - (20_000 - index) * 120_000).toISOString(),
  colour: colour(SHARES, draw),
  size: draw(),
}));
const file = await stage.referenceFile("reference.ndjson", reference);
const base = { task: "binary", pane: "1h", windows: ["1h"], detectors: ["volume"], reference: { file } };

/** Predictions of hours `from` to `to`; colours move from hour 30 to 50. */
function hours(from: number, to: number, version = "1"): WrittenEvent[] {
  const draws = uniform(100 + from);
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => {
    const hour = from + Math.floor(index / PER_HOUR);
    return {
      kind: "prediction" as const,
      id: `${version}-${from}-${index}`,
      version,
      timestamp: T0 + from * HOUR + index * (HOUR / PER_HOUR),
      prediction: 0,
      features: { colour: colour(hour >= 30 && hour < 50 ? MOVED : SHARES, draws), size: draws() },
    };
  });
}

const evidenceRow = z.object({
  subject: z.string(),
  version: z.string(),
  metric: z.string(),
  start: z.number(),
  value: z.number().nullable(),
  breached: z.boolean(),
  alarmed: z.boolean(),
  onset: z.number().nullable(),
  finding: z.string(),
});
const evidence = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, version, metric, toUnixTimestamp64Milli(window_start) AS start, value, breached, alarmed, toUnixTimestamp64Milli(onset) AS onset, finding
      FROM evidence FINAL WHERE model = ${model} ORDER BY metric, subject, version, window_start`,
    evidenceRow,
  );

const sixHours = Array.from({ length: 12 }, (_, index) => [index * 6, index * 6 + 6] as const);

async function writeAll(scene: Scene, run: () => Promise<unknown>): Promise<void> {
  for (const [from, to] of sixHours) {
    await scene.write(hours(from, to), from * PER_HOUR);
    await run();
  }
}

test("a change is one incident with its onset and what has changed, and ends after it has gone back", async () => {
  const scene = await stage.scene({ ...base, name: "shop" });
  const { alerting } = createAlertStation(stage.store, { models: [{ ...base, name: "shop" }] }, { clock });
  const changes: IncidentChange[] = [];
  await writeAll(scene, async () => {
    await scene.evaluation.run({});
    changes.push(...(await alerting.process("shop")));
  });
  assert.deepEqual(
    changes.filter(({ kind }) => kind !== "amended").map(({ kind }) => kind),
    ["opened", "resolved"],
  );
  const opened = changes[0]?.incident;
  assert.equal(opened?.window, "page tier");
  assert.equal(opened?.severity, "ticket");
  assert.match(
    opened?.title ?? "",
    /^shop: colour \(version 1\) has changed since 2026-03-03 0[67]:00 UTC: the share of (red fell from 50|blue rose from 20)\.\d % to \d+\.\d %$/,
  );
  const ended = changes.at(-1)?.incident;
  assert.equal(ended?.title, "shop: colour (version 1) is as in the reference again");
  assert.ok((ended?.resolved_at ?? 0) > T0 + 50 * HOUR && (ended?.resolved_at ?? 0) < T0 + 60 * HOUR);

  const rows = await evidence("shop");
  const told = rows.filter(({ metric, alarmed }) => metric === "model-evidence" && alarmed);
  assert.equal(told.length, 1);
  assert.ok(rows.every(({ subject, alarmed }) => subject !== "size" || !alarmed));
});

test("evaluated at once, or with a restart after every batch, the evidence is the same", async () => {
  const whole = await stage.scene({ ...base, name: "whole" });
  for (const [from, to] of sixHours) await whole.write(hours(from, to), from * PER_HOUR);
  await whole.evaluation.run({ final: true });
  const pieces = await stage.scene({ ...base, name: "pieces" });
  await writeAll(pieces, async () => {
    const config = modelConfig({ ...base, name: "pieces" });
    const prepared = await prepareModel(stage.lane, config, clock);
    // What is stored of the reference gives the plan that measuring it gave.
    assert.equal(prepared.pageTier?.planId, pieces.prepared.pageTier?.planId);
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
  });
  await pieces.evaluation.run({ final: true });
  const [one, other] = [await evidence("whole"), await evidence("pieces")];
  assert.ok(one.length >= 72 && one.some(({ breached }) => breached));
  assert.deepEqual(other, one);
});

test("a changed budget begins at the present: what was told is not told again, and what has changed goes on and ends", async () => {
  const first = await stage.scene({ ...base, name: "epochs" });
  for (const [from, to] of sixHours.slice(0, 7)) await first.write(hours(from, to), from * PER_HOUR);
  await first.evaluation.run({});
  const before = await evidence("epochs");
  assert.ok(before.some(({ breached }) => breached));
  const second = await stage.scene({ ...base, name: "epochs", false_alarms: "1 per 90d", ignore_below: 0.05 });
  assert.notEqual(second.prepared.pageTier?.planId, first.prepared.pageTier?.planId);
  await second.evaluation.run({});
  assert.deepEqual(await evidence("epochs"), before);
  for (const [from, to] of sixHours.slice(7)) await second.write(hours(from, to), from * PER_HOUR);
  await second.evaluation.run({});
  const rows = await evidence("epochs");
  assert.equal(rows.filter(({ metric, alarmed }) => metric === "model-evidence" && alarmed).length, 1);
  const last = rows.filter(({ metric, subject }) => metric === "evidence" && subject === "colour").at(-1);
  assert.equal(last?.breached, false);
});

test("with the budget off nothing is written, and a reference without times is told of", async () => {
  const off = await stage.scene({ ...base, name: "off", false_alarms: "off" });
  await off.write(hours(0, 6), 0);
  await off.evaluation.run({});
  assert.deepEqual(await evidence("off"), []);
  const timeless = await stage.referenceFile(
    "timeless.ndjson",
    reference.slice(0, 2000).map(({ colour: value }) => ({ colour: value })),
  );
  const scene = await stage.scene({ ...base, name: "timeless", reference: { file: timeless } });
  assert.ok(scene.prepared.warnings.some((warning) => /no column of event times/.test(warning)));
});

test("a KPI that falls pages once its labels are complete, and recovers", async () => {
  const kpis = [{ use: "accuracy", min: 0.8 }];
  const scene = await stage.scene({ ...base, name: "kpi", kpis });
  const { alerting } = createAlertStation(stage.store, { models: [{ ...base, name: "kpi", kpis }] }, { clock });
  const draws = uniform(77);
  let offset = 0;
  for (const [from, to] of sixHours) {
    const predictions = hours(from, to);
    const bad = from >= 24 && from < 36 ? 0.4 : 0.1;
    const labels = predictions.map(
      ({ id, timestamp }): WrittenEvent => ({
        kind: "label",
        id,
        timestamp: timestamp + HOUR / 2,
        label: draws() < bad ? 1 : 0,
      }),
    );
    await scene.write([...predictions, ...labels], offset);
    offset += 2 * predictions.length;
    await scene.evaluation.run({});
    await alerting.process("kpi");
  }
  const incidents = (await readIncidents(stage.lane)).filter(({ model }) => model === "kpi");
  assert.equal(incidents[0]?.severity, "page");
  const member = incidents.flatMap(({ members }) => members).find(({ metric }) => metric === "kpi-evidence");
  assert.equal(member?.subject, "accuracy");
  assert.equal(member?.onset, T0 + 24 * HOUR);
  assert.match(member?.finding ?? "", /^fell to 0\.[56]\d*, below its limit 0\.8$/);
  assert.equal(member?.firing, false);
});
