/** Accepted drift on the embedded engine: the new normal is what that feature alone is compared with, until the acceptance expires. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { decide } from "../../src/alert/decide.ts";
import { readDecisions } from "../../src/alert/decisions.ts";
import type { Incident, IncidentChange } from "../../src/core/incident.ts";
import { readBaselines } from "../../src/evaluate/accepted/baseline-store.ts";
import { createEvaluation } from "../../src/evaluate/evaluation.ts";
import { createIllustrate } from "../../src/evaluate/incident-pictures.ts";
import { prepareModel } from "../../src/evaluate/prepare-model.ts";
import { createRootCause } from "../../src/evaluate/root-cause/root-cause.ts";
import { backtest } from "../../src/requests/backtest.ts";
import { loadPageTier } from "../../src/serve/queries/page-tier.ts";
import { loadReport } from "../../src/serve/queries/report.ts";
import { decisionJson } from "../../src/serve/routes/decisions.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation, createManualClock } from "../support/alert-station.ts";
import { openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const clock = createManualClock(T0);
const stage = await openStage(clock);
after(() => stage.close());

const PER_HOUR = 100;
const draw = uniform(11);
const normal = (draws: () => number) => Math.sqrt(-2 * Math.log(1 - draws())) * Math.cos(2 * Math.PI * draws());
const reference = Array.from({ length: 6_000 }, (_, index) => ({
  timestamp: new Date(T0 - (6_000 - index) * 120_000).toISOString(),
  amount: normal(draw),
  size: draw(),
}));
const file = await stage.referenceFile("reference.ndjson", reference);
const base = {
  task: "binary",
  pane: "1h",
  windows: ["6h", "600 events"],
  detectors: ["psi", "volume"],
  min_rows: 100,
  reference: { file },
  alerts: { rules: [{ metric: "psi", subjects: ["size"] }] },
};
/** The amount jumps at hour 12 beyond all that the reference has seen, and at hour 60 again. */
const levelAt = (hour: number) => (hour < 12 ? 0 : hour < 60 ? 8 : 11);

/** What a model is and which events it gets in the hours of a test. */
interface World {
  readonly base: Readonly<Record<string, unknown>>;
  readonly perHour: number;
  hours(from: number, to: number, t0: number): WrittenEvent[];
}

const plain: World = { base, perHour: PER_HOUR, hours };

function hours(from: number, to: number, t0: number): WrittenEvent[] {
  const draws = uniform(100 + from);
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => ({
    kind: "prediction" as const,
    id: `${from}-${index}`,
    version: "1",
    timestamp: t0 + from * HOUR + index * (HOUR / PER_HOUR),
    prediction: 0,
    features: { amount: levelAt(from + Math.floor(index / PER_HOUR)) + normal(draws), size: draws() },
  }));
}

/** What somebody does at the end of an hour. */
type Acts = Readonly<Record<number, "restart" | "end" | { readonly acceptFor: number; readonly segment?: string }>>;

/**
 * Twelve hours at a time; returns what people were told, in the order of time.
 *
 * @param t0 start of hour 0: models whose features move at the same time would be one incident
 */
async function play(name: string, until: number, acts: Acts = {}, t0 = T0, world = plain) {
  clock.set(t0);
  const written = { ...world.base, name };
  const scene = await stage.scene(written);
  const changes: IncidentChange[] = [];
  let station = createAlertStation(stage.store, { models: [written] }, { clock });
  let { evaluation } = scene;
  let decision = "";
  for (let from = 0; from < until; from += 12) {
    await scene.write(world.hours(from, from + 12, t0), from * world.perHour);
    clock.set(t0 + (from + 12) * HOUR + 600_000);
    await evaluation.run({});
    changes.push(...(await station.alerting.process(name)));
    const act = acts[from + 12];
    const place = { lane: stage.lane, models: [scene.config], now: clock.now() };
    if (act === "restart") {
      const prepared = await prepareModel(stage.lane, modelConfig(written), clock);
      evaluation = createEvaluation({ store: stage.store, models: [prepared], clock });
      station = createAlertStation(stage.store, { models: [written] }, { clock });
    } else if (act === "end") await decide(place, "end", { decision_id: decision, owner: "bob" });
    else if (act !== undefined)
      decision = await decide(place, "acceptance", {
        model: name,
        subject: "amount",
        segment: act.segment ?? "",
        for: act.acceptFor * HOUR,
        until: undefined,
        owner: "ana",
        reason: "a new market",
      });
  }
  const told = changes.flatMap(({ told: what, incident }) => {
    const at = what === "resolved" ? incident.resolved_at : incident.opened_at;
    return what === null ? [] : [{ what, hour: ((at ?? 0) - t0) / HOUR, incident }];
  });
  return { scene, told };
}

const row = z.object({
  segment: z.string(),
  subject: z.string(),
  metric: z.string(),
  start: z.number(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
  breached: z.boolean(),
  n: z.number(),
  text: z.string(),
});
const rowsOf = (table: "evidence" | "metrics", { config }: Scene) =>
  stage.lane.query(
    table === "evidence"
      ? sql`SELECT segment, subject, metric, toUnixTimestamp64Milli(window_start) AS start, value, threshold, breached, n, finding AS text FROM evidence FINAL
          WHERE model = ${config.name} AND metric IN ('evidence', 'notice') ORDER BY metric, segment, subject, start`
      : sql`SELECT segment, subject, metric, toUnixTimestamp64Milli(window_start) AS start, value, threshold, breached, n, concat(window, status, replaceRegexpOne(detail, '"accepted":"[^"]*"', '')) AS text
          FROM metrics FINAL WHERE model = ${config.name} ORDER BY window, metric, subject, start`,
    row,
  );
const of = async (table: "evidence" | "metrics", scene: Scene, subject: string) =>
  (await rowsOf(table, scene)).filter((one) => one.subject === subject);

/** The picture and the causes of a further jump compare with what was accepted: a level of 8, of which the reference has seen nothing. */
async function assertExplained({ prepared }: Scene, incident: Incident) {
  const [member] = incident.members;
  assert.ok(member !== undefined);
  for (const window of ["page tier", "6h", "600 events"]) {
    const start = T0 + 60 * HOUR;
    const end = start + 6 * HOUR;
    const of =
      window === "page tier" ? member : { ...member, metric: "psi", window, window_start: start, window_end: end };
    const told = { ...incident, window, members: [{ ...of, firing: true }] };
    const [picture] = await createIllustrate(stage.lane, [prepared])(told);
    assert.ok(picture?.kind === "histogram" && picture.from > 3, `${window}: ${JSON.stringify(picture)}`);
    if (window === "page tier") continue;
    const report = await createRootCause(stage.lane, [prepared])(told);
    const ranges = (report?.causes ?? []).flatMap(({ conditions: [condition] }) =>
      condition?.value.kind === "range" ? [condition.value.above ?? 0] : [],
    );
    assert.ok(ranges.length > 0 && ranges.every((above) => above > 5), `${window}: ${JSON.stringify(report?.causes)}`);
  }
}

test("accepted drift stays quiet at the new level, a further jump is told, and nothing else is touched, nor by a restart", async () => {
  const { scene, told } = await play("accepted", 72, { 24: { acceptFor: 24 * 30 } });
  assert.deepEqual(
    told.map(({ what }) => what),
    ["opened", "resolved", "opened"],
  );
  const [first, resolved, further] = told;
  assert.ok(first !== undefined && first.hour > 12 && first.hour <= 14);
  assert.match(resolved?.incident.reason ?? "", /what ana has accepted until .* \(a new market\)/);
  assert.ok(further !== undefined && further.hour > 60 && further.hour <= 62, JSON.stringify(further?.hour));
  assert.deepEqual(
    further.incident.members.map(({ subject }) => subject),
    ["amount"],
  );
  assert.equal(further.incident.members[0]?.onset, T0 + 60 * HOUR);
  const [baseline] = await readBaselines(stage.lane, "accepted", scene.prepared.referenceId);
  assert.equal(baseline?.since, T0 + 13 * HOUR);
  // The newest pane had not closed when it was accepted.
  assert.equal(baseline?.through, T0 + 23 * HOUR);
  assert.deepEqual(
    baseline?.series.map(({ version, baseline: held }) => [version, held?.from, held?.counts.n]),
    [["1", T0 + 23 * HOUR, 10 * PER_HOUR]],
  );

  // Windows by time and by number of events.
  for (const window of ["6h", "600 events"]) {
    const levels = (await of("metrics", scene, "amount")).filter(({ text }) => text.startsWith(window));
    const breachedIn = (from: number, to: number) =>
      levels.filter(({ start }) => start >= T0 + from * HOUR && start < T0 + to * HOUR).map(({ breached }) => breached);
    assert.deepEqual(new Set(breachedIn(12, 24)), new Set([true]), window);
    assert.deepEqual(new Set(breachedIn(24, 54)), new Set([false]), window);
    assert.deepEqual(new Set(breachedIn(60, 72)), new Set([true]), window);
  }

  await assertExplained(scene, further.incident);

  // Whoever looks is told what it stands on, by whose word and until when.
  const tier = await loadPageTier(stage.lane, scene.config, { model: "accepted", version: "1", variant: "" });
  assert.match(
    tier?.notes.at(-1) ?? "",
    /^amount: ana has accepted its drift until 2026-04-01 23:00 UTC \(a new market\); it is compared with what came since 2026-03-02 13:00 UTC: 1000 rows$/,
  );
  const [decision] = await readDecisions(stage.lane);
  assert.ok(decision !== undefined);
  assert.deepEqual(decisionJson(decision, clock.now())["baseline"], {
    since: "2026-03-02T13:00:00.000Z",
    from: "2026-03-02T23:00:00.000Z",
    until: "2026-04-01T23:00:00.000Z",
    rows_needed: 200,
    versions: [{ version: "1", variant: "", state: "compared", from: "2026-03-02T23:00:00.000Z", rows: 1000 }],
  });
  const report = await loadReport(stage.lane, scene.config, { from: T0, to: T0 + 72 * HOUR }, clock.now());
  assert.deepEqual(
    report.accepted.map(({ subject, owner }) => [subject, owner]),
    [["amount", "ana"]],
  );

  const again = await play("restarted", 72, {
    12: "restart",
    24: { acceptFor: 24 * 30 },
    36: "restart",
    60: "restart",
  });
  const never = await play("never", 72);
  assert.deepEqual(
    never.told.map(({ what }) => what),
    ["opened"],
  );
  for (const table of ["evidence", "metrics"] as const) {
    assert.deepEqual(await rowsOf(table, again.scene), await rowsOf(table, scene));
    assert.deepEqual(await of(table, scene, "size"), await of(table, never.scene, "size"));
  }

  const config = { models: [modelConfig({ ...base, name: "accepted", windows: ["6h", "12h"] })] };
  const result = await backtest(stage.store, config, { from: 0, to: Number.POSITIVE_INFINITY }, clock, stage.lane);
  assert.deepEqual(result.computed, { accepted: "windows" });
  assert.deepEqual(
    result.changed.incidents.map(({ opened_at }) => opened_at),
    result.stored.incidents.map(({ opened_at }) => opened_at),
  );
});

test("when an acceptance expires or is taken back the reference holds again, and drift that is still there is told again", async () => {
  const { told } = await play("ended", 60, { 24: { acceptFor: 24 * 30 }, 48: "end" }, T0 + 1_000 * HOUR);
  assert.deepEqual(
    told.map(({ what }) => what),
    ["opened", "resolved", "opened"],
  );
  assert.ok(told[2] !== undefined && told[2].hour >= 48 && told[2].hour <= 50, JSON.stringify(told[2]?.hour));
  const expired = await play("expired", 60, { 24: { acceptFor: 18 } }, T0 + 2_000 * HOUR);
  assert.deepEqual(
    expired.told.map(({ what }) => what),
    ["opened", "resolved", "opened"],
  );
  // 18 hours from the first pane that had not closed.
  assert.ok((expired.told[2]?.hour ?? 0) >= 42 && (expired.told[2]?.hour ?? 0) <= 44);
});

/** Of the events 8 % are of DE, and 200 an hour or more of FR and of the rest each. */
const countryOf = (at: number) => (at < 0.08 ? "DE" : at < 0.5 ? "FR" : "IT");
const byCountry = await stage.referenceFile(
  "countries.ndjson",
  Array.from({ length: 30_000 }, (_, index) => ({
    timestamp: new Date(T0 - (30_000 - index) * 60_000).toISOString(),
    "segments.country": countryOf(draw()),
    amount: draw(),
    size: draw(),
  })),
);
/** The amounts of DE shrink at hour 12, and at hour 60 they grow beyond what they were: of all events that is too few to be told of the whole. */
const shapeAt = (hour: number, value: number) => (hour < 12 ? value : hour < 60 ? value * value : 1 - value * value);
const countries: World = {
  base: {
    ...base,
    windows: ["1h"],
    detectors: ["volume"],
    alerts: {},
    segments: ["country"],
    reference: { file: byCountry },
  },
  perHour: 500,
  hours(from, to, t0) {
    const draws = uniform(200 + from);
    return Array.from({ length: (to - from) * 500 }, (_, index) => {
      const country = countryOf(draws());
      const value = draws();
      return {
        kind: "prediction" as const,
        id: `${from}-${index}`,
        version: "1",
        timestamp: t0 + from * HOUR + index * (HOUR / 500),
        prediction: 0,
        segments: { country },
        features: { amount: country === "DE" ? shapeAt(from + Math.floor(index / 500), value) : value, size: draws() },
      };
    });
  },
};

/** Saved states of the page tier, of all but what is accepted. */
const statesOfOthers = ({ config }: Scene) =>
  stage.lane.query(
    sql`SELECT stream, toUnixTimestamp64Milli(through) AS saved, state FROM page_tier_states FINAL
      WHERE model = ${config.name} AND stream != '' AND NOT startsWith(stream, 'country=DE feature/amount') ORDER BY plan_id, stream, saved`,
    z.object({ stream: z.string(), saved: z.number(), state: z.array(z.number().nullable()) }),
  );

test("an accepted segment stays quiet at its new level, its further jump is told, and no other segment is touched", async () => {
  const t0 = T0 + 3_000 * HOUR;
  const accept = { acceptFor: 24 * 30, segment: "country=DE" };
  const { scene, told } = await play("segment", 84, { 36: accept }, t0, countries);
  assert.deepEqual(
    told.map(({ what }) => what),
    ["opened", "resolved", "opened"],
  );
  const [first, resolved, further] = told;
  assert.ok(first !== undefined && first.hour > 12 && first.hour <= 36, JSON.stringify(first?.hour));
  assert.match(resolved?.incident.reason ?? "", /what ana has accepted until .* \(a new market\)/);
  assert.ok(further !== undefined && further.hour > 60 && further.hour <= 72, JSON.stringify(further?.hour));
  assert.deepEqual(
    further.incident.members.map(({ subject, segment }) => [subject, segment]),
    [["amount", "country=DE"]],
  );
  const baselines = await readBaselines(stage.lane, "segment", scene.prepared.referenceId);
  assert.deepEqual(
    baselines.map(({ subject, segment }) => [subject, segment]),
    [["amount", "country=DE"]],
  );
  const [held] = baselines[0]?.series ?? [];
  const { since = 0, through = 0 } = baselines[0] ?? {};
  assert.equal(through, t0 + 35 * HOUR);
  assert.equal(held?.baseline?.from, through);
  // Its own events alone.
  const expected = countries
    .hours(12, 24, t0)
    .concat(countries.hours(24, 36, t0))
    .filter((event) => event.kind === "prediction" && event.segments?.["country"] === "DE")
    .filter(({ timestamp }) => timestamp >= since && timestamp < through);
  assert.equal(held?.baseline?.counts.n, expected.length);
  const tier = await loadPageTier(stage.lane, scene.config, { model: "segment", version: "1", variant: "" });
  assert.match(
    tier?.notes.at(-1) ?? "",
    /^amount where country=DE: ana has accepted .* it is compared with what came since/,
  );

  const again = await play("segment-again", 84, { 36: accept, 72: "restart" }, t0, countries);
  assert.deepEqual(await rowsOf("evidence", again.scene), await rowsOf("evidence", scene));
  const never = await play("segment-never", 84, {}, t0, countries);
  assert.deepEqual(
    never.told.map(({ what }) => what),
    ["opened"],
  );
  const others = async (of: Scene) =>
    (await rowsOf("evidence", of)).filter(({ subject, segment }) => subject !== "amount" || segment !== "country=DE");
  assert.deepEqual(await others(scene), await others(never.scene));
  const states = await statesOfOthers(scene);
  assert.ok(states.some(({ stream }) => stream === "country=FR feature/amount values"));
  assert.deepEqual(states, await statesOfOthers(never.scene));
});

test("a feature that is accepted as a whole is measured anew in each of its segments, from their own events", async () => {
  const t0 = T0 + 4_000 * HOUR;
  const { scene, told } = await play("segments", 84, { 36: { acceptFor: 30 }, 48: "restart" }, t0, countries);
  const baselines = await readBaselines(stage.lane, "segments", scene.prepared.referenceId);
  assert.deepEqual(baselines.map(({ segment }) => segment).sort(), ["", "country=DE", "country=FR", "country=IT"]);
  // Where the whole has not drifted no beginning is known, and the new normal is what comes from now on.
  const [german] = baselines.filter(({ segment }) => segment === "country=DE");
  assert.deepEqual(
    [german?.since, german?.through, german?.until],
    [35, 35, 65].map((hour) => t0 + hour * HOUR),
  );
  const [held] = german?.series ?? [];
  assert.ok((held?.baseline?.from ?? 0) > t0 + 36 * HOUR && (held?.baseline?.counts.n ?? 0) >= 200);
  assert.deepEqual(
    told.map(({ what }) => what),
    ["opened", "resolved", "opened"],
  );
  assert.ok((told[2]?.hour ?? 0) > 60, JSON.stringify(told[2]?.hour));
  const [decision] = await readDecisions(stage.lane);
  assert.ok(decision !== undefined);
  assert.match(JSON.stringify(decisionJson(decision, clock.now())["baseline"]), /"segment":"country=DE"/);
});
