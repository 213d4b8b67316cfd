/**
 * What Driftline asks of a schema registry: the schema of an id, with those that it refers to. Each is asked for once: an id means the same
 * schema for ever. That there is none of an id is believed for a while only, since a registry may learn of it late.
 */
import { z } from "zod";
import { DriftlineError, messageOf } from "../../../core/errors.ts";
import { secret } from "../../../core/secret.ts";

export const registryOptions = {
  registry: z
    .url({ protocol: /^https?$/ })
    .describe(
      "Address of the schema registry (Confluent's interface: Confluent, Karapace, Redpanda, Apicurio's ccompat).",
    ),
  username: z.string().min(1).optional().describe("User for basic authentication; with `password`."),
  password: secret().optional().describe("Password, or the secret of an API key."),
  token: secret().optional().describe("Bearer token, in place of user and password."),
  timeout_seconds: z.number().min(0.1).max(120).default(10).describe("Seconds that one request may take."),
} as const;

const shape = z.object(registryOptions);
export type RegistryOptions = z.output<typeof shape>;

const reference = z.object({ name: z.string(), subject: z.string(), version: z.number() });
const answer = z.object({
  schema: z.string(),
  schemaType: z.string().default("AVRO"),
  references: z.array(reference).default([]),
});

export interface RegisteredSchema {
  readonly type: string;
  readonly text: string;
  /** By the name under which the schema refers to it; those that these refer to included, each before what refers to it. */
  readonly references: readonly { readonly name: string; readonly text: string }[];
}

/** The longest answer that is read. */
const MOST_BYTES = 4 * 1024 * 1024;
const MOST_REFERENCES = 200;
const MOST_SCHEMAS = 10_000;
/** Answers of a registry that says that there is none. */
const UNKNOWN = new Set([404, 422]);

export interface Registry {
  /** @returns null where the registry has no such schema. @throws DriftlineError `source_failed` (retryable) where it can't be asked */
  schema(path: string): Promise<RegisteredSchema | null>;
}

export function openRegistry(options: RegistryOptions): Registry {
  const fetched = new Map<string, Promise<RegisteredSchema | null>>();
  return {
    schema(path) {
      const known = fetched.get(path);
      if (known !== undefined) return known;
      const asked = schemaWithReferences(options, `schemas/${path}`);
      if (fetched.size >= MOST_SCHEMAS) fetched.clear();
      fetched.set(path, asked);
      // Neither a failure nor an id that is not known yet may be remembered here.
      asked.then(
        (found) => found === null && fetched.delete(path),
        () => fetched.delete(path),
      );
      return asked;
    },
  };
}

async function schemaWithReferences(options: RegistryOptions, path: string): Promise<RegisteredSchema | null> {
  const root = await get(options, path);
  if (root === null) return null;
  const references = new Map<string, string>();
  const collect = async (list: readonly z.output<typeof reference>[]): Promise<boolean> => {
    for (const { name, subject, version } of list) {
      if (references.has(name)) continue;
      if (references.size >= MOST_REFERENCES) return false;
      const found = await get(options, `subjects/${encodeURIComponent(subject)}/versions/${version}`);
      if (found === null || !(await collect(found.references))) return false;
      references.set(name, found.schema);
    }
    return true;
  };
  if (!(await collect(root.references))) return null;
  return {
    type: root.schemaType,
    text: root.schema,
    references: [...references].map(([name, text]) => ({ name, text })),
  };
}

async function get(options: RegistryOptions, path: string): Promise<z.output<typeof answer> | null> {
  const base = options.registry.replace(/\/+$/, "");
  try {
    const response = await fetch(`${base}/${path}`, {
      headers: { accept: "application/vnd.schemaregistry.v1+json, application/json", ...authorization(options) },
      signal: AbortSignal.timeout(options.timeout_seconds * 1000),
    });
    const body = await response.text();
    if (UNKNOWN.has(response.status)) return null;
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    if (body.length > MOST_BYTES) throw new Error(`its answer is longer than ${MOST_BYTES} characters`);
    return answer.parse(JSON.parse(body));
  } catch (thrown) {
    throw new DriftlineError("source_failed", `the schema registry can't be asked for ${path}: ${messageOf(thrown)}`, {
      cause: thrown,
      retryable: true,
    });
  }
}

function authorization({ username, password, token }: RegistryOptions): Record<string, string> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  if (username === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password ?? ""}`).toString("base64")}` };
}
