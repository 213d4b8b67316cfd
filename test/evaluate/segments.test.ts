/** Segments on the embedded engine: from events to evidence and incidents by segment, across restarts, late events and changed configurations. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import type { IncidentChange } from "../../src/core/incident.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql, time } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const PER_HOUR = 500;
const HOURS = 72;
const clock = { now: () => T0 + 200 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

/** Of the events: eu 60 %, us 30 %, asia 8 %, mars 0.4 %, and the rest says nothing. */
function regionOf(at: number): string {
  if (at < 0.6) return "eu";
  if (at < 0.9) return "us";
  if (at < 0.98) return "asia";
  return at < 0.984 ? "mars" : "";
}

const draw = uniform(3);
const rows = Array.from({ length: 30_000 }, (_, index) => {
  const region = regionOf(draw());
  return {
    timestamp: new Date(T0 - (30_000 - index) * 60_000).toISOString(),
    "segments.region": region === "" ? null : region,
    tier: draw() < 0.5 ? "gold" : "free",
    amount: draw() + (region === "us" ? 1 : 0),
    size: draw(),
  };
});
const file = await stage.referenceFile("reference.ndjson", rows);
const base = { task: "binary", pane: "10m", windows: ["2h", "1h"], detectors: ["volume"], reference: { file } };
const segmented = { ...base, segments: ["region", "tier"] };

interface Change {
  readonly from: number;
  readonly to: number;
  readonly regions: readonly string[];
}

/** Amounts of the regions shrink while the change lasts. */
function history(change: Change, from = 0, to = HOURS): WrittenEvent[] {
  const draws = uniform(1000 + from);
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => {
    const hour = from + Math.floor(index / PER_HOUR);
    const region = regionOf(draws());
    const moved = hour >= change.from && hour < change.to && change.regions.includes(region);
    const value = draws();
    return {
      kind: "prediction" as const,
      id: `${from}-${index}`,
      version: "1",
      timestamp: T0 + from * HOUR + index * (HOUR / PER_HOUR),
      prediction: 0,
      segments: region === "" ? {} : { region },
      features: {
        tier: draws() < 0.5 ? "gold" : "free",
        amount: (moved ? value * value : value) + (region === "us" ? 1 : 0),
        size: draws(),
      },
    };
  });
}

const sixHours = Array.from({ length: HOURS / 6 }, (_, index) => [index * 6, index * 6 + 6] as const);

async function writeAll(scene: Scene, change: Change, run: () => Promise<unknown>): Promise<void> {
  for (const [from, to] of sixHours) {
    await scene.write(history(change, from, to), from * PER_HOUR);
    await run();
  }
}

const evidenceRow = z.object({
  segment: z.string(),
  subject: z.string(),
  start: z.number(),
  value: z.number().nullable(),
  breached: z.boolean(),
  onset: z.number().nullable(),
  onset_from: z.number().nullable(),
  onset_to: z.number().nullable(),
  finding: z.string(),
});
const evidence = (model: string) =>
  stage.lane.query(
    sql`SELECT segment, subject, toUnixTimestamp64Milli(window_start) AS start, value, breached, toUnixTimestamp64Milli(onset) AS onset,
        toUnixTimestamp64Milli(onset_from) AS onset_from, toUnixTimestamp64Milli(onset_to) AS onset_to, finding
      FROM evidence FINAL WHERE model = ${model} AND metric = 'evidence' ORDER BY segment, subject, start`,
    evidenceRow,
  );

const ASIA = { from: 30, to: 50, regions: ["asia"] };

test("what changes in a small segment alone is told of that segment, with its onset, and ends", async () => {
  const scene = await stage.scene({ ...segmented, name: "asia" });
  assert.ok(
    scene.prepared.warnings.some((warning) => /insufficient: region=mars have fewer than 200 rows/.test(warning)),
    scene.prepared.warnings.join("\n"),
  );
  const { alerting } = createAlertStation(stage.store, { models: [{ ...segmented, name: "asia" }] }, { clock });
  const changes: IncidentChange[] = [];
  await writeAll(scene, ASIA, async () => {
    await scene.evaluation.run({});
    changes.push(...(await alerting.process("asia")));
  });
  assert.deepEqual(
    changes.filter(({ kind }) => kind !== "amended").map(({ kind }) => kind),
    ["opened", "resolved"],
  );
  const opened = changes[0]?.incident;
  assert.match(
    opened?.title ?? "",
    /^asia: amount \(region=asia, version 1\) has changed since 2026-03-03 0\d:00 UTC: /,
  );
  const [member] = opened?.members ?? [];
  assert.equal(opened?.members.length, 1);
  assert.equal(member?.segment, "region=asia");
  assert.ok((member?.onset_from ?? 0) <= T0 + 30 * HOUR && T0 + 30 * HOUR < (member?.onset_to ?? 0));
  assert.match(changes.at(-1)?.incident.title ?? "", /region=asia, version 1\) is as in the reference again$/);
  const found = await evidence("asia");
  assert.deepEqual(
    [...new Set(found.filter(({ breached }) => breached).map(({ segment, subject }) => `${segment} ${subject}`))],
    ["region=asia amount"],
  );
});

test("evaluated at once, or with a restart after every batch, the evidence and the steps are the same", async () => {
  const whole = await stage.scene({ ...segmented, name: "whole" });
  for (const [from, to] of sixHours) await whole.write(history(ASIA, from, to), from * PER_HOUR);
  await whole.evaluation.run({ final: true });
  const pieces = await stage.scene({ ...segmented, name: "pieces" });
  await writeAll(pieces, ASIA, async () => {
    const prepared = await prepareModel(stage.lane, modelConfig({ ...segmented, name: "pieces" }), clock);
    // What is stored of the reference gives the plan that measuring it gave.
    assert.equal(prepared.pageTier?.planId, pieces.prepared.pageTier?.planId);
    await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
  });
  await pieces.evaluation.run({ final: true });
  const [one, other] = [await evidence("whole"), await evidence("pieces")];
  assert.ok(one.some(({ breached, segment }) => breached && segment === "region=asia"));
  assert.deepEqual(other, one);
  assert.deepEqual(await steps("pieces"), await steps("whole"));
});

const steps = (model: string) =>
  stage.lane.query(
    sql`SELECT segment, subject, stream, toUnixTimestamp64Milli(pane_start) AS start, toUnixTimestamp64Milli(step_end) AS end, counts, late
      FROM steps FINAL WHERE model = ${model} AND segment != '' ORDER BY segment, subject, stream, start`,
    z.object({
      segment: z.string(),
      subject: z.string(),
      stream: z.string(),
      start: z.number(),
      end: z.number(),
      counts: z.array(z.number()),
      late: z.number(),
    }),
  );

test("steps of segments are of the shortest window, hold each event once a dimension, and late events join the next", async () => {
  const scene = await stage.scene({ ...segmented, name: "late" });
  const events = history({ from: 99, to: 99, regions: [] }, 0, 12);
  const [early, held] = [events.filter((_, index) => index % 10 !== 0), events.filter((_, index) => index % 10 === 0)];
  await scene.write(early, 0);
  await scene.evaluation.run({});
  await scene.write(held, early.length);
  await scene.write(history({ from: 99, to: 99, regions: [] }, 12, 14), events.length);
  await scene.evaluation.run({ final: true });
  const values = (await steps("late")).filter(({ subject, stream }) => subject === "size" && stream === "values");
  assert.ok(values.every(({ start, end }) => end - start === HOUR));
  assert.deepEqual([...new Set(values.map(({ segment }) => segment))].sort(), [
    "region=",
    "region=asia",
    "region=eu",
    "region=us",
    "tier=free",
    "tier=gold",
  ]);
  const eventsOf = (dimension: string) =>
    values
      .filter(({ segment }) => segment.startsWith(`${dimension}=`))
      .reduce((sum, { counts }) => sum + counts.reduce((all, count) => all + count, 0), 0);
  assert.equal(eventsOf("tier"), 14 * PER_HOUR);
  const mars = [...events, ...history({ from: 99, to: 99, regions: [] }, 12, 14)].filter(
    (event) => event.kind === "prediction" && event.segments?.["region"] === "mars",
  ).length;
  assert.equal(eventsOf("region"), 14 * PER_HOUR - mars);
  assert.ok(values.some(({ late }) => late > 0));
});

test("panes that were summarised when the process ended, but have no step, get theirs", async () => {
  const written = { ...segmented, name: "ended" };
  const scene = await stage.scene(written);
  await scene.write(history({ from: 99, to: 99, regions: [] }, 0, 12), 0);
  await scene.evaluation.run({ final: true });
  const before = await steps("ended");
  await stage.lane.command(
    sql`DELETE FROM steps WHERE model = 'ended' AND segment != '' AND pane_start >= ${time(T0 + 8 * HOUR)}`,
  );
  const prepared = await prepareModel(stage.lane, modelConfig(written), clock);
  await createEvaluation({ store: stage.store, models: [prepared], clock }).run({ final: true });
  assert.ok(before.some(({ start }) => start > T0 + 8 * HOUR));
  assert.deepEqual(await steps("ended"), before);
});

test("where the whole has changed too, the whole is told and its segments are its detail", async () => {
  const written = { ...segmented, name: "both" };
  const scene = await stage.scene(written);
  const { alerting } = createAlertStation(stage.store, { models: [written] }, { clock });
  const changes: IncidentChange[] = [];
  await writeAll(scene, { from: 30, to: 99, regions: ["eu", "us", "asia"] }, async () => {
    await scene.evaluation.run({});
    changes.push(...(await alerting.process("both")));
  });
  assert.deepEqual(
    changes.filter(({ kind }) => kind !== "amended").map(({ kind }) => kind),
    ["opened"],
  );
  const members = changes.at(-1)?.incident.members ?? [];
  assert.equal(members[0]?.segment, undefined);
  assert.equal(members[0]?.subject, "amount");
  assert.ok(members.some(({ segment, subject }) => segment === "region=eu" && subject === "amount"));
});

test("without segments nothing is written by segment, and what they had changed ends when they are watched no more", async () => {
  const first = await stage.scene({ ...segmented, name: "dropped" });
  for (const [from, to] of sixHours.slice(0, 7)) await first.write(history(ASIA, from, to), from * PER_HOUR);
  await first.evaluation.run({});
  assert.ok((await evidence("dropped")).some(({ breached, segment }) => breached && segment === "region=asia"));
  const second = await stage.scene({ ...base, name: "dropped" });
  assert.equal(second.prepared.pageTier?.segments, null);
  await second.write(history(ASIA, 42, 48), 42 * PER_HOUR);
  await second.evaluation.run({});
  const last = (await evidence("dropped")).filter(({ segment }) => segment === "region=asia").at(-1);
  assert.equal(last?.breached, false);
});
