/**
 * What a sidecar adds to an inference's latency: the same open-loop load against the service alone and through the sidecar, in turn.
 * A request's time runs from the moment at which it was due, not from the moment at which it was sent, so that a pause that makes
 * others wait counts for all of them. README.md has the setting.
 */
import { type ChildProcess, spawn } from "node:child_process";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { cpuSecondsOf, peakMbOf } from "./process-usage.ts";
import { writeSection } from "./results-section.ts";
import { projectRoot } from "./service.ts";

const command = new Command("bench:sidecar")
  .argument("[role]", "the servers that it starts are itself")
  .option("--rate <n>", "requests a second", Number, 500)
  .option("--seconds <n>", "length of one run", Number, 10)
  .option("--runs <n>", "pairs of runs", Number, 5)
  .option("--connections <n>", "connections of the client", Number, 32)
  .option("--write", "put the figures into bench/RESULTS.md")
  .parse();
const options = command.opts<{ rate: number; seconds: number; runs: number; connections: number; write?: true }>();

const REQUEST = JSON.stringify({ instances: [Array.from({ length: 20 }, (_, index) => index / 7)] });
const ANSWER = JSON.stringify({ predictions: [0.25], model_name: "churn", model_version: "3" });
const WARM_UP_SECONDS = 2;
/** 8 MiB are full after some 6,000 inferences. */
const FILLING = { rate: 2_000, seconds: 4 };

interface Latencies {
  readonly median: number;
  readonly p99: number;
}

interface Figures {
  readonly alone: readonly Latencies[];
  readonly through: readonly Latencies[];
  readonly spooled: readonly Latencies[];
  readonly peakMb: number;
  readonly cpuShare: number;
  readonly startSeconds: number;
}

const [role] = command.args;
if (role === "service") serve(ANSWER);
else if (role === "target") serve("{}");
else {
  const figures = await measure();
  process.stdout.write(
    `${rows(figures)
      .map(([what, figure]) => `${what}: ${figure}`)
      .join("\n")}\n`,
  );
  if (options.write === true) record(figures);
}

/** A server in a process of its own that prints its port. */
function serve(answer: string): void {
  const server = http.createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(answer) });
      response.end(answer);
    });
  });
  server.keepAliveTimeout = 600_000;
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
  });
}

async function measure(): Promise<Figures> {
  const service = await startServer("service");
  const target = await startServer("target");
  const sidecar = await startSidecar(service.port, target.port, []);
  const spool = path.join(os.tmpdir(), `driftline-bench-spool-${process.pid}`);
  const spooling = await startSidecar(service.port, target.port, ["--spool", spool]);
  try {
    const alone: Latencies[] = [];
    const through: Latencies[] = [];
    const spooled: Latencies[] = [];
    for (const port of [service.port, sidecar.port, spooling.port]) await load(port, WARM_UP_SECONDS);
    let cpu = 0;
    for (let run = 0; run < options.runs; run++) {
      alone.push(await load(service.port, options.seconds));
      const before = cpuSecondsOf(sidecar.pid);
      through.push(await load(sidecar.port, options.seconds));
      cpu += cpuSecondsOf(sidecar.pid) - before;
      spooled.push(await load(spooling.port, options.seconds));
    }
    // The target away until the buffer is full: the most that it holds.
    target.child.kill("SIGKILL");
    await load(sidecar.port, FILLING.seconds, FILLING.rate);
    return {
      alone,
      through,
      spooled,
      peakMb: peakMbOf(sidecar.pid),
      cpuShare: cpu / (options.runs * options.seconds),
      startSeconds: sidecar.startSeconds,
    };
  } finally {
    for (const { child } of [sidecar, spooling, service, target]) child.kill("SIGTERM");
  }
}

async function startServer(role: string): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, [process.argv[1] ?? "", role], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve) => child.stdout.once("data", (line) => resolve(Number(line))));
  return { child, port };
}

async function startSidecar(service: number, target: number, args: readonly string[]) {
  const [port, admin] = [await freePort(), await freePort()];
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [
      "--max-semi-space-size=8",
      path.join(projectRoot(), "dist/src/main.js"),
      "sidecar",
      `--listen=${port}`,
      `--admin=${admin}`,
      `--service=http://127.0.0.1:${service}`,
      `--to=http://127.0.0.1:${target}`,
      "--model=churn",
      "--log-level=error",
      ...args,
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  while (!(await connects(admin))) await sleep(5);
  return { child, port, pid: child.pid ?? 0, startSeconds: (performance.now() - started) / 1000 };
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}

/** Sends at fixed instants over kept connections, whatever the answers do; milliseconds from when each was due to its answer. */
async function load(port: number, seconds: number, rate = options.rate): Promise<Latencies> {
  const connections = await Promise.all(Array.from({ length: options.connections }, () => openConnection(port)));
  const total = rate * seconds;
  const times: number[] = [];
  const start = performance.now() + 20;
  let sent = 0;
  while (sent < total) {
    const due = start + (sent * 1000) / rate;
    const early = due - performance.now();
    // Timers of Node have whole milliseconds: the last stretch is spent turning the loop.
    if (early > 1.2) await sleep(Math.floor(early - 0.2));
    else if (early > 0) await new Promise(setImmediate);
    else {
      // The connection that waits for the fewest answers; a service that lags queues up, which counts.
      connections.reduce((one, other) => (other.waiting < one.waiting ? other : one)).send(due, sent, times);
      sent++;
    }
  }
  for (const end = Date.now() + 20_000; times.length < total && Date.now() < end; ) await sleep(5);
  if (times.length < total) throw new Error(`${total - times.length} requests were not answered`);
  for (const connection of connections) connection.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN;
  return { median: at(0.5), p99: at(0.99) };
}

interface Connection {
  readonly waiting: number;
  send(due: number, index: number, times: number[]): void;
  close(): void;
}

/** Raw, since a client's own work would be timed too. An answer of the service ends with its body. */
function openConnection(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
    const waiting: { due: number; times: number[] }[] = [];
    let text = "";
    socket.once("error", reject);
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      for (let end = text.indexOf(ANSWER); end !== -1; end = text.indexOf(ANSWER)) {
        text = text.slice(end + ANSWER.length);
        const one = waiting.shift();
        one?.times.push(performance.now() - one.due);
      }
    });
    socket.once("connect", () =>
      resolve({
        get waiting() {
          return waiting.length;
        },
        send(due, index, times) {
          waiting.push({ due, times });
          socket.write(
            `POST /v1/models/churn:predict HTTP/1.1\r\nHost: a\r\nX-Request-Id: ${index}\r\nContent-Type: application/json\r\nContent-Length: ${REQUEST.length}\r\n\r\n${REQUEST}`,
          );
        },
        close: () => socket.destroy(),
      }),
    );
  });
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function rows(figures: Figures): [string, string][] {
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const of = (runs: readonly Latencies[], part: keyof Latencies) => middle(runs.map((run) => run[part]));
  const added = (runs: readonly Latencies[], part: keyof Latencies) =>
    middle(runs.map((run, index) => run[part] - (figures.alone[index]?.[part] ?? Number.NaN)));
  const both = (what: (part: keyof Latencies) => number) => `${ms(what("median"))}, ${ms(what("p99"))}`;
  return [
    [
      `the service alone at ${options.rate} requests/s: median, 99th percentile`,
      both((part) => of(figures.alone, part)),
    ],
    ["… through the sidecar", both((part) => of(figures.through, part))],
    ["… added by the sidecar", both((part) => added(figures.through, part))],
    ["… added by the sidecar with a spool", both((part) => added(figures.spooled, part))],
    ["CPU of the sidecar, of one core", `${(100 * figures.cpuShare).toFixed(0)} %`],
    ["peak memory of the sidecar, at the end with a full buffer", `${figures.peakMb.toFixed(0)} MB`],
    ["start of the process to an open port", `${figures.startSeconds.toFixed(2)} s`],
  ];
}

function record(figures: Figures): void {
  const how = `Written by \`npm run bench:sidecar -- --write\` on ${new Date().toISOString().slice(0, 10)}: ${options.runs} pairs of runs of ${options.seconds} s over ${options.connections} connections, medians of the runs; service, target, client and sidecar on the same ${os.cpus().length} cores, Node ${process.versions.node}.`;
  writeSection("Sidecar", how, rows(figures));
}
