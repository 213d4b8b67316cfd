/** `driftline init` as a person uses it: questions on a real terminal, Ctrl-C at one, and `--http`, which looks at what services post. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import { mainFile, runCommand } from "../support/kafka/service.ts";
import { projectFile } from "../support/project-file.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "driftline-init-"));
  const lines = Array.from(
    { length: 200 },
    (_, row) =>
      `L${row},${new Date(Date.UTC(2026, 8, 1, 0, row)).toISOString()},${18 + (row % 70)},${row % 3 === 0 ? "alpha" : "beta"}`,
  );
  await writeFile(path.join(folder, "loans.csv"), ["Case No,Scored At,Age,Predicted Class", ...lines].join("\n"));
});
after(() => rm(folder, { recursive: true, force: true }));

const written = (name: string) =>
  loadConfig(path.join(folder, name), { environment: {}, readFile: (file) => readFileSync(file, "utf8") });

/** How a terminal is told where to write. */
const MOVES = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]|\r`, "g");

/** What a process has said so far, and a wait for more. */
class Said {
  #text = "";
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => {
        this.#text += chunk.toString().replace(MOVES, "");
      });
  }

  get text(): string {
    return this.#text;
  }

  async until(pattern: RegExp): Promise<RegExpMatchArray> {
    for (let waited = 0; waited < 20_000; waited += 20) {
      const match = pattern.exec(this.#text);
      if (match !== null) return match;
      if (this.#child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#child.kill("SIGKILL");
    throw new Error(`it never said ${pattern}:\n${this.#text}`);
  }
}

const hasTerminal = spawnSync("script", ["--version"]).status === 0;
const onTerminal = { skip: hasTerminal ? false : "util-linux' script, which gives a terminal, is not installed" };

/** The command on a pseudo-terminal. */
function atTerminal(...args: string[]) {
  const command = [process.execPath, mainFile(), ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", command, path.join(folder, "typescript")], { cwd: folder, stdio: "pipe" });
  return { child, said: new Said(child), exited: once(child, "exit") };
}

test("at a terminal what is not sure is asked, and the answers are what is written", onTerminal, async () => {
  const { child, said, exited } = atTerminal("init", "--file", "loans.csv", "-o", "asked.yaml");
  await said.until(/What is it called\? \[loans\] $/);
  child.stdin.write("credit\r");
  await said.until(/credit: which class is the positive one\?[\s\S]*number or name \[1\] $/);
  child.stdin.write("alpha\r");
  await said.until(/or for example 0\.3 \[none\] $/);
  child.stdin.write("half\r");
  await said.until(/half: a number above 0[\s\S]*\[none\] $/);
  child.stdin.write("0.5\r");
  assert.deepEqual(await exited, [0, null]);
  assert.match(said.text, /written: asked\.yaml, reference-credit\.ndjson/);
  const [model] = written("asked.yaml").models;
  assert.deepEqual([model?.name, model?.task, model?.classes], ["credit", "binary", ["beta", "alpha"]]);
  assert.equal((await readFile(path.join(folder, "reference-credit.ndjson"), "utf8")).trim().split("\n").length, 100);
  assert.match(await runCommand(["check", "-c", "asked.yaml"], folder), /is valid/);
});

test("Ctrl-C at a question ends it with nothing written", onTerminal, async () => {
  const { child, said, exited } = atTerminal("init", "--file", "loans.csv", "-o", "broken-off.yaml");
  await said.until(/What is it called\? \[loans\] $/);
  child.stdin.write("\u0003");
  const [code] = await exited;
  assert.equal(code, 1);
  assert.match(said.text, /nothing was written/);
  assert.equal(existsSync(path.join(folder, "broken-off.yaml")), false);
});

function listening(...args: string[]) {
  const child = spawn(process.execPath, [mainFile(), "init", "--http", "127.0.0.1:0", ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = new Said(child);
  const address = said.until(/posted to (http:\S+);/).then((match) => match[1] ?? "");
  return { child, said, address, exited: once(child, "exit") };
}
const post = async (url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  (await fetch(url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body })).status;

test("--http learns from what is posted, ends by itself when it has enough, and takes nothing for stored", async () => {
  const { said, address, exited } = listening("--sample", "4", "--yes", "-o", "posted.yaml");
  const url = await address;
  const sent = z.object({ headers: z.record(z.string(), z.string()), body: z.string() });
  const lines = readFileSync(projectFile("test/fixtures/messages/kserve-agent-0.15.2.ndjson"), "utf8")
    .trim()
    .split("\n");
  const statuses: number[] = [];
  for (const line of [lines[0] ?? "", ...lines]) {
    const { headers, body } = sent.parse(JSON.parse(line));
    const known = Object.entries(headers).filter(([name]) => /^ce-|^content-type$/i.test(name));
    statuses.push(await post(url, body, Object.fromEntries(known)));
  }
  assert.deepEqual(statuses, [503, 503, 503, 503, 503]);
  assert.deepEqual(await exited, [0, null]);
  assert.match(said.text, /next: driftline check -c posted\.yaml/);
  const config = written("posted.yaml");
  assert.deepEqual([config.models.map(({ name }) => name), config.sources], [["iris"], []]);
  assert.match(await readFile(path.join(folder, "posted.yaml"), "utf8"), /--http 127\.0\.0\.1:0/);
});

test("--http ends at Ctrl-C with what has come; what is no event is refused, and requests that break off do no harm", async () => {
  const { child, said, address, exited } = listening("--yes", "-o", "stopped.yaml");
  const url = await address;
  const event = (row: number) => ({
    id: `e${row}`,
    model: "live",
    timestamp: Date.UTC(2026, 8, 1, 0, row),
    prediction: row % 2,
    features: { amount: row },
  });
  const broken = connect(Number(new URL(url).port), "127.0.0.1");
  await once(broken, "connect");
  broken.write(
    'POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"id":',
  );
  broken.destroy();
  assert.equal(await post(url, "[{]"), 400);
  assert.equal(await post(url, JSON.stringify(Array.from({ length: 30 }, (_, row) => event(row)))), 503);
  assert.equal(
    await post(url, Uint8Array.from(gzipSync(JSON.stringify(event(30)))), { "content-encoding": "gzip" }),
    503,
  );
  child.kill("SIGINT");
  assert.deepEqual(await exited, [0, null], said.text);
  assert.deepEqual(
    written("stopped.yaml").models.map(({ name, task }) => [name, task]),
    [["live", "binary"]],
  );
  assert.match(said.text, /31/);
});
