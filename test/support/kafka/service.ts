/** The built service as a child process that a test may kill and start again, and questions to it from outside. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import type { z } from "zod";

export class ServiceProcess implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly #name: string;
  readonly #roles: string | undefined;
  #child: ChildProcess | null = null;
  readonly #killAtExit = () => void this.#child?.kill("SIGKILL");

  private constructor(folder: string, name: string, url: string, roles: string | undefined) {
    this.folder = folder;
    this.#name = name;
    this.url = url;
    this.#roles = roles;
    process.on("exit", this.#killAtExit);
  }

  /** Writes the configuration into the folder; `server` is added to it. Nothing runs before `start`. */
  static async prepare(
    folder: string,
    config: Record<string, unknown>,
    options: { name?: string; roles?: string } = {},
  ): Promise<ServiceProcess> {
    const name = options.name ?? "driftline";
    const port = await freePort();
    await writeFile(path.join(folder, `${name}.yaml`), stringify({ ...config, server: { port } }));
    return new ServiceProcess(folder, name, `http://127.0.0.1:${port}`, options.roles);
  }

  get configFile(): string {
    return path.join(this.folder, `${this.#name}.yaml`);
  }

  /** The process started, not yet ready. */
  async start(): Promise<void> {
    const log = await open(this.#logFile, "a");
    const roles = this.#roles === undefined ? [] : ["--roles", this.#roles];
    this.#child = spawn(process.execPath, [mainFile(), "serve", "-c", this.configFile, ...roles], {
      cwd: this.folder,
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
  }

  get #logFile(): string {
    return path.join(this.folder, `${this.#name}.log`);
  }

  /** True while the process lives. */
  get running(): boolean {
    return this.#child !== null && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Tells the process to read its configuration again. */
  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(timer);
  }

  /** The status and text of a GET, or null while nobody answers. */
  async get(route: string): Promise<{ status: number; text: string } | null> {
    try {
      const response = await fetch(this.url + route);
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  }

  /** Sum of a Prometheus metric over all its labels; null where it is absent or nobody answers. */
  async metric(name: string): Promise<number | null> {
    const answer = await this.get("/metrics");
    const lines = (answer?.text ?? "")
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.length === 0
      ? null
      : lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async sql<Row>(query: string, row: z.ZodType<Row>): Promise<Row[]> {
    const response = await fetch(`${this.url}/v1/sql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, format: "JSONEachRow" }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${query}: ${response.status} ${text}`);
    return parseRows(text, row);
  }

  /** Waits until `holds`, and fails with the end of the log where the process ends or time is up. */
  async until(what: string, holds: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
    const deadline = Date.now() + ms;
    for (;;) {
      if (await attempt(holds)) return;
      if (!this.running) throw await this.#failure(`the service ended before: ${what}`);
      if (Date.now() > deadline) throw await this.#failure(`after ${ms} ms still not: ${what}`);
      await sleep(100);
    }
  }

  async untilReady(ms = 60_000): Promise<void> {
    await this.until("ready", async () => (await this.get("/ready"))?.status === 200, ms);
  }

  async log(): Promise<string> {
    return readFile(this.#logFile, "utf8").catch(() => "");
  }

  async #failure(what: string): Promise<Error> {
    const ready = await this.get("/ready");
    return new Error(
      `${what}\n/ready: ${ready?.status} ${ready?.text}\nthe end of the log:\n${(await this.log()).slice(-3_000)}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off("exit", this.#killAtExit);
    await this.stop();
  }
}

/** A connection that breaks off (`fetch` throws a TypeError) is an answer that has not come yet. */
async function attempt(holds: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await holds();
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

export function parseRows<Row>(text: string, row: z.ZodType<Row>): Row[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => row.parse(JSON.parse(line)));
}

/** Runs a command of the built service to its end and returns what it printed. */
export async function runCommand(args: readonly string[], cwd: string): Promise<string> {
  const child = spawn(process.execPath, [mainFile(), ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0)
    throw new Error(
      `driftline ${args.join(" ")} ended with ${String(code)}:\n${Buffer.concat(errors).toString().slice(-3_000)}`,
    );
  return Buffer.concat(output).toString();
}

/** The same from the sources and from dist/: the compiled command line, beside these compiled tests where there are any. */
export function mainFile(): string {
  const beside = path.resolve(import.meta.dirname, "../../../src/main.js");
  return existsSync(beside) ? beside : path.join(projectRoot(), "dist", "src", "main.js");
}

/** The folder of package.json. */
export function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder);
  return folder;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
