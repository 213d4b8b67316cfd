/**
 * A real Apache Kafka broker for tests: one KRaft node on free ports of 127.0.0.1, in a temporary folder, from jars
 * that Maven fetches once into `.kafka/`. With KAFKA_BROKERS set the tests use those brokers instead, and what needs to
 * stop or restart a broker is skipped (`brokerIsOurs`).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";

const clusterId = "ZHJpZnRsaW5lLXRlc3RzMQ";
const startTimeoutMs = 60_000;

/** False when KAFKA_BROKERS names brokers that the tests may not stop. */
export const brokerIsOurs = process.env["KAFKA_BROKERS"] === undefined;

export interface BrokerOptions {
  /** Port of the client listener; a free one by default. */
  readonly port?: number;
  /** Folder of the broker's log and settings; a temporary one by default, removed at the end. */
  readonly dir?: string;
  /** More lines of server.properties; they override the defaults of this file. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Arguments for formatting the storage, such as `--add-scram`, `SCRAM-SHA-256=[name=a,password=b]`. */
  readonly formatArguments?: readonly string[];
  /** Levels of the broker's own loggers, such as `{ "kafka.request.logger": "debug" }`; all go to `broker.log`. */
  readonly logLevels?: Readonly<Record<string, string>>;
  /** How the harness itself connects to see that the broker is up, where it is not plain text. */
  readonly probe?: (brokers: string[]) => Promise<void>;
}

export interface TestBroker extends AsyncDisposable {
  /** host:port, as a client wants it. */
  readonly brokers: string[];
  readonly port: number;
  readonly dir: string;
  /** Stops the process (SIGTERM, after 4 s SIGKILL) and keeps the folder. */
  stop(): Promise<void>;
  /** Ends the process at once with SIGKILL and keeps the folder. */
  kill(): Promise<void>;
  /** Starts a stopped broker again on the same port and folder. */
  start(): Promise<void>;
  /** `stop` and `start`. */
  restart(): Promise<void>;
  /** Freezes (SIGSTOP) and thaws (SIGCONT) the process: connections stay open and nothing is answered. */
  freeze(): void;
  thaw(): void;
}

/** Starts a broker and resolves once it answers; or hands over KAFKA_BROKERS. `await using` stops and removes it. */
export async function startBroker(options: BrokerOptions = {}): Promise<TestBroker> {
  const external = process.env["KAFKA_BROKERS"];
  if (external !== undefined) return externalBroker(external);
  const jars = await kafkaJars();
  const port = options.port ?? (await freePort());
  const dir = options.dir ?? (await mkdtemp(path.join(tmpdir(), "driftline-kafka-")));
  const settings = path.join(dir, "server.properties");
  if (!existsSync(settings)) {
    await writeFile(settings, serverProperties(port, await freePort(), dir, options.properties ?? {}));
    await formatStorage(jars, dir, settings, options.formatArguments ?? []);
  }
  const broker = new BrokerProcess(jars, port, dir, options);
  try {
    await broker.start();
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw error;
  }
  return broker;
}

class BrokerProcess implements TestBroker {
  readonly brokers: string[];
  readonly port: number;
  readonly dir: string;
  readonly #jars: string;
  readonly #options: BrokerOptions;
  #child: ChildProcess | null = null;
  readonly #killAtExit = () => void this.#child?.kill("SIGKILL");

  constructor(jars: string, port: number, dir: string, options: BrokerOptions) {
    this.#jars = jars;
    this.port = port;
    this.dir = dir;
    this.brokers = [`127.0.0.1:${port}`];
    this.#options = options;
    process.on("exit", this.#killAtExit);
  }

  async start(): Promise<void> {
    const log = await open(path.join(this.dir, "broker.log"), "a");
    const child = spawn("java", [...this.#arguments(), "kafka.Kafka", path.join(this.dir, "server.properties")], {
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    this.#child = child;
    const exited = new Promise<never>((_, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`Kafka ended (${code ?? signal}) before it was ready`)));
    });
    exited.catch(() => undefined);
    try {
      await Promise.race([exited, this.#untilReady(child)]);
    } catch (error) {
      const output = await readFile(path.join(this.dir, "broker.log"), "utf8").catch(() => "");
      throw new Error(`The Kafka broker did not start; the end of its log:\n${output.slice(-3000)}`, { cause: error });
    }
  }

  #arguments(): string[] {
    const levels = Object.entries(this.#options.logLevels ?? {});
    return [
      ...levels.map(([name, level]) => `-Dorg.slf4j.simpleLogger.log.${name}=${level}`),
      ...javaArguments(this.#jars),
    ];
  }

  async #untilReady(child: ChildProcess): Promise<void> {
    const probe = this.#options.probe ?? probePlainText;
    const deadline = Date.now() + startTimeoutMs;
    for (;;) {
      try {
        return await probe(this.brokers);
      } catch (error) {
        if (Date.now() > deadline || child.exitCode !== null || child.signalCode !== null) throw error;
        await sleep(100);
      }
    }
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
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGCONT");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 4_000);
    await exited;
    clearTimeout(timer);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off("exit", this.#killAtExit);
    if (this.#options.dir === undefined) await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function externalBroker(list: string): TestBroker {
  const brokers = list.split(",").map((entry) => entry.trim());
  const refuse = () => {
    throw new Error("The brokers of KAFKA_BROKERS are not stopped by tests; skip where brokerIsOurs is false");
  };
  return {
    brokers,
    port: Number(brokers[0]?.split(":")[1] ?? 9092),
    dir: "",
    stop: refuse,
    kill: refuse,
    start: refuse,
    restart: refuse,
    freeze: refuse,
    thaw: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function probePlainText(brokers: string[]): Promise<void> {
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
  try {
    await admin.connect();
    const { brokers: known, controller } = await admin.describeCluster();
    if (known.length === 0 || controller === null) throw new Error("the broker has not registered yet");
  } finally {
    await admin.disconnect();
  }
}

function javaArguments(jars: string): string[] {
  return [
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-cp",
    path.join(jars, "*"),
  ];
}

function serverProperties(
  port: number,
  controllerPort: number,
  dir: string,
  more: Readonly<Record<string, string>>,
): string {
  const properties: Record<string, string> = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": path.join(dir, "data"),
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.segment.delete.delay.ms": "100",
    "log.retention.ms": "-1",
    "num.network.threads": "2",
    "num.io.threads": "2",
  };
  for (const [key, value] of Object.entries(more)) {
    properties[key] = value.replaceAll("{port}", String(port)).replaceAll("{controllerPort}", String(controllerPort));
  }
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

/** Formatting takes a JVM of its own; a storage without special arguments is formatted once and copied afterwards. */
async function formatStorage(jars: string, dir: string, settings: string, more: readonly string[]): Promise<void> {
  const data = path.join(dir, "data");
  const template = path.join(jars, "formatted-storage");
  if (more.length === 0 && existsSync(template)) {
    await cp(template, data, { recursive: true });
    return;
  }
  await run("java", [
    ...javaArguments(jars),
    "kafka.tools.StorageTool",
    "format",
    "-t",
    clusterId,
    "-c",
    settings,
    ...more,
  ]);
  if (more.length === 0) {
    const copy = `${template}.${process.pid}`;
    await cp(data, copy, { recursive: true });
    await rename(copy, template).catch(() => rm(copy, { recursive: true, force: true }));
  }
}

/** The folder with Kafka's jars, fetched by Maven if this is the first call for this pom.xml. */
async function kafkaJars(): Promise<string> {
  const root = projectRoot();
  const pom = path.join(root, "test", "support", "kafka", "pom.xml");
  const hash = createHash("sha256")
    .update(await readFile(pom))
    .digest("hex")
    .slice(0, 12);
  const cache = path.join(root, ".kafka");
  const jars = path.join(cache, hash);
  if (existsSync(jars)) return jars;
  await mkdir(cache, { recursive: true });
  const unlock = await lock(path.join(cache, "lock"));
  try {
    if (existsSync(jars)) return jars;
    const fresh = path.join(cache, `${hash}.fetching`);
    await rm(fresh, { recursive: true, force: true });
    const goal = "dependency:copy-dependencies";
    await run("mvn", ["-q", "-B", "-f", pom, goal, "-DincludeScope=runtime", `-DoutputDirectory=${fresh}`]);
    if (!(await readdir(fresh)).some((name) => name.startsWith("kafka_2.13-"))) {
      throw new Error(`Maven fetched no Kafka into ${fresh}`);
    }
    await rename(fresh, jars);
    return jars;
  } finally {
    await unlock();
  }
}

/** Test files run in parallel: one of them fetches, the others wait. A lock left by a killed process is broken. */
async function lock(folder: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(folder);
      const touch = setInterval(() => void writeFile(path.join(folder, "alive"), "").catch(() => undefined), 2_000);
      return async () => {
        clearInterval(touch);
        await rm(folder, { recursive: true, force: true });
      };
    } catch {
      const { mtimeMs } = await stat(path.join(folder, "alive"))
        .catch(() => stat(folder))
        .catch(() => ({ mtimeMs: Date.now() }));
      if (Date.now() - mtimeMs > 20_000) await rm(folder, { recursive: true, force: true });
      await sleep(250);
    }
  }
}

/** The same from the sources and from dist/. */
function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder);
  return folder;
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += String(chunk)));
    child.stderr.on("data", (chunk) => (output += String(chunk)));
    child.once("error", (error) =>
      reject(new Error(`${command} can't be run; tests need Java 17 and Maven`, { cause: error })),
    );
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${code}:\n${output.slice(-3000)}`));
    });
  });
}

function freePort(): Promise<number> {
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
