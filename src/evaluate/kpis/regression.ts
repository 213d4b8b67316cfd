/** KPIs of predicted numbers, from exact sums: a sum of floats would differ with the order in which threads read rows. */
import { z } from "zod";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type Sql, sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { meanKpi } from "./classification.ts";
import { type KpiValue, undefinedKpi, Z95 } from "./kpi-value.ts";

const errorRow = z.object({
  slice: z.number(),
  version: z.string(),
  variant: z.string(),
  rows: z.number(),
  absolute: z.string(),
  squares: z.string(),
  fourths: z.string(),
  labels: z.string(),
  label_squares: z.string(),
});
export type Errors = z.output<typeof errorRow> & { readonly scale: number };

/** The power of two of the fixed point: 40 binary digits below the size of what the model predicts. */
export function errorScale(subjects: readonly ReferenceSubject[]): number {
  const subject = subjects.find(({ subjectKind }) => subjectKind === "label") ?? subjects.find(({ subjectKind }) => subjectKind === "prediction");
  const size = Math.max(Math.abs(subject?.minimum ?? 1), Math.abs(subject?.maximum ?? 1), Number.MIN_VALUE);
  return 2 ** Math.max(-200, Math.min(200, 40 - Math.ceil(Math.log2(size))));
}

export async function readErrors(lane: Lane, joined: Sql, scale: number): Promise<Errors[]> {
  // Clipped far beyond the model's range, so that squares of 256 bits can't overflow; the fourth powers carry half the digits.
  const whole = (value: Sql) => sql`toInt256(round(least(greatest(${value} * ${scale}, -1.2e27), 1.2e27)))`;
  const rows = await lane.query(
    sql`SELECT slice, version, variant, count() AS rows, toString(sum(abs(e))) AS absolute, toString(sum(e * e)) AS squares,
        toString(sum(intDiv(e * e, toInt256(1099511627776)) * intDiv(e * e, toInt256(1099511627776)))) AS fourths, toString(sum(y)) AS labels, toString(sum(y * y)) AS label_squares
      FROM (SELECT slice, version, variant, ${whole(sql`(assumeNotNull(prediction) - assumeNotNull(label))`)} AS e, ${whole(sql`assumeNotNull(label)`)} AS y
        FROM (${joined}) WHERE labelled AND isNotNull(prediction)) GROUP BY slice, version, variant`,
    errorRow,
  );
  return rows.map((row) => ({ ...row, scale }));
}

const NONE = "no labelled prediction";

export function mae(errors: Errors | undefined): KpiValue {
  if (errors === undefined) return undefinedKpi(0, NONE);
  const { scale } = errors;
  return meanKpi(Number(BigInt(errors.absolute)) / scale, Number(BigInt(errors.squares)) / scale / scale, errors.rows, NONE);
}

/** The interval is that of the mean squared error (normal), its ends rooted. */
export function rmse(errors: Errors | undefined): KpiValue {
  if (errors === undefined) return undefinedKpi(0, NONE);
  const { rows: n, scale } = errors;
  const mean = Number(BigInt(errors.squares)) / scale / scale / n;
  const fourth = (Number(BigInt(errors.fourths)) * 2 ** 80) / scale ** 4 / n;
  const half = Z95 * Math.sqrt(Math.max(0, fourth - mean * mean) / n);
  return { status: "ok", value: Math.sqrt(mean), lower: Math.sqrt(Math.max(0, mean - half)), upper: Math.sqrt(mean + half), n };
}

/** 1 − Σe² / Σ(y − ȳ)²; not defined where all labels are equal. */
export function r2(errors: Errors | undefined): KpiValue {
  if (errors === undefined) return undefinedKpi(0, NONE);
  const n = BigInt(errors.rows);
  const spread = n * BigInt(errors.label_squares) - BigInt(errors.labels) ** 2n;
  if (spread <= 0n) return undefinedKpi(errors.rows, "all labels are equal: there is no variance to explain");
  return { status: "ok", value: 1 - Number(n * BigInt(errors.squares)) / Number(spread), n: errors.rows };
}
