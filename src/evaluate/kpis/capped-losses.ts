/**
 * Errors of a regression for the page tier, which tests means in [0, 1] alone: each loss as a share of a cap, above which it counts as the cap.
 * Where the mean of all losses is within a limit, that of the capped ones is too.
 */
import { z } from "zod";
import { type Sql, sql } from "../../store/sql.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { cappedDetail } from "./kpi-sums.ts";
import type { KpiValue } from "./kpi-value.ts";
import { total, usable, wholeError } from "./regression.ts";

type ErrorKpi = "mae" | "rmse";

/** In the unit of the label, of `rmse` in its square; none where the page tier does not test the KPI. */
export type LossCaps = Readonly<Partial<Record<ErrorKpi, number>>>;

export function lossCaps({ pageTier }: Pick<PreparedModel, "pageTier">, prefix: "" | "estimated_" = ""): LossCaps {
  const capOf = (kpi: ErrorKpi) => pageTier?.kpis.find(({ metric }) => metric === `${prefix}${kpi}`)?.cap;
  const [mae, rmse] = [capOf("mae"), capOf("rmse")];
  return { ...(mae === undefined ? {} : { mae }), ...(rmse === undefined ? {} : { rmse }) };
}

/** (rows, Σ min(|e|, cap), Σ min(e², cap)) in fixed point. */
export const cappedRow = z.tuple([z.number(), z.string(), z.string()]);

/** Greatest number of 256 bits that is asked for. */
const MOST = 1e70;

/** null where there is no cap. */
export function cappedColumns(scale: number, { mae, rmse }: LossCaps): Sql | null {
  if (mae === undefined && rmse === undefined) return null;
  const error = wholeError(scale);
  const capped = (loss: Sql, cap: number) =>
    total(sql`least(toInt256(${loss}), toInt256(${Math.min(MOST, Math.round(cap))}))`);
  return sql`(countIf(${usable}), ${capped(sql`abs(${error})`, (mae ?? 0) * scale)}, ${capped(sql`${error} * ${error}`, (rmse ?? 0) * scale ** 2)})`;
}

/** The KPI with its capped losses beside it. */
export function withCapped(
  kpi: ErrorKpi,
  value: KpiValue,
  capped: z.output<typeof cappedRow> | undefined,
  { scale, caps }: { readonly scale: number; readonly caps: LossCaps },
): KpiValue {
  const cap = caps[kpi];
  if (value.status !== "ok" || cap === undefined || capped === undefined) return value;
  const [rows, absolute, square] = capped;
  const sum = kpi === "mae" ? Number(BigInt(absolute)) / scale : Number(BigInt(square)) / scale ** 2;
  return { ...value, detail: { ...value.detail, ...cappedDetail({ cap, sum, rows }) } };
}
