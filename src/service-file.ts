/**
 * Where the service that holds an embedded folder can be reached. One process holds a folder at a time, so `driftline sql` asks
 * that process; it finds it by this file in the folder.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

const FILE = "driftline-service.json";
const schema = z.object({ pid: z.int(), url: z.url() });
export type RunningService = z.output<typeof schema>;

export function announceService(folder: string, service: RunningService): void {
  writeFileSync(path.join(folder, FILE), JSON.stringify(service), { mode: 0o600 });
}

export function withdrawService(folder: string): void {
  rmSync(path.join(folder, FILE), { force: true });
}

/** The living service that announced itself, or null. */
export function findService(folder: string): RunningService | null {
  const file = path.join(folder, FILE);
  if (!existsSync(file)) return null;
  const service = schema.safeParse(JSON.parse(readFileSync(file, "utf8")));
  return service.success && isAlive(service.data.pid) ? service.data : null;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
