/** A real Alertmanager for tests, where one is installed: on a free port of 127.0.0.1, alone, with its data in a temporary folder. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const alert = z.object({
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  status: z.object({ state: z.string() }),
});
export type ShownAlert = z.output<typeof alert>;

export interface Alertmanager extends AsyncDisposable {
  readonly url: string;
  /** What it shows as active. */
  alerts(): Promise<ShownAlert[]>;
}

/** The program's name on this machine; null where it is not installed. */
export function findAlertmanager(): string | null {
  const names = ["prometheus-alertmanager", "alertmanager"];
  return names.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0) ?? null;
}

/** @param receiver address of the webhook that it tells */
export async function startAlertmanager(program: string, receiver: string): Promise<Alertmanager> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-alertmanager-"));
  const port = await freePort();
  await writeFile(
    path.join(folder, "alertmanager.yml"),
    `global: { resolve_timeout: 10s }
route: { receiver: hook, group_by: [incident], group_wait: 1s, group_interval: 1s, repeat_interval: 1h }
receivers: [{ name: hook, webhook_configs: [{ url: "${receiver}", send_resolved: true }] }]
`,
  );
  const child = spawn(
    program,
    [
      `--config.file=${path.join(folder, "alertmanager.yml")}`,
      `--storage.path=${folder}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilReady(url, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    async alerts() {
      const response = await fetch(`${url}/api/v2/alerts?active=true`);
      return z.array(alert).parse(await response.json());
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function untilReady(url: string, hasEnded: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end && !hasEnded(); await sleep(100)) {
    const answer = await fetch(`${url}/-/ready`).catch(() => null);
    if (answer?.ok === true) return;
  }
  throw new Error("Alertmanager did not start");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}
