/** Halves of calls in a real store: paired over processes, in either order, once, whatever kills whom; and lonely ones as dead letters. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import type { RawMessage } from "../../src/core/event.ts";
import { createPairing, pairSource } from "../../src/evaluate/pairs/pairing.ts";
import { type BatchWriter, createBatchWriter } from "../../src/ingest/batch-writer.ts";
import { createDecoders, nativeMapping } from "../../src/ingest/decoders.ts";
import { createJsonDecoder } from "../../src/ingest/events/json-events.ts";
import { redrive } from "../../src/service/redrive.ts";
import { sql } from "../../src/store/sql.ts";
import type { Lane, Store } from "../../src/store/store.ts";
import { clockAt, emptyTables, openFreshStore, rowsOf, schema, silentLog } from "../support/ingest.ts";

const churn = schema("churn", { age: "numeric", plan: "categorical" });
const models = [{ schema: churn, maxFutureMs: 3_600_000 }];
const HOUR = 3_600_000;

let store: Store;
let end: () => Promise<void>;
let clock = clockAt("2026-03-02T10:10:00Z");
before(async () => {
  ({ store, end } = await openFreshStore([churn]));
});
after(() => end());
beforeEach(async () => {
  clock = clockAt("2026-03-02T10:10:00Z");
  await emptyTables(store, [churn]);
  for (const table of [sql`halves`, sql`evaluated`]) await store.lane("control").command(sql`TRUNCATE TABLE ${table}`);
});

const limits = { batchRows: 1000, batchBytes: 1 << 20, batchWaitMs: 1, deadLetterBytes: 10_000 };

const config = configSchema.parse({
  store: { embedded: "x" },
  sources: [{ use: "kafka", brokers: ["kafka:9092"], topics: ["calls"], format: "kserve" }],
  models: [{ name: "churn", task: "binary" }],
});

function openIngestion() {
  const decoders = createDecoders({ config, models, clock });
  const writer = createBatchWriter({
    ...limits,
    lane: store.lane("ingest"),
    clock,
    log: silentLog,
    models: [{ schema: churn, paneMs: 60_000 }],
    decoderOf: (source) => decoders.of(source),
  });
  return { decoders, writer };
}

/** What one process of ingestion does: stores messages of one partition, and their commit record. */
async function ingest(
  partition: number,
  from: number,
  items: readonly Omit<RawMessage, "source" | "partition" | "offset">[],
) {
  const { writer } = openIngestion();
  await writer.push(
    items.map((item, index) => ({ source: "kafka:calls:id", partition, offset: from + index, ...item })),
  );
  await writer.flush();
  await writer.close(0);
}

/** What `driftline dead-letters redrive` does. */
async function redriven() {
  const { decoders, writer } = openIngestion();
  const result = await redrive({ lane: store.lane("control"), writer, decoders, schemas: [churn], clock }, {});
  await writer.close(0);
  return result;
}

function half(side: "request" | "response", id: string, body: unknown, time = "2026-03-02T10:00:00Z") {
  const headers = {
    ce_type: `org.kubeflow.serving.inference.${side}`,
    ce_id: id,
    ce_time: time,
    ce_inferenceservicename: "churn",
    ce_component: "predictor",
  };
  return { headers, value: Buffer.from(JSON.stringify(body)) };
}
const request = (id: string, rows: number, time?: string) =>
  half("request", id, { instances: Array.from({ length: rows }, (_, row) => ({ age: row, plan: "pro" })) }, time);
const response = (id: string, rows: number, time?: string) =>
  half("response", id, { predictions: Array.from({ length: rows }, (_, row) => row % 2) }, time);

/** A process that pairs. `lane` is what both its reading and its writing go through. */
function openPairing(lane: Lane) {
  const writer: BatchWriter = createBatchWriter({
    ...limits,
    lane,
    clock,
    log: silentLog,
    models: [{ schema: churn, paneMs: 60_000 }],
    decoderOf: () =>
      createJsonDecoder({ mapping: nativeMapping, models, clock, maxMessageBytes: 1e9, deadLetterBytes: 10_000 }),
  });
  const counted: string[] = [];
  const pairing = createPairing({
    lane,
    sink: writer,
    clock,
    withinMs: HOUR,
    deadLetterBytes: 10_000,
    keepsRedactedAlone: false,
    metrics: { deadLetters: (_, format, reason, count) => void counted.push(`${format} ${reason} ${count}`) },
  });
  return { pairing, writer, counted };
}

const predictions = () =>
  rowsOf(
    store,
    "SELECT id, toString(timestamp) AS t, `features.age` AS age, prediction AS p, source AS s, partition AS n FROM predictions_churn FINAL ORDER BY id",
  );
const letters = () =>
  rowsOf(store, "SELECT partition AS n, offset AS o, format, reason, detail FROM dead_letters FINAL ORDER BY n, o");
const SOURCE = pairSource("kserve", "kafka:calls:id");

describe("pairing", () => {
  test("halves of different processes and of either order become the rows of their calls, under a source with records and positions of its own", async () => {
    await ingest(0, 0, [response("b", 1), request("a", 2)]);
    const { pairing } = openPairing(store.lane("evaluate"));
    assert.deepEqual(await pairing.run(), { calls: 0, rows: 0 });
    clock.set("2026-03-02T10:25:00Z");
    await ingest(7, 100, [request("b", 1, "2026-03-02T10:00:30Z"), response("a", 2)]);
    assert.deepEqual(await pairing.run(), { calls: 2, rows: 3 });
    assert.deepEqual(await pairing.run(), { calls: 0, rows: 0 });
    assert.deepEqual(await predictions(), [
      { id: "a/0", t: "2026-03-02 10:00:00.000", age: 0, p: 0, s: SOURCE, n: 7 },
      { id: "a/1", t: "2026-03-02 10:00:00.000", age: 1, p: 1, s: SOURCE, n: 7 },
      { id: "b/0", t: "2026-03-02 10:00:30.000", age: 0, p: 0, s: SOURCE, n: 0 },
    ]);
    const records = await rowsOf(
      store,
      `SELECT source AS s, partition AS n, first_offset AS a, last_offset AS z, rows, toString(touched.pane[1]) AS pane, touched.n[1] AS events
       FROM batches WHERE startsWith(source, 'pairs:') ORDER BY n`,
    );
    assert.deepEqual(records, [
      { s: SOURCE, n: 0, a: 0, z: 0, rows: 1, pane: "2026-03-02 10:00:00.000", events: 1 },
      { s: SOURCE, n: 7, a: 0, z: 1, rows: 2, pane: "2026-03-02 10:00:00.000", events: 2 },
    ]);
  });

  test("a half that is sent twice is one; of copies the first in time counts, also where it comes last", async () => {
    await ingest(0, 0, [request("a", 1, "2026-03-02T10:00:05Z"), response("a", 1), response("a", 1)]);
    const { pairing } = openPairing(store.lane("evaluate"));
    await pairing.run();
    await ingest(1, 0, [request("a", 1, "2026-03-02T10:00:01Z")]);
    await pairing.run();
    // Both lie in the store; which of the copies of an id counts is decided where rows are read, as for every event.
    assert.deepEqual(
      (await predictions()).map(({ id, t }) => [id, t]),
      [
        ["a/0", "2026-03-02 10:00:01.000"],
        ["a/0", "2026-03-02 10:00:05.000"],
      ],
    );
  });

  test("a lonely half is a dead letter after the time limit and once; it is taken back when the other comes after all", async () => {
    await ingest(0, 0, [request("a", 1), request("b", 1), response("b", 1)]);
    const { pairing, counted } = openPairing(store.lane("evaluate"));
    await pairing.run();
    assert.deepEqual(await letters(), []);
    clock.set("2026-03-02T11:10:01Z");
    await pairing.run();
    await openPairing(store.lane("evaluate")).pairing.run();
    const detail =
      "the request a of kserve /churn/predictor/ has had no response within 1h (ingest.pair_within); what is kept is what was read of it, not its bytes";
    assert.deepEqual(await letters(), [{ n: 0, o: 0, format: "kserve", reason: "unpaired", detail }]);
    assert.deepEqual(counted, ["kserve unpaired 1"]);
    await ingest(0, 3, [response("a", 1)]);
    assert.deepEqual(await pairing.run(), { calls: 1, rows: 1 });
    assert.deepEqual(await letters(), []);
    assert.equal((await predictions()).length, 2);
  });

  test("a half that was buried so long ago that it waits no more is read again once its other side is there, and not before", async () => {
    await ingest(0, 0, [request("a", 2), request("b", 1), request("c", 1), response("c", 2)]);
    await openPairing(store.lane("evaluate")).pairing.run({ final: true });
    // As a week takes them out of `halves`.
    await store.lane("control").command(sql`TRUNCATE TABLE halves`);
    const before = await redriven();
    assert.deepEqual([before.looked_at, before.redriven], [3, 0]);
    assert.deepEqual(
      before.stay.map(({ reason, count, detail }) => [reason, count, detail]),
      [
        ["unpaired", 2, "the request a of kserve /churn/predictor/ still has no response"],
        [
          "halves_disagree",
          1,
          "the call c: the request has 1 rows, its answer 2: which belongs to which can't be told",
        ],
      ],
    );
    await ingest(0, 4, [response("a", 2)]);
    const after = await redriven();
    assert.deepEqual([after.looked_at, after.redriven], [3, 1]);
    assert.deepEqual(await openPairing(store.lane("evaluate")).pairing.run(), { calls: 1, rows: 2 });
    assert.deepEqual(
      (await predictions()).map(({ id, t, age }) => [id, t, age]),
      [
        ["a/0", "2026-03-02 10:00:00.000", 0],
        ["a/1", "2026-03-02 10:00:00.000", 1],
      ],
    );
    assert.deepEqual([(await redriven()).looked_at, (await predictions()).length], [2, 2]);
  });

  test("two halves that both lie among the dead letters find each other when they are read again", async () => {
    await ingest(0, 0, [request("a", 1)]);
    await openPairing(store.lane("evaluate")).pairing.run({ final: true });
    await store.lane("control").command(sql`TRUNCATE TABLE halves`);
    await ingest(1, 0, [response("a", 1)]);
    await openPairing(store.lane("evaluate")).pairing.run({ final: true });
    await store.lane("control").command(sql`TRUNCATE TABLE halves`);
    assert.equal((await letters()).length, 2);
    assert.equal((await redriven()).redriven, 2);
    assert.deepEqual(await openPairing(store.lane("evaluate")).pairing.run(), { calls: 1, rows: 1 });
    assert.equal((await predictions()).length, 1);
  });

  test("at the end of a replay what is alone is a dead letter at once; halves that disagree are one too, under the answer's position", async () => {
    await ingest(0, 0, [request("a", 1), request("b", 2), response("b", 1)]);
    await openPairing(store.lane("evaluate")).pairing.run({ final: true });
    assert.deepEqual(
      (await letters()).map(({ o, reason }) => [o, reason]),
      [
        [0, "unpaired"],
        [2, "halves_disagree"],
      ],
    );
    assert.deepEqual(await predictions(), []);
  });

  test("killed before or after any call to the store, and started anew: every row once, no call forgotten", async () => {
    const steps: number[] = [];
    for (const after of [false, true]) {
      for (let step = 1; ; step++) {
        await emptyTables(store, [churn]);
        for (const table of [sql`halves`, sql`evaluated`])
          await store.lane("control").command(sql`TRUNCATE TABLE ${table}`);
        await ingest(0, 0, [request("a", 2), request("b", 1), response("b", 1), request("alone", 1)]);
        await ingest(1, 0, [response("a", 2)]);
        clock.set("2026-03-02T11:10:01Z");
        const killed = await killedAt(step, after);
        await openPairing(store.lane("evaluate")).pairing.run();
        assert.deepEqual(
          (await predictions()).map(({ id }) => id),
          ["a/0", "a/1", "b/0"],
          `step ${step}`,
        );
        assert.deepEqual(
          (await letters()).map(({ n, o, reason }) => [n, o, reason]),
          [[0, 3, "unpaired"]],
        );
        const [last] = await rowsOf(
          store,
          `SELECT toUInt32(count()) AS gone FROM (SELECT partition AS n, max(next_offset) AS stored FROM positions WHERE source = '${SOURCE}' GROUP BY n) AS p
           LEFT JOIN (SELECT partition AS n, max(last_offset) AS last FROM batches WHERE source = '${SOURCE}' GROUP BY n) AS b USING n WHERE stored != last + 1`,
        );
        assert.deepEqual(last, { gone: 0 });
        clock.set("2026-03-02T10:10:00Z");
        if (!killed) {
          steps.push(step);
          break;
        }
      }
    }
    assert.ok(
      steps.every((count) => count > 8),
      `calls to the store: ${steps.join(", ")}`,
    );
  });
});

/** Runs until the n-th call to the store, which never comes, or whose answer is lost. Whether it came so far. */
async function killedAt(step: number, after: boolean): Promise<boolean> {
  const lane = store.lane("evaluate");
  let calls = 0;
  let die: () => void = () => undefined;
  const guarded = async <Value>(call: () => Promise<Value>): Promise<Value> => {
    calls++;
    if (calls < step) return await call();
    if (calls === step && after) await call();
    die();
    throw new Error("killed");
  };
  const dying: Lane = {
    query: (...parts) => guarded(() => lane.query(...parts)),
    command: (...parts) => guarded(() => lane.command(...parts)),
    insertBlock: (...parts) => guarded(() => lane.insertBlock(...parts)),
    insertRows: (...parts) => guarded(() => lane.insertRows(...parts)),
    text: (...parts) => guarded(() => lane.text(...parts)),
  };
  const { pairing, writer } = openPairing(dying);
  die = () => void writer.close(0);
  const killed = await pairing.run().then(
    () => false,
    () => true,
  );
  await writer.close(0);
  return killed;
}
