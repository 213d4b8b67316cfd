/** How much each feature matters in the reference: the mean size of its attribution. */
import { z } from "zod";
import type { ReferenceSubject } from "../../core/summary.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { rounded } from "../value-expressions.ts";
import { deviationOf, fixedScale, meanOf } from "./exact-moments.ts";
import type { ReferenceColumn } from "./reference-table.ts";

export interface Importance {
  readonly feature: string;
  /** Rows that have its attribution. */
  readonly rows: number;
  /** Mean and standard deviation of its size. */
  readonly mean: number;
  readonly deviation: number;
}

/** By feature name where a column's name fits the pattern, whose one * stands for it. */
export function attributedFeature(pattern: string, column: string): string | null {
  const star = pattern.indexOf("*");
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  const fits = column.startsWith(before) && column.endsWith(after) && column.length > before.length + after.length;
  return fits ? column.slice(before.length, column.length - after.length) : null;
}

export async function readImportance(
  lane: Lane,
  { subject: feature, minimum, maximum }: ReferenceSubject,
  { from, number }: ReferenceColumn,
): Promise<Importance> {
  const scale = fixedScale(Math.max(Math.abs(minimum), Math.abs(maximum)));
  const finite = sql`isFinite(ifNull(${number}, nan))`;
  const whole = sql`toInt256(round(abs(${rounded(sql`ifNull(${number}, 0)`)}) * ${scale}))`;
  const [row] = await lane.query(
    sql`SELECT countIf(${finite}) AS rows, toString(sumIf(${whole}, ${finite})) AS s1, toString(sumIf(${whole} * ${whole}, ${finite})) AS s2 FROM ${from}`,
    z.object({ rows: z.number(), s1: z.string(), s2: z.string() }),
  );
  const sums = { n: row?.rows ?? 0, s1: BigInt(row?.s1 ?? "0"), s2: BigInt(row?.s2 ?? "0"), scale };
  return { feature, rows: sums.n, mean: meanOf(sums), deviation: deviationOf(sums) };
}
