/** The command line as people call it: the built commands as child processes, nothing of ours in this one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { z } from "zod";
import { startClickHouseFront } from "../support/clickhouse-front.ts";
import { mainFile, parseRows, ServiceProcess } from "../support/kafka/service.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-service-"));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [mainFile(), ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

const home = async (name: string): Promise<string> => {
  const made = path.join(folder, name);
  await mkdir(made);
  return made;
};
const event = (id: string, more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({
    id,
    type: "prediction",
    model: "m",
    timestamp: "2026-01-05T10:00:00Z",
    prediction: 1,
    features: { x: 1.5 },
    ...more,
  });

async function post(
  service: ServiceProcess,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${service.url}/v1/events`, { method: "POST", headers, body });
  return { status: response.status, body: await response.json() };
}

const stored = { accepted: 1, rejected: 0, items: [] };
const counted = z.object({ n: z.coerce.number() });
const idRow = z.object({ id: z.string() });
const EMBEDDED = {
  models: [{ name: "m", task: "binary", windows: ["1h"] }],
  evaluation: { every: "500ms" },
  ingest: { batch_wait: "50ms" },
};

test("each command explains itself", async () => {
  const commands = ["serve", "replay", "check", "sql", "demo"];
  const [all, ...each] = await Promise.all([run("--help"), ...commands.map((command) => run(command, "--help"))]);
  for (const [index, command] of commands.entries()) {
    assert.match(all?.out ?? "", new RegExp(`^  ${command} .*\\S`, "m"));
    const help = each[index];
    assert.equal(help?.code, 0);
    assert.match(help?.out ?? "", new RegExp(`Usage: driftline ${command}\\b[\\s\\S]*Options:`));
    if (command !== "demo") assert.match(help?.out ?? "", /-c, --config <file>[\s\S]*Example/);
  }
  const unknown = await run("serv");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /unknown command 'serv'[\s\S]*serve/);
  const role = await run("serve", "--roles", "ingest,cook");
  assert.equal(role.code, 1);
  assert.match(role.err, /"cook" is no role; choose from ingest, evaluate, deliver, web/);
});

test("check says of a wrong configuration where it is wrong and what would be right, with exit status 1", async () => {
  const file = path.join(folder, "wrong.yaml");
  await writeFile(file, "models:\n  - name: m\n    task: binary\n    windws: [1h]\n    kpis: [acuracy]\n");
  const wrong = await run("check", "-c", file);
  assert.equal(wrong.code, 1);
  assert.equal(wrong.out, "");
  assert.match(wrong.err, /wrong\.yaml:4/);
  assert.match(wrong.err, /windws[\s\S]*windows/);
  assert.match(wrong.err, /wrong\.yaml:5[\s\S]*accuracy/);
  assert.doesNotMatch(wrong.err, /\n\s+at /, "no stack");
  const missing = await run("check", "-c", "nowhere.yaml");
  assert.equal(missing.code, 1);
  assert.match(missing.err, /nowhere\.yaml/);
});

test("check tries what a configuration names, and shows no secret", async () => {
  const file = path.join(folder, "right.yaml");
  const hook = "{ use: webhook, url: 'http://127.0.0.1:9/hook', secret: whsec_aHVzaC1odXNoLWh1c2gtaHVzaA== }";
  await writeFile(
    file,
    `store: { embedded: ./right }\nmodels: [{ name: m, task: binary, alerts: { channels: [hook] } }]\nchannels: { hook: ${hook} }\n`,
  );
  const right = await run("check", "-c", file, "--offline", "--print");
  assert.equal(right.code, 0, right.err);
  assert.match(right.out, /right\.yaml is valid: 1 models, 0 sources/);
  assert.doesNotMatch(right.out + right.err, /aHVzaC1o/);
  const away = path.join(folder, "away.yaml");
  await writeFile(
    away,
    "store: { embedded: ./right }\nsources: [{ use: kafka, brokers: ['127.0.0.1:9'], topics: [t] }]\nmodels: [{ name: m, task: binary, reference: { file: none.parquet } }]\n",
  );
  const failed = await run("check", "-c", away);
  assert.equal(failed.code, 1);
  assert.match(failed.out, /^ok .*store/im);
  assert.match(failed.out, /^FAILED .*(127\.0\.0\.1:9|kafka)/m);
  assert.match(failed.out, /^FAILED .*reference/m);
});

test("serve: what was acknowledged survives SIGKILL, one process holds a folder, sql asks the service or the folder", async () => {
  const inside = await home("serve");
  await using service = await ServiceProcess.prepare(inside, EMBEDDED);
  const sql = (query: string) => run("sql", query, "-c", service.configFile, "--format", "JSONEachRow");
  const ids = async () => {
    const answer = await sql("select id from predictions_m final order by id");
    assert.equal(answer.code, 0, answer.err);
    return parseRows(answer.out, idRow).map(({ id }) => id);
  };
  await service.start();
  await service.untilReady();
  assert.deepEqual(await post(service, event("one")), { status: 200, body: stored });
  assert.deepEqual(await post(service, `[${event("two")},${event("three")}]`), {
    status: 200,
    body: { ...stored, accepted: 2 },
  });
  assert.equal(
    (await post(service, `${event("four")}\n${event("five")}\n`, { "content-type": "application/x-ndjson" })).status,
    200,
  );
  const keyed = JSON.stringify({ ...z.record(z.string(), z.unknown()).parse(JSON.parse(event(""))), id: undefined });
  for (let time = 0; time < 3; time++)
    assert.equal((await post(service, keyed, { "idempotency-key": "key" })).status, 200);
  const those = ["five", "four", "key/0", "one", "three", "two"];
  assert.deepEqual(await ids(), those);

  const second = await run("serve", "-c", service.configFile);
  assert.equal(second.code, 1);
  assert.match(second.err, /held by process \d+\. One process holds a folder at a time/);

  // Acknowledged up to the very moment of the kill.
  const acknowledged: string[] = [];
  let kill = false;
  const clients = Array.from({ length: 4 }, async (_, client) => {
    for (let index = 0; !kill; index++) {
      const id = `k${client}-${index}`;
      const answer = await post(service, event(id)).catch(() => null);
      if (answer?.status === 200) acknowledged.push(id);
    }
  });
  await service.until("some are acknowledged", () => acknowledged.length > 8);
  await service.kill();
  kill = true;
  await Promise.all(clients);
  const dead = await ids();
  for (const id of [...acknowledged, ...those]) assert.ok(dead.includes(id), `${id} was acknowledged and is gone`);
  await service.start();
  await service.untilReady();
  assert.deepEqual(await ids(), dead);
  assert.equal((await post(service, keyed, { "idempotency-key": "key" })).status, 200);
  assert.deepEqual(await ids(), dead);
  const refused = await sql("drop table predictions_m");
  assert.equal(refused.code, 1);
  assert.equal(refused.out, "");
  await service.stop();
  // What a killed service leaves behind, its process id another's by now; what a full disk leaves.
  const announcement = path.join(inside, "data", "driftline-service.json");
  for (const left of [JSON.stringify({ pid: process.pid, url: service.url }), '{"pid":']) {
    await writeFile(announcement, left);
    assert.deepEqual(await ids(), dead, "asks the folder itself once the service has ended");
  }
});

test("SIGTERM ends the service within seconds with status 0, requests and slow clients or not", async () => {
  const inside = await home("sigterm");
  const file = path.join(inside, "driftline.yaml");
  await writeFile(file, "models: [{ name: m, task: binary }]\nserver: { port: 0 }\n");
  const child = spawn(process.execPath, [mainFile(), "serve", "-c", file], {
    cwd: inside,
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    let log = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const exited = once(child, "exit");
    while (!log.includes('"serving"')) {
      assert.equal(child.exitCode, null, log);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const announced = z
      .object({ url: z.url() })
      .parse(JSON.parse(readFileSync(path.join(inside, "data", "driftline-service.json"), "utf8")));
    const { hostname, port } = new URL(announced.url);
    const slow = connect(
      Number(port),
      hostname,
      () => void slow.write(`POST /v1/events HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 9\r\n\r\n[`),
    );
    slow.on("error", () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const began = Date.now();
    child.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null], log);
    assert.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`);
    slow.destroy();
  } finally {
    child.kill("SIGKILL");
  }
});

test("replay prints what was promised, keeps nothing unless asked to, and sql reads what was kept", async () => {
  const inside = await home("replay");
  const reference = Array.from({ length: 300 }, (_, index) =>
    JSON.stringify({ x: (index * 37) % 100, prediction: index % 2 }),
  );
  await writeFile(path.join(inside, "reference.ndjson"), `${reference.join("\n")}\n`);
  const lines: string[] = [];
  for (let index = 0; index < 600; index++) {
    const timestamp = new Date(Date.UTC(2026, 0, 5, 10) + index * 12_000).toISOString();
    lines.push(
      event(`r${index}`, { timestamp, prediction: index % 2, features: { x: index < 300 ? (index * 37) % 100 : 500 } }),
    );
    lines.push(JSON.stringify({ id: `r${index}`, type: "label", model: "m", timestamp, label: index % 2 }));
  }
  lines.push("{broken", lines[0] ?? "");
  await writeFile(path.join(inside, "events.ndjson"), `${lines.join("\n")}\n`);
  const file = path.join(inside, "driftline.yaml");
  await writeFile(
    file,
    `sources: [{ use: file, path: events.ndjson }]
models:
  - name: m
    task: binary
    reference: { file: reference.ndjson }
    windows: [1h]
    kpis: [accuracy]
    false_alarms: off
    alerts: { rules: ["jensen-shannon breached"] }
`,
  );
  const schema = z.strictObject({
    events: z.number(),
    predictions: z.literal(600),
    labels: z.literal(600),
    deadLetters: z.literal(1),
    windows: z.number().min(2),
    incidents: z
      .array(
        z.looseObject({
          model: z.literal("m"),
          subjects: z.array(z.string()),
          metrics: z.array(z.string()),
          openedAt: z.iso.datetime(),
        }),
      )
      .length(1),
    seconds: z.number().positive(),
    eventsPerSecond: z.number().positive(),
  });
  const first = await run("replay", "-c", file, "--json");
  assert.equal(first.code, 0, first.err);
  const result = schema.parse(JSON.parse(first.out));
  assert.deepEqual(result.incidents[0]?.subjects, ["x"]);
  assert.deepEqual(result.incidents[0]?.metrics, ["jensen-shannon"]);
  assert.equal(existsSync(path.join(inside, "data")), false);

  const table = await run("replay", "-c", file, "--keep");
  assert.equal(table.code, 0, table.err);
  assert.match(table.out, /^events +1,200 \(600 predictions, 600 labels\)$/m);
  const again = await run("replay", "-c", file, "--keep", "--json");
  const {
    seconds: _s,
    eventsPerSecond: _e,
    ...kept
  } = schema.extend({ eventsPerSecond: z.number() }).parse(JSON.parse(again.out));
  const { seconds: _f, eventsPerSecond: _g, ...read } = result;
  assert.deepEqual(kept, read, "a second time finds all of it stored");
  const accuracy = await run(
    "sql",
    "select count() as n from metrics final where metric = 'accuracy' and value = 1",
    "-c",
    file,
    "--format",
    "JSONEachRow",
  );
  assert.deepEqual(parseRows(accuracy.out, counted), [{ n: 2 }], accuracy.err);
});

const presence = z.object({
  ready: z.boolean(),
  parts: z.array(z.object({ name: z.string(), ok: z.boolean(), reason: z.string() })),
});

test("with a server as the store one process ingests, another evaluates, a third is the page", async () => {
  const inside = await home("roles");
  const front = await startClickHouseFront(path.join(inside, "clickhouse"));
  try {
    const config = {
      ...EMBEDDED,
      store: { url: front.url },
      models: [{ name: "m", task: "binary", windows: ["1h"], pane: "1m", min_rows: 1, kpis: ["accuracy"] }],
    };
    await using ingest = await ServiceProcess.prepare(inside, config, { name: "ingest", roles: "ingest" });
    await using evaluate = await ServiceProcess.prepare(inside, config, {
      name: "evaluate",
      roles: "evaluate,deliver",
    });
    await using web = await ServiceProcess.prepare(inside, config, { name: "web", roles: "web" });
    await ingest.start();
    await ingest.untilReady();
    await Promise.all([evaluate.start(), web.start()]);
    await Promise.all([evaluate.untilReady(), web.untilReady()]);
    const label = JSON.stringify({
      id: "early",
      type: "label",
      model: "m",
      timestamp: "2026-01-05T10:01:00Z",
      label: 1,
    });
    const later = event("later", { timestamp: "2026-01-05T13:00:00Z" });
    assert.equal((await post(ingest, `[${event("early")},${label},${later}]`)).status, 200);
    for (const other of [evaluate, web]) assert.equal((await post(other, event("elsewhere"))).status, 503);
    for (const other of [ingest, evaluate]) assert.equal((await other.get("/"))?.status, 404);
    const kpi = async () =>
      (await web.sql("SELECT count() AS n FROM metrics FINAL WHERE metric = 'accuracy' AND value = 1", counted))[0]
        ?.n === 1;
    await web.until("the evaluation of the other process", kpi, 30_000);
    assert.equal((await web.get("/"))?.status, 200);
    const status = async () => presence.parse(JSON.parse((await run("status", "-c", web.configFile, "--json")).out));
    const all = await status();
    assert.deepEqual(all.parts.map(({ name, ok }) => `${/\((.*)\)/.exec(name)?.[1]} ${ok}`).sort(), [
      "evaluate, deliver true",
      "ingest true",
      "web true",
    ]);
    assert.equal(all.ready, true);
    const outside = await run(
      "sql",
      "select count() as n from predictions_m final",
      "-c",
      web.configFile,
      "--format",
      "JSONEachRow",
    );
    assert.deepEqual(parseRows(outside.out, counted), [{ n: 2 }], outside.err);
  } finally {
    await front.close();
  }
});
