/**
 * Where the service that holds an embedded folder can be reached. One process holds a folder at a time, so `driftline sql` asks
 * that process; it finds it by this file in the folder.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";

const FILE = "driftline-service.json";
const schema = z.object({ pid: z.int(), url: z.url() });
export type RunningService = z.output<typeof schema>;

/** Whole or not at all: a process that is killed while it writes leaves nothing half-written for others to stumble over. */
export function announceService(folder: string, service: RunningService): void {
  const file = path.join(folder, FILE);
  const unfinished = `${file}.${process.pid}`;
  writeFileSync(unfinished, JSON.stringify(service), { mode: 0o600 });
  renameSync(unfinished, file);
}

export function withdrawService(folder: string): void {
  rmSync(path.join(folder, FILE), { force: true });
}

/** The living service that announced itself, or null. */
export function findService(folder: string): RunningService | null {
  const file = path.join(folder, FILE);
  if (!existsSync(file)) return null;
  const service = schema.safeParse(parsed(readFileSync(file, "utf8")));
  return service.success && isAlive(service.data.pid) ? service.data : null;
}

/** A file that a full disk or a hand has spoilt announces nobody. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
