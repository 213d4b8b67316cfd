/** What people have put in force in the place of the configured reference (`driftline reference use`). Rows are only added: the newest holds. */
import { z } from "zod";
import { canonicalJson } from "../../config/canonical-json.ts";
import type { ReferenceConfig } from "../../config/references.ts";
import { contentUuid } from "../../core/identity.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";

export interface ReferenceChoice {
  readonly model: string;
  /** Clock time, ms. */
  readonly at: number;
  /** '' : the configured reference again. */
  readonly build_id: string;
  /** The configured reference as it was then: where the configuration has come to name another, the choice is over. */
  readonly replaces: string;
  readonly owner: string;
  readonly reason: string;
}

/** A configured reference as text that compares; '' for none. */
export const specText = (reference: ReferenceConfig | undefined): string =>
  reference === undefined ? "" : canonicalJson(reference);

/** The newest for each configured reference that one was put in the place of, by its text (`specText`). */
export async function newestChoices(lane: Lane, model: string): Promise<ReadonlyMap<string, ReferenceChoice>> {
  const newest = await lane.query(
    sql`SELECT model, toUnixTimestamp64Milli(at) AS at_ms, build_id, replaces, owner, reason FROM reference_choices FINAL
      WHERE model = ${model} ORDER BY at DESC, choice_id LIMIT 1 BY replaces`,
    z
      .object({
        model: z.string(),
        at_ms: z.number(),
        build_id: z.string(),
        replaces: z.string(),
        owner: z.string(),
        reason: z.string(),
      })
      .transform(({ at_ms, ...rest }): ReferenceChoice => ({ ...rest, at: at_ms })),
  );
  return new Map(newest.map((choice) => [choice.replaces, choice]));
}

/** The same choice at the same millisecond twice is one. */
export async function writeChoice(lane: Lane, choice: ReferenceChoice): Promise<void> {
  const { model, at, build_id, replaces, owner, reason } = choice;
  const choice_id = contentUuid("reference choice", model, at, build_id, owner, reason);
  await lane.insertRows("reference_choices", [{ choice_id, model, at, build_id, replaces, owner, reason }]);
}
