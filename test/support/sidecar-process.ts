/** The sidecar and the service behind it as child processes, and clients that load them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, mainFile } from "./kafka/service.ts";

export interface TestProcess extends AsyncDisposable {
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

function startProcess(args: readonly string[]): TestProcess {
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const exited = once(child, "exit");
  const killAtExit = () => void child.kill("SIGKILL");
  process.on("exit", killAtExit);
  const kill = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await exited;
    }
    process.off("exit", killAtExit);
    return child.exitCode;
  };
  return { pid: child.pid ?? 0, kill, [Symbol.asyncDispose]: async () => void (await kill("SIGKILL")) };
}

export async function startInferenceService(port: number): Promise<TestProcess> {
  // From dist/, where the tests are compiled; the sources run by themselves with tsx.
  const beside = path.join(import.meta.dirname, "inference-service-process.js");
  const built = path.join(path.dirname(mainFile()), "../test/support/inference-service-process.js");
  const service = startProcess([existsSync(beside) ? beside : built, String(port)]);
  await answers(`http://127.0.0.1:${port}/`);
  return service;
}

export interface SidecarProcess extends TestProcess {
  readonly port: number;
  readonly adminUrl: string;
  /** A sample of its metrics by its name without `driftline_sidecar_`, labels included; 0 where there is none. */
  metric(name: string): Promise<number>;
}

export interface SidecarPorts {
  readonly port: number;
  readonly adminPort: number;
}

export const sidecarPorts = async (): Promise<SidecarPorts> => ({
  port: await freePort(),
  adminPort: await freePort(),
});

export async function startSidecar(ports: SidecarPorts, args: readonly string[]): Promise<SidecarProcess> {
  const { port, adminPort } = ports;
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  const started = startProcess([
    "--max-semi-space-size=8",
    mainFile(),
    "sidecar",
    `--listen=${port}`,
    `--admin=${adminPort}`,
    "--log-level=error",
    ...args,
  ]);
  await answers(`${adminUrl}/ready`);
  return {
    ...started,
    port,
    adminUrl,
    async metric(name) {
      const text = await (await fetch(`${adminUrl}/metrics`)).text();
      const line = text.split("\n").find((one) => one.startsWith(`driftline_sidecar_${name} `));
      return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(" ")));
    },
  };
}

async function answers(url: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(20)) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok === true) return;
  }
  throw new Error(`${url} does not answer`);
}

export interface Load {
  /** Ids of requests that were answered with 200 so far. */
  readonly answered: readonly string[];
  readonly failed: readonly string[];
  stop(): Promise<void>;
}

/** Clients that ask one inference after the other, each over a connection that is kept. */
export function startLoad(port: number, options: { clients: number; prefix: string; waitMs?: number }): Load {
  const answered: string[] = [];
  const failed: string[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: options.clients });
  let stopping = false;
  let asked = 0;
  const client = async () => {
    while (!stopping) {
      const id = `${options.prefix}-${asked++}`;
      if (await ask(port, agent, id, options.waitMs ?? 0)) answered.push(id);
      else {
        failed.push(id);
        await sleep(10);
      }
    }
  };
  const running = Promise.all(Array.from({ length: options.clients }, client));
  return {
    answered,
    failed,
    async stop() {
      stopping = true;
      await running;
      agent.destroy();
    },
  };
}

function ask(port: number, agent: http.Agent, id: string, waitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const body = JSON.stringify({ instances: [[id.length, 1]] });
    const request = http.request(
      {
        port,
        host: "127.0.0.1",
        agent,
        method: "POST",
        path: "/v1/models/churn:predict",
        headers: {
          "content-type": "application/json",
          "x-request-id": id,
          "x-wait": waitMs,
          "content-length": body.length,
        },
      },
      (response) => {
        response.resume();
        response.once("close", () => resolve(response.complete && response.statusCode === 200));
      },
    );
    request.once("error", () => resolve(false));
    request.end(body);
  });
}
