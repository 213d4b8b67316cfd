/** Where a secret's text comes from: written in place, `{ env: NAME }`, or `{ file: PATH }` as orchestrators mount them. */
import { DriftlineError, messageOf } from "../core/errors.ts";
import { type Path, type Problem, pathKey, valueAt } from "./problem.ts";
import { type Environment, lookUp } from "./substitution.ts";
import { withValue } from "./with-value.ts";
import type { Tree } from "./yaml-tree.ts";

export interface SecretOptions {
  readonly secrets: readonly Path[];
  readonly environment: Environment;
  /** `at` is where the file is named. */
  readonly readFile: (path: string, at: Path) => string;
}

const LONGEST = 64 * 1024;

/** The data with every secret as text, and what stood in the way. */
export function resolveSecrets(
  tree: Pick<Tree, "value" | "substituted">,
  options: SecretOptions,
): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  let value = tree.value;
  for (const path of options.secrets) {
    const written = valueAt(value, path);
    const empty = tree.substituted.get(pathKey(path))?.empty ?? [];
    for (const name of empty) {
      problems.push({ path, message: `the environment variable ${name} is set but empty, which no secret may be` });
    }
    if (typeof written !== "object" || written === null || Array.isArray(written)) continue;
    try {
      value = withValue(
        value,
        path,
        secretText(written, { ...options, readFile: (file) => options.readFile(file, path) }),
      );
    } catch (thrown) {
      problems.push({ path, message: messageOf(thrown) });
    }
  }
  return { value, problems };
}

function secretText(
  written: object,
  { environment, readFile }: { readonly environment: Environment; readonly readFile: (path: string) => string },
): string {
  const [entry, second] = Object.entries(written);
  const [kind, name] = entry ?? [];
  if (second !== undefined || typeof name !== "string" || name === "" || (kind !== "env" && kind !== "file")) {
    throw new DriftlineError("config_invalid", "expected the secret as text, { env: NAME } or { file: PATH }");
  }
  if (kind === "env") {
    const text = lookUp(environment, name);
    if (text === undefined) throw new DriftlineError("config_invalid", `the environment variable ${name} is not set`);
    if (text === "")
      throw new DriftlineError(
        "config_invalid",
        `the environment variable ${name} is set but empty, which no secret may be`,
      );
    return text;
  }
  const text = fileText(name, readFile);
  if (text === "") throw new DriftlineError("config_invalid", `the file ${name} is empty, which no secret may be`);
  if (text.length > LONGEST) throw new DriftlineError("config_invalid", `the file ${name} is too long for a secret`);
  return text;
}

/** Without the line end that editors and `echo` put after the last line. */
function fileText(name: string, readFile: (path: string) => string): string {
  try {
    return readFile(name).replace(/\r?\n$/, "");
  } catch (thrown) {
    throw new DriftlineError("config_invalid", `the file ${name} can't be read: ${messageOf(thrown)}`);
  }
}
