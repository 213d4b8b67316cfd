/** Whether a time zone is one that this machine knows. */
import type { Path, Problem } from "./problem.ts";

export function checkTimeZone(name: string, path: Path): Problem[] {
  if (isTimeZone(name)) return [];
  return [{ path, message: `"${name}" is no time zone; for example Europe/Berlin, America/New_York or UTC` }];
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
