/**
 * The census stream through a real broker into the built service, which is killed five times on the way: every number of
 * every closed window equals that of an undisturbed replay of the files.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { z } from "zod";
import { seededRandom } from "../../src/math/seeded-random.ts";
import { censusConfig, censusStream, partitions, produceOver, topics } from "../support/kafka/census.ts";
import { parseRows, runCommand, ServiceProcess } from "../support/kafka/service.ts";
import { startBroker, type TestBroker } from "../support/kafka-broker.ts";
import { createTopic } from "../support/produce.ts";

const seed = 20_261_125;
/** The stream is sent over this time, so that the kills fall into the work. */
const streamSeconds = 25;

let broker: TestBroker;
let folder: string;
before(async () => {
  broker = await startBroker();
  folder = await mkdtemp(path.join(tmpdir(), "driftline-exactly-once-"));
});
after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const metricsQuery = `SELECT * EXCEPT (revision, computed_at) FROM metrics FINAL
  ORDER BY model, version, variant, segment, window, window_start, subject_kind, subject, metric`;
const rowSchema = z.looseObject({ window: z.string(), window_start: z.string(), window_end: z.string() });
type Row = z.output<typeof rowSchema>;
const countSchema = z.object({ n: z.coerce.number() });

/** The rows that an undisturbed replay of the files leaves. */
async function replayed(): Promise<Row[]> {
  const home = path.join(folder, "replay");
  await mkdir(home);
  const file = path.join(home, "driftline.yaml");
  await writeFile(file, stringify(censusConfig({ store: { embedded: path.join(home, "data") }, kafka: null })));
  const summary = z
    .looseObject({ events: z.number() })
    .parse(JSON.parse(await runCommand(["replay", "-c", file, "--json", "--keep"], home)));
  assert.equal(summary.events, 417_784);
  return parseRows(await runCommand(["sql", metricsQuery, "-c", file, "--format", "JSONEachRow"], home), rowSchema);
}

test("Five kills at random moments, malformed and repeated messages change no number of any closed window", {
  timeout: 900_000,
}, async () => {
  const expected = await replayed();
  assert.ok(expected.length > 1_000, `${expected.length} rows`);

  const random = seededRandom(seed);
  const stream = censusStream(random);
  const { brokers } = broker;
  await createTopic(brokers, topics.predictions, partitions.predictions);
  await createTopic(brokers, topics.labels, partitions.labels);
  const home = path.join(folder, "stream");
  await mkdir(home);
  const kafka = { brokers, group: "exactly-once", session_timeout: "2s" };
  await using service = await ServiceProcess.prepare(
    home,
    censusConfig({ store: { embedded: path.join(home, "data") }, kafka }),
  );

  const stopProducing = new AbortController();
  const producing = Promise.all([
    produceOver(brokers, topics.predictions, stream.predictions, streamSeconds, stopProducing.signal),
    produceOver(brokers, topics.labels, stream.labels, streamSeconds, stopProducing.signal),
  ]);
  producing.catch(() => undefined);
  try {
    const kills: number[] = [];
    for (let kill = 0; kill < 5; kill += 1) {
      await service.start();
      const delayMs = Math.round(1_500 + random() * 5_000);
      kills.push(delayMs);
      await sleep(delayMs);
      assert.ok(service.running, `the service ended by itself:\n${(await service.log()).slice(-3_000)}`);
      await service.kill();
    }
    await service.start();
    await producing;
    await service.untilReady();

    const count = async (query: string) => (await service.sql(query, countSchema))[0]?.n ?? -1;
    const sent = stream.predictions.length + stream.labels.length;
    const positions =
      "SELECT sum(next) AS n FROM (SELECT max(next_offset) AS next FROM positions GROUP BY source, partition)";
    await service.until("every message is stored", async () => (await count(positions)) === sent, 120_000);
    assert.equal(await count("SELECT count() AS n FROM dead_letters FINAL"), stream.malformed);

    // The last window of each kind stays open: only a replay closes it.
    const lastStart = new Map<string, string>();
    for (const row of expected)
      if (row.window_start > (lastStart.get(row.window) ?? "")) lastStart.set(row.window, row.window_start);
    const closed = expected.filter((row) => row.window_start !== lastStart.get(row.window));
    let rows: Row[] = [];
    const whole = async () => {
      rows = await service.sql(metricsQuery, rowSchema);
      return rows.length >= closed.length && JSON.stringify(rows) === JSON.stringify(closed);
    };
    await service.until("every closed window is evaluated", whole, 240_000).catch(() => undefined);
    const windows = (of: readonly Row[]) => new Set(of.map((row) => `${row.window} from ${row.window_start}`)).size;
    assert.equal(windows(rows), windows(closed), `windows after kills at ${kills.join(", ")} ms`);
    assert.ok(windows(rows) >= 10);
    for (const [index, row] of closed.entries()) assert.deepEqual(rows[index], row);
    assert.equal(rows.length, closed.length);
  } finally {
    stopProducing.abort();
    await producing.catch(() => undefined);
  }
});
