/**
 * Field case secrets-with-yaml-characters on the command line as people call it: what `check` prints, what the service logs and what its
 * pages show holds no secret. What the loader makes of the values is shown in test/unit/config.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { fieldCaseConfig } from "../support/field-cases.ts";
import { until } from "../support/http-receiver.ts";
import { mainFile } from "../support/kafka/service.ts";
import { startSlackReceiver } from "../support/slack-receiver.ts";

const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-secrets-"));
after(() => rm(folder, { recursive: true, force: true }));

const TOKENS = [
  "p#a: s's\"w\\o$HOME${OTHER} & > *x %y",
  'x"\nchannels: {evil: {use: webhook, url: "http://evil.example"}}\ny: "',
  "007",
  "true",
];
const CONFIG = `${fieldCaseConfig("secrets-with-yaml-characters")}
      - { use: accuracy, min: 0.9, min_rows: 1 }
    windows: [1m]
    alerts: { channels: [one, two] }
server: { port: 0 }
store: { embedded: ./data }`;

class Command {
  text = "";
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  constructor(args: readonly string[], token: string | undefined) {
    const { TOKEN: _token, ...inherited } = process.env;
    this.#child = spawn(process.execPath, [mainFile(), ...args], {
      cwd: folder,
      env: { ...inherited, OTHER: "LEAK", DRIFTLINE_LOG: "debug", ...(token === undefined ? {} : { TOKEN: token }) },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#closed = once(this.#child, "close");
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk: Buffer) => void (this.text += chunk.toString()));
  }

  async end(): Promise<number | null> {
    await this.#closed;
    return this.#child.exitCode;
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.#closed;
  }

  get alive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
}

/** The ways in which a secret may show: as it is, or as JSON, HTML or an address spells it. */
function spellings(token: string): string[] {
  const json = JSON.stringify(token).slice(1, -1);
  const html = token.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
  return [
    ...new Set([
      token,
      json,
      JSON.stringify(json).slice(1, -1),
      html,
      html.replaceAll(">", "&gt;"),
      encodeURIComponent(token),
    ]),
  ];
}

function assertHidden(text: string, token: string, where: string): void {
  // "007" and "true" are also numbers and settings; there it must not stand beside the key that holds it.
  const looked =
    token.length > 4
      ? spellings(token)
      : [`token: ${token}`, `token: "${token}"`, `"token":"${token}"`, `Bearer ${token}`];
  for (const spelt of looked) assert.ok(!text.includes(spelt), `${where} shows the token as ${spelt}`);
  for (const word of ["LEAK", "evil"]) assert.ok(!text.includes(word), `${where} shows ${word}`);
}

for (const [index, token] of TOKENS.entries()) {
  test(`secrets-with-yaml-characters: check prints token ${index + 1} nowhere, with and without an error`, async () => {
    await writeFile(path.join(folder, "driftline.yaml"), CONFIG);
    await writeFile(
      path.join(folder, "wrong.yaml"),
      CONFIG.replace("task: binary", 'task: "${TOKEN}"').replace("use: slack, token", "use: slack, tokn"),
    );
    const right = new Command(["check", "--offline", "--print"], token);
    const wrong = new Command(["check", "--offline", "-c", "wrong.yaml"], token);
    assert.equal(await right.end(), 0, right.text);
    assert.equal(await wrong.end(), 1, wrong.text);
    assert.match(right.text, /\[secret\]/);
    assert.ok(right.text.includes("'^a$'"), "the $ of the KPI's SQL was touched");
    assert.match(wrong.text, /wrong\.yaml:\d+:\d+ +channels\.one/);
    assertHidden(right.text, token, "check");
    assertHidden(wrong.text, token, "the error");
  });
}

for (const [what, token] of [
  ["5: not set", undefined],
  ["6: empty", ""],
] as const) {
  test(`secrets-with-yaml-characters: with token ${what}, check and serve refuse, naming file, line, path and variable`, async () => {
    await writeFile(path.join(folder, "driftline.yaml"), CONFIG);
    for (const args of [["check", "--offline"], ["serve"]]) {
      const command = new Command(args, token);
      assert.equal(await command.end(), 1, command.text);
      assert.match(command.text, /driftline\.yaml:2:\d+ +channels\.one\.token: .*TOKEN/);
      assert.match(command.text, /driftline\.yaml:5:\d+ +channels\.two\.token: .*TOKEN/);
    }
  });
}

/** A window of a minute in which every prediction was wrong, and a later event that closes it. */
function wrongMinute(): string {
  const minute = Math.floor((Date.now() - 3_600_000) / 60_000) * 60_000;
  const line = (type: string, id: string, ms: number, value: number) =>
    JSON.stringify({ type, id, model: "m", timestamp: new Date(ms).toISOString(), [type]: value });
  return [
    line("prediction", "a", minute, 1),
    line("label", "a", minute + 1000, 0),
    line("prediction", "b", minute + 300_000, 1),
  ].join("\n");
}

for (const [index, token] of TOKENS.slice(0, 2).entries()) {
  // No HTTP header can hold the second one, so Slack can't be asked: that error must not show it either.
  const outcome = index === 0 ? "Slack gets it byte for byte" : "the failed delivery does not show it";
  test(`secrets-with-yaml-characters: log, pages and API show token ${index + 1} nowhere, and ${outcome}`, async () => {
    await using slack = await startSlackReceiver();
    // The first channel is written in one line, the second in several.
    const addressed = CONFIG.replace('channel: "#ml" }', `channel: "#ml", api_url: "${slack.apiUrl}" }`).replace(
      '    channel: "#ml"\n',
      `    channel: "#ml"\n    api_url: "${slack.apiUrl}"\n`,
    );
    await writeFile(path.join(folder, "driftline.yaml"), `${addressed}\nevaluation: { every: 200ms }\n`);
    const service = new Command(["serve"], token);
    try {
      let url = "";
      await until(
        () => {
          url = /"url":"(http:[^"]+)"[^\n]*"serving"/.exec(service.text)?.[1] ?? "";
          return url !== "" || !service.alive;
        },
        60_000,
        () => `the service: ${service.text}`,
      );
      assert.ok(service.alive, service.text);
      const sent = await fetch(`${url}/v1/events`, {
        method: "POST",
        headers: { "content-type": "application/x-ndjson" },
        body: wrongMinute(),
      });
      assert.equal(sent.status, 200, await sent.text());
      const [incident] = await eventually(async () => {
        const answer = opened.parse(await (await fetch(`${url}/v1/incidents`)).json());
        return answer.incidents.length > 0 ? answer.incidents : null;
      });
      const page = `/v1/incidents/${incident?.incident_id ?? ""}`;
      await eventually(async () => {
        const { deliveries } = delivered.parse(await (await fetch(url + page)).json());
        return deliveries.length === 2 && deliveries.every((delivery) => delivery.attempt > 0) ? deliveries : null;
      });
      if (index === 0) {
        assert.equal(slack.messages.length, 2);
        for (const message of slack.messages) assert.equal(message.token, token);
      }
      const pages = [
        "/",
        "/models/m",
        "/incidents",
        page,
        page.slice(3),
        "/dead-letters",
        "/ready",
        "/metrics",
        "/v1/models",
        "/v1/openapi.json",
        "/nowhere",
      ];
      for (const shown of pages) assertHidden(await (await fetch(url + shown)).text(), token, shown);
    } finally {
      await service.stop();
    }
    assertHidden(service.text, token, "the log");
    assert.match(service.text, /"starting"/);
  });
}

const opened = z.object({ incidents: z.array(z.looseObject({ incident_id: z.string() })) });
const delivered = z.object({ deliveries: z.array(z.looseObject({ attempt: z.number() })) });

/** Asks until there is an answer. */
async function eventually<T>(ask: () => Promise<T | null>): Promise<T> {
  const end = Date.now() + 30_000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > end) throw new Error("waited 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
