/** Vector features on the embedded engine: from lists of numbers in events and references to metrics, evidence and incidents. */
import assert from "node:assert/strict";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import type { VectorProjection } from "../../src/core/vector.ts";
import { keptRows } from "../../src/evaluate/kept-rows.ts";
import { readEventLines } from "../../src/evaluate/references/event-rows.ts";
import { loadReference } from "../../src/evaluate/references/load-reference.ts";
import { readReference } from "../../src/evaluate/references/stored-reference.ts";
import { principalDirections } from "../../src/math/principal-directions.ts";
import { sql } from "../../src/store/sql.ts";
import { createAlertStation } from "../support/alert-station.ts";
import { assertNear, findRow, openStage, type Scene } from "../support/evaluation-stage.ts";
import { modelConfig, type WrittenEvent } from "../support/event-writer.ts";
import { uniform } from "../support/golden.ts";

const T0 = Date.parse("2026-03-02T00:00:00Z");
const HOUR = 3_600_000;
const clock = { now: () => T0 + 200 * HOUR, sleep: () => Promise.resolve() };
const stage = await openStage(clock);
after(() => stage.close());

const SIZE = 24;
const PER_HOUR = 400;
type Change = "none" | "shifted" | "rotated";

/** Texts of three topics, as a model of language would place them: coordinates go together, and noise lies around each topic. */
function drawn(draw: () => number, change: Change): number[] {
  const normal = () => Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
  const topic = Math.floor(draw() * 3);
  const wide = normal();
  const own = Array.from(
    { length: SIZE },
    (_, i) => Math.sin((topic + 1) * (i + 1)) + 0.8 * wide * Math.cos(i) + 0.3 * normal(),
  );
  if (change === "shifted") return own.map((value, i) => value + (i % 2 === 0 ? 0.35 : 0));
  // Coordinates change places: every length stays what it was.
  return change === "rotated" ? own.map((_, i) => own[(i + 5) % SIZE] ?? 0) : own;
}

const rounded = (vector: readonly number[]) => vector.map((value) => Number(value.toFixed(6)));
const draw = uniform(5);
const reference = Array.from({ length: 6000 }, (_, index) => ({
  timestamp: new Date(T0 - (6000 - index) * 120_000).toISOString(),
  prediction: 0,
  amount: Number(draw().toFixed(6)),
  embedding: rounded(drawn(draw, "none")),
  region: draw() < 0.5 ? "north" : "south",
}));
const file = await stage.referenceFile("reference.ndjson", reference);
const base = { task: "binary", pane: "1h", windows: ["1h"], reference: { file } };

function hours(from: number, to: number, change: Change): WrittenEvent[] {
  const draws = uniform(900 + from);
  return Array.from({ length: (to - from) * PER_HOUR }, (_, index) => ({
    kind: "prediction" as const,
    id: `${from}-${index}`,
    timestamp: T0 + from * HOUR + index * (HOUR / PER_HOUR),
    prediction: 0,
    features: {
      amount: draws(),
      embedding: rounded(drawn(draws, change)),
      region: draws() < 0.5 ? "north" : "south",
    },
  }));
}

const evidenceRow = z.object({ subject: z.string() });
async function alarmed(model: string): Promise<string[]> {
  const rows = await stage.lane.query(
    sql`SELECT DISTINCT subject FROM evidence FINAL WHERE model = ${model} AND metric = 'evidence' AND breached ORDER BY subject`,
    evidenceRow,
  );
  return rows.map(({ subject }) => subject);
}

async function watched(name: string, change: Change): Promise<Scene> {
  const scene = await stage.scene({ ...base, name });
  await scene.write([...hours(0, 20, "none"), ...hours(20, 40, change)], 0);
  await scene.evaluation.run({ final: true });
  return scene;
}

const steady = await watched("steady", "none");
const projection = (await readReference(stage.lane, "steady"))?.projections[0];
assert.ok(projection !== undefined);
const { centroid, directions } = projection;
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
const minus = (a: readonly number[], b: readonly number[]) => a.map((value, i) => value - (b[i] ?? 0));

/** What is made of a vector, by another hand than the engine's. */
const partsOf = (vector: readonly number[]): Record<string, number> => {
  const away = minus(vector, centroid ?? []);
  return {
    "embedding.norm": Math.sqrt(dot(vector, vector)),
    "embedding.distance": Math.sqrt(dot(away, away)),
    ...Object.fromEntries(directions.map((direction, i) => [`embedding.direction_${i + 1}`, dot(away, direction)])),
  };
};
const PARTS = ["norm", "distance", "direction_1", "direction_2", "direction_3"].map((part) => `embedding.${part}`);

test("a column of lists is a vector: learnt from every fifth row, its numbers are features of the other rows", async () => {
  const learnt = reference.filter((_, index) => index % 5 === 0).map(({ embedding }) => embedding);
  const expected = principalDirections(learnt, 3);
  assert.equal(projection.dimension, SIZE);
  for (const [i, value] of expected.centroid.entries()) assertNear(centroid?.[i], value, 1e-6);
  for (const [k, direction] of expected.directions.entries())
    for (const [i, value] of direction.entries()) assertNear(directions[k]?.[i], value, 1e-6);
  const subjects = steady.prepared.reference?.subjects ?? [];
  assert.deepEqual(
    subjects.filter(({ subjectKind }) => subjectKind === "feature").map(({ subject, kind }) => [subject, kind]),
    [["amount", "numeric"], ["region", "categorical"], ...PARTS.map((subject) => [subject, "numeric"])],
  );
  const others = reference.filter((_, index) => index % 5 !== 0).map(({ embedding }) => partsOf(embedding));
  for (const part of PARTS) {
    const subject = subjects.find((one) => one.subject === part);
    const values = others.map((parts) => parts[part] ?? Number.NaN);
    assert.deepEqual([subject?.n, subject?.missing, subject?.invalid], [4800, 0, 0]);
    assertNear(subject?.mean, values.reduce((sum, value) => sum + value, 0) / values.length, 1e-5);
    assertNear(subject?.maximum, Math.max(...values), 1e-5);
  }
  assert.deepEqual(steady.prepared.schema.features, [
    { name: "amount", kind: "numeric" },
    { name: "region", kind: "categorical" },
    { name: "embedding", kind: "vector", dimension: SIZE, parts: PARTS },
  ]);
});

test("of events the same numbers are made as of the reference", async () => {
  const kept = await keptRows(stage.lane, steady.prepared.dedupe, { from: T0, to: T0 + HOUR });
  const columns = PARTS.map((part) => `\`features.${part}\` AS \`${part}\``).join(", ");
  const text = await stage.lane.text(`SELECT id, ${columns} FROM (${kept.text}) ORDER BY timestamp`, "JSONEachRow");
  const rows = text
    .trim()
    .split("\n")
    .map((line): Record<string, unknown> => JSON.parse(line));
  const events = hours(0, 20, "none").slice(0, PER_HOUR);
  assert.equal(rows.length, PER_HOUR);
  for (const [index, event] of events.entries()) {
    const embedding = event.kind === "prediction" ? Object.entries(event.features ?? {})[1]?.[1] : [];
    assert.equal(rows[index]?.["id"], event.id);
    for (const [part, value] of Object.entries(partsOf(z.array(z.number()).parse(embedding))))
      assertNear(Number(rows[index]?.[part]), value, 1e-5);
  }
});

test("equal embeddings are quiet; shifted ones and rotated ones are told, these though no length has changed", async () => {
  assert.deepEqual(await alarmed("steady"), []);
  const rows = await steady.rows("1h");
  // Windows are compared with what one in a hundred would exceed; nobody is told of that.
  const compared = rows.filter(({ subject, threshold }) => subject.startsWith("embedding.") && threshold !== null);
  assert.ok(compared.length > 1000 && compared.filter(({ breached }) => breached).length < compared.length / 50);
  assert.equal(findRow(rows, T0 + 30 * HOUR, "jensen-shannon", "embedding.distance").status, "ok");

  await watched("shifted", "shifted");
  const shifted = await alarmed("shifted");
  assert.ok(shifted.includes("embedding.distance"), `told: ${shifted.join(", ")}`);
  assert.ok(!shifted.includes("amount"));
  const { alerting } = createAlertStation(stage.store, { models: [{ ...base, name: "shifted" }] }, { clock });
  const opened = (await alerting.process("shifted")).filter(({ kind }) => kind === "opened");
  assert.equal(opened.length, 1);
  assert.match(opened[0]?.incident.title ?? "", /^shifted: embedding\./);

  const rotated = await watched("rotated", "rotated");
  const told = await alarmed("rotated");
  assert.ok(
    told.some((subject) => subject === "embedding.distance" || subject.startsWith("embedding.direction_")),
    told.join(", "),
  );
  assert.ok(!told.includes("embedding.norm") && !told.includes("amount"), told.join(", "));
  const late = await rotated.rows("1h");
  assert.equal(findRow(late, T0 + 10 * HOUR, "jensen-shannon", "embedding.direction_1").breached, false);
  assert.equal(findRow(late, T0 + 30 * HOUR, "jensen-shannon", "embedding.direction_1").breached, true);
});

test("a trailing reference measures vectors along the fixed one's directions: a shift is told, and is the normal in time", async () => {
  const trailing = { length: "4h", lag: "0s", every: "4h" };
  const scene = await stage.scene({ ...base, name: "trailed", reference: { file, trailing } });
  await scene.write([...hours(0, 8, "none"), ...hours(8, 16, "shifted")], 0);
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  for (const part of PARTS) {
    const at = (hour: number) => findRow(rows, T0 + hour * HOUR, "jensen-shannon", part);
    assert.deepEqual(
      [at(1), at(6), at(14)].map(({ status, breached }) => `${status} ${breached}`),
      ["insufficient false", "ok false", "ok false"],
      part,
    );
  }
  const distanceAt = (hour: number) => findRow(rows, T0 + hour * HOUR, "jensen-shannon", "embedding.distance");
  assert.equal(distanceAt(9).breached, true);
  assert.match(distanceAt(9).detail, /"trailing":"t/);
});

test("they are counted in windows of events and watched by segment too", async () => {
  const scene = await stage.scene({ ...base, name: "regions", windows: ["1h", "900 events"], segments: ["region"] });
  await scene.write(hours(0, 6, "none"), 0);
  await scene.evaluation.run({ final: true });
  const counted = (await scene.rows("900 events")).filter(({ metric }) => metric === "jensen-shannon");
  for (const part of PARTS)
    assert.ok(counted.some(({ subject, status, n }) => subject === part && status === "ok" && n === 900));
  const watched = await stage.lane.query(
    sql`SELECT DISTINCT subject, segment FROM pane_summaries WHERE model = 'regions' AND segment != '' AND arraySum(bins) > 0 ORDER BY segment, subject`,
    z.object({ subject: z.string(), segment: z.string() }),
  );
  for (const segment of ["region=north", "region=south"])
    assert.deepEqual(
      watched
        .filter((row) => row.segment === segment && row.subject.startsWith("embedding."))
        .map(({ subject }) => subject),
      [...PARTS].sort(),
    );
});

test("another length than the reference's and what is no list of numbers are invalid, none at all is missing", async () => {
  const scene = await stage.scene({ ...base, name: "broken", min_rows: 5 });
  const [first] = hours(0, 1, "none");
  const vectors: unknown[] = [[1, 2, 3], "text", Array(SIZE).fill("1"), null, undefined, reference[0]?.embedding];
  await scene.write(
    vectors.map((embedding, index) => ({
      kind: "prediction" as const,
      id: `b${index}`,
      timestamp: (first?.timestamp ?? 0) + index,
      prediction: 0,
      features: { amount: 0.5, ...(embedding === undefined ? {} : { embedding }) },
    })),
    0,
  );
  await scene.evaluation.run({ final: true });
  const rows = await scene.rows("1h");
  for (const part of PARTS) {
    assertNear(findRow(rows, T0, "invalid-rate", part).value, 3 / 6);
    assertNear(findRow(rows, T0, "missing-rate", part).value, 2 / 6);
  }
});

test("CSV, Parquet and NDJSON of the same rows give the same reference", async () => {
  const csv = await stage.referenceFile("reference.csv", [
    "timestamp,prediction,amount,region,embedding",
    ...reference.map((row) => `${row.timestamp},0,${row.amount},${row.region},"${JSON.stringify(row.embedding)}"`),
  ]);
  const parquet = path.join(stage.folder, "reference.parquet");
  await stage.lane.command(
    sql`INSERT INTO FUNCTION file(${parquet}, 'Parquet') SELECT timestamp, prediction, amount, embedding, region
      FROM file(${file}, 'JSONEachRow', 'timestamp String, prediction UInt8, amount Float64, embedding Array(Float64), region String')`,
  );
  const ids = [];
  for (const one of [file, csv, parquet]) {
    const config = modelConfig({ ...base, name: "same", reference: { file: one } });
    ids.push((await loadReference(stage.lane, config)).referenceId);
  }
  assert.deepEqual(ids, [ids[0], ids[0], ids[0]]);
});

const projectionsOf = async (written: Readonly<Record<string, unknown>>): Promise<readonly VectorProjection[]> =>
  (await loadReference(stage.lane, modelConfig({ ...base, name: "other", ...written }))).projections;

test("how many directions are followed is written; a vector can be left out; lists that are no vectors are none", async () => {
  const two = await projectionsOf({ features: { embedding: { kind: "vector", directions: 2 } } });
  assert.deepEqual(two[0]?.directions, directions.slice(0, 2));
  const none = await projectionsOf({ features: { embedding: { kind: "vector", directions: 0 } } });
  assert.deepEqual([none[0]?.centroid, none[0]?.directions], [centroid, []]);
  assert.deepEqual(await projectionsOf({ features: { embedding: "ignore" } }), []);
  assert.deepEqual(await projectionsOf({ reference: { file, ignore: ["embedding"] } }), []);
  assert.deepEqual(await projectionsOf({ reference: { file, features: ["amount"] } }), []);
  assert.equal((await projectionsOf({ reference: { file, features: ["embedding"] } })).length, 1);
  const odd = await stage.referenceFile(
    "odd.ndjson",
    Array.from({ length: 60 }, (_, i) => ({ tokens: Array(1 + (i % 7)).fill(i), tags: ["a", "b"], x: i / 7 })),
  );
  assert.deepEqual(await projectionsOf({ reference: { file: odd } }), []);
  const most = await projectionsOf({ reference: { file: odd }, features: { tokens: "vector" } });
  assert.equal(most[0]?.dimension, 2);
});

test("a reference of stored events has their vectors, also those that came before the feature was known", async () => {
  const scene = { name: "early", task: "binary", pane: "1h", windows: ["1h"] };
  const source = modelConfig({ ...scene, reference: { file } });
  const early = await stage.scene(scene);
  const events = hours(0, 1, "none").slice(0, 60);
  await early.write(events.slice(0, 30), 0);
  const later = await stage.scene({ ...scene, features: { embedding: "vector", amount: "numeric" } });
  const broken: WrittenEvent = {
    kind: "prediction",
    id: "broken",
    timestamp: T0 + HOUR - 1,
    features: { amount: 1, embedding: ["x"] },
  };
  await later.write([...events.slice(30, 59), broken], 30);
  const { reference: wanted } = source;
  assert.ok(wanted !== undefined);
  const lines: string[] = [];
  const all = { span: { from: T0, to: T0 + HOUR }, version: null, most: 60, every: 1 };
  for await (const some of readEventLines(stage.lane, later.config, wanted, all))
    lines.push(...some.map(({ line }) => line));
  const rows = lines.map((line) => z.looseObject({ embedding: z.unknown() }).parse(JSON.parse(line)));
  const sent = events.map((event) => (event.kind === "prediction" ? Object.entries(event.features ?? {})[1]?.[1] : []));
  for (const [index, row] of rows.slice(0, 59).entries()) {
    const found = z.array(z.number()).parse(row.embedding);
    for (const [i, value] of z.array(z.number()).parse(sent[index]).entries()) assertNear(found[i], value, 1e-6);
  }
  assert.equal(rows[59]?.embedding, "invalid");
  const built = await loadReference(
    stage.lane,
    modelConfig({ ...base, name: "built", reference: { file: await stage.referenceFile("built.ndjson", lines) } }),
  );
  assert.deepEqual(
    built.projections.map(({ feature, dimension }) => [feature, dimension]),
    [["embedding", SIZE]],
  );
  assert.equal(built.subjects.find(({ subject }) => subject === "embedding.norm")?.invalid, 1);
});

test("a pin that the reference does not keep is refused, with what there is", async () => {
  await assert.rejects(
    projectionsOf({ features: { embedding: { kind: "vector", dimension: 768 } } }),
    /"embedding" is to be a vector \(features\), but no row of it is a list of 768 numbers; most have 24/,
  );
  await assert.rejects(
    projectionsOf({ features: { amount: "vector" } }),
    /no row of it is a list of 2 to 4096 numbers$/,
  );
});

test("before there is a reference the length alone is known, and a KPI can read it", async () => {
  const scene = await stage.scene({
    name: "young",
    task: "binary",
    pane: "1h",
    windows: ["1h"],
    features: { embedding: "vector" },
    kpis: [{ name: "length", sql: "avg(`features.embedding.norm`)" }],
  });
  const events = hours(0, 1, "none");
  await scene.write(events, 0);
  await scene.evaluation.run({ final: true });
  const norms = events.map((event) => {
    const embedding = event.kind === "prediction" ? Object.entries(event.features ?? {})[1]?.[1] : [];
    return Math.sqrt(
      z
        .array(z.number())
        .parse(embedding)
        .reduce((sum, value) => sum + value * value, 0),
    );
  });
  const row = findRow(await scene.rows("1h"), T0, "length");
  assertNear(row.value, norms.reduce((sum, value) => sum + value, 0) / norms.length, 1e-5);
});
