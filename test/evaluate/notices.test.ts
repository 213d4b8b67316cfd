/** The notice tier and seasons on the embedded engine: from events and a reference file to what is shown, and that nobody is told. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { normalQuantile } from "../../src/math/normal-quantile.ts";
import { loadSubjectTiers } from "../../src/serve/queries/notices.ts";
import { loadPageTier, pageTierJson } from "../../src/serve/queries/page-tier.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 400 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const base = { task: "binary", pane: "1h", windows: ["1h"], detectors: ["volume"] };
type ValueAt = (hour: number, normal: () => number) => number;

function normals(seed: number): () => number {
  const draw = uniform(seed);
  return () => normalQuantile(Math.max(1e-12, draw()));
}

/** `perHour` rows of each hour of the days before T0. */
function referenceRows(days: number, perHour: number, valueAt: ValueAt, seed: number): readonly unknown[] {
  const normal = normals(seed);
  return Array.from({ length: days * 24 * perHour }, (_, index) => {
    const hour = Math.floor(index / perHour) - days * 24;
    const timestamp = new Date(T0 + hour * HOUR + (index % perHour) * (HOUR / perHour)).toISOString();
    return { timestamp, amount: valueAt(hour, normal), size: normal() };
  });
}

const PER_HOUR = 200;

function events(from: number, to: number, valueAt: ValueAt): WrittenEvent[] {
  const normal = normals(1000 + from);
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => {
    const hour = from + Math.floor(index / PER_HOUR);
    return {
      kind: "prediction" as const,
      id: `${from}-${index}`,
      version: "1",
      timestamp: T0 + from * HOUR + index * (HOUR / PER_HOUR),
      prediction: 0,
      features: { amount: valueAt(hour, normal), size: normal() },
    };
  });
}

const BATCH = 24;

async function writeAll(scene: Scene, hours: number, valueAt: ValueAt, run: () => Promise<unknown>): Promise<void> {
  for (let from = 0; from < hours; from += BATCH) {
    await scene.write(events(from, from + BATCH, valueAt), from * PER_HOUR);
    await run();
  }
}

const rowsOf = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, metric, toUnixTimestamp64Milli(window_start) AS start, value, threshold, breached, alarmed, toUnixTimestamp64Milli(onset) AS onset, finding
      FROM evidence FINAL WHERE model = ${model} ORDER BY metric, subject, window_start`,
    z.object({
      subject: z.string(),
      metric: z.string(),
      start: z.number(),
      value: z.number(),
      threshold: z.number(),
      breached: z.boolean(),
      alarmed: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
    }),
  );

const steady: ValueAt = (_, normal) => normal();
/** 2 % of the events: the page tier ignores it. */
const slightly: ValueAt = (hour, normal) => normal() + (hour >= 48 ? 0.06 : 0);
const flat = await stage.referenceFile("flat.ndjson", referenceRows(14, 60, steady, 1));

test("a slight change is noticed and shown, opens no incident and breaches nothing, also with a restart after every batch", async () => {
  const config = { ...base, name: "slight", reference: { file: flat } };
  const scene = await stage.scene(config);
  assert.match(scene.prepared.notes.join(), /compared with the whole reference at any hour: no daily or weekly rhythm/);
  const { alerting } = createAlertStation(stage.store, { models: [config] }, { clock });
  const changes: unknown[] = [];
  await writeAll(scene, 168, slightly, async () => {
    await scene.evaluation.run({});
    changes.push(...(await alerting.process("slight")));
  });
  await scene.evaluation.run({ final: true });
  changes.push(...(await alerting.process("slight")));
  assert.deepEqual(changes, []);
  const rows = await rowsOf("slight");
  assert.ok(rows.every(({ breached }) => !breached));
  const noticed = rows.filter(({ metric, alarmed }) => metric === "notice" && alarmed);
  const [first] = noticed;
  assert.ok(first !== undefined && first.start > T0 + 48 * HOUR, String(first?.start));
  assert.ok(noticed.every(({ subject }) => subject === "amount"));
  assert.equal(first.finding, "values are higher");
  assert.ok(rows.every(({ metric, alarmed }) => metric.includes("notice") || !alarmed));

  const model = scene.config;
  const series = { model: "slight", version: "1", variant: "" };
  const view = await loadPageTier(stage.lane, model, series);
  assert.equal(view?.alarms, 0);
  assert.ok((view?.notices?.notices ?? 0) >= 1);
  const shown = view?.notices?.subjects.find(({ subject }) => subject === "amount");
  assert.equal(shown?.finding, "values are higher");
  assert.match(view?.notes.join() ?? "", /no daily or weekly rhythm was found in its 14 days/);
  const json = z
    .object({
      notices: z.object({
        budget: z.object({ alarms: z.number(), per_ms: z.number() }),
        subjects: z.array(z.looseObject({ subject: z.string() })),
      }),
    })
    .parse(view === null || view === undefined ? null : pageTierJson(view));
  assert.deepEqual(json.notices.budget, { alarms: 1, per_ms: 7 * 24 * HOUR });
  const tiers = await loadSubjectTiers(stage.lane, model, series, "feature", "amount");
  assert.equal(tiers?.changed, null);
  assert.equal(tiers?.noticed?.since, shown?.noticedSince);

  const pieces = await stage.scene({ ...config, name: "pieces" });
  await writeAll(pieces, 168, slightly, async () => {
    const prepared = await prepareModel(stage.lane, modelConfig({ ...config, name: "pieces" }), clock);
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
  });
  await pieces.evaluation.run({ final: true });
  assert.deepEqual(await rowsOf("pieces"), rows);
});

test("off, there are no notices; turned on later they begin at the present, and the page tier goes on", async () => {
  const config = { ...base, name: "later", reference: { file: flat } };
  const first = await stage.scene({ ...config, notices: "off" });
  await writeAll(first, 96, slightly, () => first.evaluation.run({}));
  const before = await rowsOf("later");
  assert.ok(before.length > 0 && before.every(({ metric }) => !metric.includes("notice")));
  const second = await stage.scene(config);
  assert.equal(second.prepared.pageTier?.planId, first.prepared.pageTier?.planId);
  await second.write(events(96, 108, slightly), 96 * PER_HOUR);
  await second.evaluation.run({});
  const rows = await rowsOf("later");
  // The page tier's state was saved after 64 steps or more; from there on the notices go along.
  const notices = rows.filter(({ metric }) => metric === "model-notice");
  assert.ok(notices.length > 0 && notices.every(({ start }) => start >= T0 + 64 * HOUR));
  assert.deepEqual(
    rows.filter(({ start, metric }) => !metric.includes("notice") && start < T0 + 95 * HOUR),
    before.filter(({ start }) => start < T0 + 95 * HOUR),
  );
});

const rhythmic: ValueAt = (hour, normal) => normal() + 0.3 * Math.sin((2 * Math.PI * hour) / 24);
const wave = await stage.referenceFile("wave.ndjson", referenceRows(21, 60, rhythmic, 2));

test("a daily rhythm is found in the reference file, said at the start, kept without the file's help, and neither pages nor notices", async () => {
  const config = { ...base, name: "wave", reference: { file: wave } };
  const scene = await stage.scene(config);
  const { pageTier } = scene.prepared;
  assert.deepEqual(scene.prepared.notes, [
    "model wave: compared by hour of the day (UTC): amount, since the reference has a daily rhythm there",
  ]);
  const seasonal = pageTier?.streams.filter(({ season }) => season !== null);
  assert.deepEqual(
    seasonal?.map(({ name, stream, plan }) => [name, stream, plan.slots.length]),
    [["amount", "values", 24]],
  );
  // 1,260 rows an hour, and next to nothing for what lies outside of them.
  const inSlot = seasonal?.[0]?.plan.slots[3]?.weights.reduce((sum, rows) => sum + rows, 0) ?? 0;
  assert.ok(inSlot >= 1260 && inSlot < 1265, `${inSlot}`);
  const again = await prepareModel(stage.lane, scene.config, clock);
  assert.equal(again.pageTier?.planId, pageTier?.planId);
  assert.equal(again.pageTier?.notices?.planId, pageTier?.notices?.planId);
  await writeAll(scene, 144, rhythmic, () => scene.evaluation.run({}));
  const rows = await rowsOf("wave");
  assert.ok(rows.length >= 2 * 140);
  assert.deepEqual(
    rows.filter(({ alarmed }) => alarmed),
    [],
  );

  // A shift on top of it.
  const shifted: ValueAt = (hour, normal) => rhythmic(hour, normal) + 0.2;
  await scene.write(events(144, 168, shifted), 144 * PER_HOUR);
  await scene.evaluation.run({ final: true });
  const noticed = (await rowsOf("wave")).find(({ metric, alarmed }) => metric === "notice" && alarmed);
  assert.ok(noticed !== undefined && noticed.start < T0 + 154 * HOUR, String(noticed?.start));
  assert.ok((noticed.onset ?? 0) >= T0 + 142 * HOUR);
});

test("a time zone moves the slots, and a season that is asked for is used without a rhythm", async () => {
  const config = {
    ...base,
    name: "asked",
    reference: { file: flat },
    season: "hour_of_day",
    season_timezone: "Asia/Kolkata",
  };
  const { prepared } = await stage.scene(config);
  assert.deepEqual(prepared.notes, ["model asked: compared by hour of the day (Asia/Kolkata), as asked for"]);
  const [stream] = prepared.pageTier?.streams ?? [];
  // 00:00 UTC is 05:30 there.
  assert.equal(stream?.slotAt(T0), stream?.season?.slots[5]);
  assert.equal(stream?.plan.slots.length, 24);
});
