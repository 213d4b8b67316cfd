/** Loads a configuration from a text, with the files it may name as a map. */
import { loadConfig } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/schema.ts";
import { DriftlineError } from "../../../src/core/errors.ts";

export const MINIMAL = "models:\n  - { name: m, task: binary }\n";

interface Surroundings {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly files?: Readonly<Record<string, string>>;
}

export function load(text: string, { environment = {}, files = {} }: Surroundings = {}): Config {
  const readFile = (name: string) => {
    if (name === "/etc/driftline/driftline.yaml") return text;
    const file = files[name];
    if (file === undefined) throw new Error(`ENOENT: no such file, open '${name}'`);
    return file;
  };
  return loadConfig("/etc/driftline/driftline.yaml", { environment, readFile, findFiles: () => [] });
}

/** Lines of the error, without the name of the file; fails where there is none. */
export function problems(text: string, surroundings: Surroundings = {}): string[] {
  try {
    load(text, surroundings);
  } catch (thrown) {
    if (!(thrown instanceof DriftlineError)) throw thrown;
    const lines = thrown.message.split("\n").filter((line) => !/ has \d+ problems:$/.test(line));
    return lines.map((line) => line.replace("/etc/driftline/driftline.yaml:", ""));
  }
  throw new Error("the configuration was accepted");
}
