/**
 * Which versions of a model a reference is for. Where versions have references of their own, each is evaluated by itself: over its own bins,
 * with its own steps and its own evidence. What is asked of the model as a whole (was there a silence, how many events came) is asked of all.
 */
import { join, list, type Sql, sql } from "../store/sql.ts";

export interface VersionScope {
  /** These alone; null: all but `except`. */
  readonly only: readonly string[] | null;
  readonly except: readonly string[];
}

/** A reference of a model and the versions that it is for. */
export interface ReferenceScope extends VersionScope {
  /** '' for versions without a reference. */
  readonly referenceId: string;
}

export const everyVersion: VersionScope = { only: null, except: [] };

export const covers = ({ only, except }: VersionScope, version: string): boolean =>
  only === null ? !except.includes(version) : only.includes(version);

/** Picks rows of these versions, by their column `version`. */
export function ofVersions({ only, except }: VersionScope): Sql {
  if (only !== null) return sql`version IN ${list(only)}`;
  return except.length === 0 ? sql`true` : sql`version NOT IN ${list(except)}`;
}

/** Picks rows of a table that has versions and references: those of each version under the reference that it has. */
export const ofReferences = (references: readonly ReferenceScope[]): Sql =>
  sql`(${join(
    references.map((one) => sql`(reference_id = ${one.referenceId} AND ${ofVersions(one)})`),
    " OR ",
  )})`;

/** "versions 7, 8", "all other versions"; '' where all versions are meant. */
export function scopeText({ only, except }: VersionScope): string {
  if (only !== null) return `version${only.length === 1 ? "" : "s"} ${only.join(", ")}`;
  return except.length === 0 ? "" : "all other versions";
}

/** Versions that `now` is for and `before` was not; null: those that neither names may be among them. */
export function added(now: VersionScope, before: VersionScope): readonly string[] | null {
  const named = [...new Set([...(now.only ?? []), ...(before.only ?? []), ...now.except, ...before.except])];
  if (now.only === null && before.only !== null) return null;
  return named.filter((version) => covers(now, version) && !covers(before, version)).sort();
}
