/** The effective configuration for people to see: defaults filled in, times as people write them, and no secrets. */
import { stringify } from "yaml";
import { durationText } from "./duration.ts";
import { budgetText, type FalseAlarmBudget } from "./false-alarms.ts";
import { type Path, valueAt } from "./problem.ts";
import { type Config, configSchema } from "./schema.ts";
import { isMarked, secretPaths, walk } from "./schema-walk.ts";
import { withValue } from "./with-value.ts";

export const REDACTED = "[secret]";

/** The configuration as plain data with every secret, and every user and password within an address, replaced. */
export function redacted(config: Config): unknown {
  const hidden = secretPaths(configSchema, config).reduce<unknown>(
    (data, path) => (valueAt(data, path) === undefined ? data : withValue(data, path, REDACTED)),
    config,
  );
  return withoutCredentials(hidden);
}

/** Every text that must appear nowhere: secrets, and passwords within addresses. */
export function secretsOf(config: Config): string[] {
  const marked = secretPaths(configSchema, config).map((path) => valueAt(config, path));
  const found = new Set<string>(marked.filter((text) => typeof text === "string"));
  collectPasswords(config, found);
  return [...found];
}

/** The effective configuration as YAML; it can be read as a configuration again, but for its secrets. */
export function describeConfig(config: Config): string {
  return stringify(asWritten(redacted(config), config), { lineWidth: 120 });
}

/** Durations and windows back into the texts that the schema reads. */
function asWritten(data: unknown, config: Config): unknown {
  const texts: { path: Path; text: string }[] = [];
  walk(configSchema, config, (layer, value, path) => {
    if (isMarked(layer, "duration") && typeof value === "number") texts.push({ path, text: durationText(value) });
    if (isMarked(layer, "budget")) texts.push({ path, text: budgetText(isBudget(value) ? value : null) });
    if (isMarked(layer, "window") && isNamed(value)) texts.push({ path, text: value.name });
  });
  return texts.reduce((result, { path, text }) => withValue(result, path, text), withoutUndefined(data));
}

const isBudget = (value: unknown): value is FalseAlarmBudget =>
  typeof value === "object" && value !== null && "alarms" in value && "perMs" in value;

const isNamed = (value: unknown): value is { readonly name: string } =>
  typeof value === "object" && value !== null && "name" in value && typeof value.name === "string";

const CREDENTIALS = /^([a-z][a-z0-9+.-]*:\/\/)[^/?#\s]*@/i;

function withoutCredentials(data: unknown): unknown {
  if (typeof data === "string") return data.replace(CREDENTIALS, `$1${REDACTED}@`);
  return mapped(data, withoutCredentials);
}

function withoutUndefined(data: unknown): unknown {
  if (Array.isArray(data) || typeof data !== "object" || data === null) return mapped(data, withoutUndefined);
  return Object.fromEntries(
    Object.entries(data).flatMap(([key, value]) => (value === undefined ? [] : [[key, withoutUndefined(value)]])),
  );
}

function mapped(data: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(data)) return data.map(change);
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, change(value)]));
}

function collectPasswords(data: unknown, found: Set<string>): void {
  if (typeof data === "string") {
    const password = /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s:@]*:([^/?#\s]*)@/i.exec(data)?.[1];
    if (password !== undefined && password !== "") found.add(password);
  } else if (typeof data === "object" && data !== null) {
    for (const value of Object.values(data)) collectPasswords(value, found);
  }
}
