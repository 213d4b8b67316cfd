/** Champion and challenger in the page tier on the embedded engine: split and shadow traffic, labels that come late, restarts. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { readIncidents } from "../../src/alert/alert-store.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
let now = T0 + 200 * HOUR;
const clock = { now: () => now, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const base = {
  task: "binary",
  pane: "1h",
  windows: ["1h", "500 events"],
  detectors: ["volume"],
  kpis: ["accuracy", "recall", "precision"],
};
const compare = { champion: { variant: "champion" }, challenger: { variant: "challenger" } };

/** The share that each gets wrong in an hour. */
type Rates = (hour: number) => { readonly champion: number; readonly challenger: number };

interface Options {
  readonly shadow: boolean;
  readonly rates: Rates;
  /** Labels come so many hours after their predictions. */
  readonly labelsAfter?: number;
}

/** Each request is answered by one of the two, three in four by the champion; or by both. */
function hour(at: number, { shadow, rates, labelsAfter = 0.5 }: Options): WrittenEvent[] {
  const draw = uniform(1000 + at);
  return Array.from({ length: 200 }, (_, index) => index).flatMap((index): WrittenEvent[] => {
    const timestamp = T0 + at * HOUR + index * (HOUR / 200);
    const id = `${at}-${index}`;
    const label = Number(draw() < 0.4);
    const sides = shadow
      ? (["champion", "challenger"] as const)
      : ([draw() < 0.75 ? "champion" : "challenger"] as const);
    return [
      ...sides.map(
        (variant): WrittenEvent => ({
          kind: "prediction",
          id,
          variant,
          version: variant === "challenger" ? "2" : "1",
          timestamp,
          prediction: draw() < rates(at)[variant] ? 1 - label : label,
        }),
      ),
      { kind: "label", id, timestamp: timestamp + labelsAfter * HOUR, label },
    ];
  });
}

const stepsOf = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, stream, toUnixTimestamp64Milli(pane_start) AS start, sums FROM steps FINAL WHERE model = ${model} AND stream IN ('split', 'shadow') ORDER BY subject, start`,
    z.object({ subject: z.string(), stream: z.string(), start: z.number(), sums: z.array(z.number()) }),
  );

const evidenceOf = (model: string) =>
  stage.lane.query(
    sql`SELECT subject, version, variant, toUnixTimestamp64Milli(window_start) AS start, value, breached, alarmed, toUnixTimestamp64Milli(onset) AS onset, finding
      FROM evidence FINAL WHERE model = ${model} AND subject LIKE '% against %' ORDER BY subject, start`,
    z.object({
      subject: z.string(),
      version: z.string(),
      variant: z.string(),
      start: z.number(),
      value: z.number(),
      breached: z.boolean(),
      alarmed: z.boolean(),
      onset: z.number().nullable(),
      finding: z.string(),
    }),
  );

async function write(scene: Scene, from: number, to: number, options: Options, offset = 0): Promise<number> {
  let at = offset;
  for (let one = from; one < to; one++) {
    const events = hour(one, options);
    await scene.write(events, at);
    at += events.length;
  }
  return at;
}

/** By hour: [champion bad, champion n, challenger bad, challenger n] of split, the four kinds of pairs of shadow traffic. */
function expected(options: Options, hours: number): number[][] {
  return Array.from({ length: hours }, (_, at) => {
    const events = hour(at, options);
    const labels = new Map(events.flatMap((one) => (one.kind === "label" ? [[one.id, one.label] as const] : [])));
    const answers = new Map<string, Map<string, boolean>>();
    for (const one of events) {
      if (one.kind !== "prediction") continue;
      const own = answers.get(one.id) ?? new Map<string, boolean>();
      own.set(one.variant ?? "", one.prediction !== labels.get(one.id));
      answers.set(one.id, own);
    }
    const counts = [0, 0, 0, 0];
    const count = (index: number, more = 1) => {
      counts[index] = (counts[index] ?? 0) + more;
    };
    for (const wrong of answers.values()) {
      const [champion, challenger] = [wrong.get("champion"), wrong.get("challenger")];
      if (options.shadow) count(challenger === champion ? (champion === true ? 2 : 3) : challenger === true ? 0 : 1);
      else if (champion !== undefined) {
        count(0, Number(champion));
        count(1);
      } else {
        count(2, Number(challenger));
        count(3);
      }
    }
    return counts;
  });
}

const worseLater: Rates = (at) => ({ champion: 0.1, challenger: at >= 20 && at < 40 ? 0.25 : 0.1 });

for (const shadow of [false, true]) {
  const traffic = shadow ? "shadow" : "split";
  test(`${traffic} traffic: a challenger that becomes worse is an incident with its onset, and ends when it is as good again`, async () => {
    const options = { shadow, rates: worseLater };
    const written = { ...base, name: traffic, compare: { ...compare, traffic, kpis: ["accuracy"] } };
    const { alerting } = createAlertStation(stage.store, { models: [written] }, { clock });
    const scene = await stage.scene(written);
    let offset = 0;
    for (let at = 0; at < 60; at += 4) {
      offset = await write(scene, at, at + 4, options, offset);
      now += 60_000;
      const prepared = await prepareModel(stage.lane, modelConfig(written), clock);
      await createEvaluation({ store: stage.store, models: [prepared], clock }).run({});
      await alerting.process(traffic);
    }
    const steps = await stepsOf(traffic);
    assert.ok(steps.length >= 56);
    assert.deepEqual(
      steps.map(({ sums }) => sums),
      expected(options, steps.length),
    );
    const told = (await evidenceOf(traffic)).filter(({ onset }) => onset !== null);
    const [first] = told;
    assert.deepEqual(
      [first?.subject, first?.version, first?.variant],
      ["accuracy against variant champion", "", "challenger"],
    );
    assert.ok((first?.start ?? 0) >= T0 + 20 * HOUR && (first?.start ?? 0) < T0 + 30 * HOUR);
    assert.ok(Math.abs((first?.onset ?? 0) - (T0 + 20 * HOUR)) <= 2 * HOUR, `${first?.onset}`);
    assert.match(
      first?.finding ?? "",
      /^is 0\.[67]\d* where the champion has 0\.[89]\d*: more than the 0\.01 that is allowed$/,
    );
    assert.equal(told.at(-1)?.breached, false);
    const [incident, ...more] = (await readIncidents(stage.lane)).filter(
      ({ model, members }) => model === traffic && members.some(({ metric }) => metric === "kpi-evidence"),
    );
    assert.deepEqual(more, []);
    assert.equal(incident?.state, "resolved");
    assert.equal(incident?.severity, "page");
    assert.match(
      incident?.title ?? "",
      new RegExp(`^${traffic}: accuracy against variant champion \\(variant challenger\\) has recovered$`),
    );
  });
}

test("as good a challenger is never told of, and the evidence is the same evaluated at once or with labels that come a day late", async () => {
  const even: Rates = () => ({ champion: 0.15, challenger: 0.15 });
  const written = { ...base, compare: { ...compare, tolerance: 0 } };
  const soon = await stage.scene({ ...written, name: "soon" });
  await write(soon, 0, 48, { shadow: false, rates: even });
  await soon.evaluation.run({ final: true });
  const late = await stage.scene({ ...written, name: "late" });
  const events = Array.from({ length: 48 }, (_, at) =>
    hour(at, { shadow: false, rates: even, labelsAfter: 24 }),
  ).flat();
  const inTime = events.toSorted((a, b) => a.timestamp - b.timestamp);
  for (let from = 0; from < inTime.length; from += 1000) {
    await late.write(inTime.slice(from, from + 1000), from);
    await late.evaluation.run({});
  }
  await late.evaluation.run({ final: true });
  const [one, other] = [await stepsOf("soon"), await stepsOf("late")];
  assert.equal(one.length, 3 * 48);
  assert.deepEqual(other, one);
  const evidence = await evidenceOf("soon");
  assert.ok(evidence.every(({ alarmed }) => !alarmed));
  assert.deepEqual(await evidenceOf("late"), evidence);
});

test("a window whose labels have not come is waited for, and taken when they will come no more", async () => {
  const written = {
    ...base,
    name: "waiting",
    label_horizon: "6h",
    compare: { ...compare, kpis: ["accuracy"], traffic: "shadow" },
  };
  const scene = await stage.scene(written);
  const options = { shadow: true, rates: worseLater };
  const half = (at: number) =>
    hour(at, options).filter((event, index) => event.kind === "prediction" || index % 2 === 0);
  let offset = 0;
  for (let at = 0; at < 6; at++) {
    const events = half(at);
    await scene.write(events, offset);
    offset += events.length;
  }
  await scene.evaluation.run({});
  assert.deepEqual(await stepsOf("waiting"), []);
  for (let at = 6; at < 13; at++) {
    const events = half(at);
    await scene.write(events, offset);
    offset += events.length;
  }
  await scene.evaluation.run({});
  const steps = await stepsOf("waiting");
  assert.ok(steps.length >= 5 && steps.length <= 7, `${steps.length}`);
  assert.ok(steps.every(({ sums }) => sums.reduce((sum, count) => sum + count, 0) < 200));
});
