/** A format of values whose schemas lie in a registry: fetches what messages need before they are decoded, then reads them as payloads. */
import type { RawMessage } from "../../../core/event.ts";
import type { Envelope, OpenFormat } from "../../../core/format.ts";
import type { JsonObject } from "../../../core/json-object.ts";
import { Refusal } from "../../../core/refusal.ts";
import { openRegistry, type RegisteredSchema, type RegistryOptions } from "./client.ts";
import { type Framed, unframed } from "./wire-format.ts";

/** Reads the bytes of one value. @throws anything where they are none of the schema */
export type ReadValue = (data: Buffer) => JsonObject;

/** Messages of a schema that the registry does not know are asked about anew after this time. */
const UNKNOWN_MS = 30_000;

/**
 * @param compile makes a reader of a schema; throws where the schema is of another kind or can't be understood
 */
export function openRegistered(
  options: RegistryOptions,
  compile: (schema: RegisteredSchema) => ReadValue | Promise<ReadValue>,
): OpenFormat {
  const registry = openRegistry(options);
  const readers = new Map<string, ReadValue | Refusal>();
  const unknownSince = new Map<string, number>();

  const fetchReader = async (schema: string): Promise<void> => {
    const found = await registry.schema(schema);
    if (found === null) {
      unknownSince.set(schema, performance.now());
      readers.set(schema, new Refusal("schema_unknown", `the schema registry has no schema ${schema}`));
      return;
    }
    try {
      readers.set(schema, await compile(found));
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      readers.set(schema, new Refusal("schema_unknown", `the schema ${schema} can't be used: ${why.slice(0, 300)}`));
    }
    unknownSince.delete(schema);
  };

  const isMissing = (schema: string): boolean => {
    if (!readers.has(schema)) return true;
    const since = unknownSince.get(schema);
    return since !== undefined && performance.now() - since > UNKNOWN_MS;
  };

  return {
    prepare(messages) {
      const missing = new Set<string>();
      for (const message of messages) {
        const schema = framedOrNull(message)?.schema;
        if (schema !== undefined && isMissing(schema)) missing.add(schema);
      }
      return missing.size === 0 ? null : Promise.all([...missing].map(fetchReader)).then(() => undefined);
    },
    decode(message) {
      const { schema, data } = unframed(message);
      const reader = readers.get(schema);
      if (reader === undefined || reader instanceof Refusal)
        throw reader ?? new Refusal("schema_unknown", `the schema ${schema} was not fetched`);
      return { kind: "payload", payload: read(reader, data, schema), ...envelopeOf(message) };
    },
  };
}

const envelopeOf = ({ receivedMs }: RawMessage): Envelope => (receivedMs === undefined ? {} : { receivedMs });

function read(reader: ReadValue, data: Buffer, schema: string): JsonObject {
  try {
    return reader(data);
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal("format_unreadable", `the value is none of schema ${schema}: ${why.slice(0, 300)}`);
  }
}

function framedOrNull(message: RawMessage): Framed | null {
  if (message.value === null) return null;
  try {
    return unframed(message);
  } catch {
    return null;
  }
}
