/** The `in_force` table: which configuration, and which reference of a model, came into force when. Rows are added and never changed. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { differingPaths } from "../core/json-difference.ts";
import { sql } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";

interface InForce {
  readonly kind: "configuration" | "reference";
  /** '' of the configuration as a whole. */
  readonly model: string;
  readonly id: string;
  readonly body: string;
}

/** The hash of a whole configuration: 16 hexadecimal digits of its text without secrets. */
export const configurationHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

/**
 * Writes down that a configuration is in force, where another was before, and which keys it changes.
 *
 * @param text all of it as canonical JSON, without secrets
 */
export async function recordConfiguration(lane: Lane, text: string, now: number): Promise<void> {
  await record(lane, { kind: "configuration", model: "", id: configurationHash(text), body: text }, now, (before) => {
    const paths = before === "" ? [] : differingPaths(JSON.parse(before), JSON.parse(text));
    return paths.length === 0 ? "the first start on this store" : `changed: ${paths.join(", ")}`;
  });
}

/** The same of a model's reference; '' where it has none. */
export async function recordReference(
  lane: Lane,
  { model, referenceId, reason }: { readonly model: string; readonly referenceId: string; readonly reason: string },
  now: number,
): Promise<void> {
  await record(lane, { kind: "reference", model, id: referenceId, body: "" }, now, () => reason);
}

async function record(
  lane: Lane,
  { kind, model, id, body }: InForce,
  now: number,
  reasonOf: (bodyBefore: string) => string,
): Promise<void> {
  const [before] = await lane.query(
    sql`SELECT id, body FROM in_force WHERE kind = ${kind} AND model = ${model} ORDER BY at DESC, id LIMIT 1`,
    z.object({ id: z.string(), body: z.string() }),
  );
  if ((before?.id ?? "") === id) return;
  await lane.insertRows("in_force", [{ kind, model, at: now, id, reason: reasonOf(before?.body ?? ""), body }]);
}
