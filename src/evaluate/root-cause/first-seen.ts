/** Since when a value's share has been away from what it was: the first window of the unbroken run up to the one that is explained. */
import { z } from "zod";
import type { WindowSpec } from "../../config/duration.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import { type WindowGrid, windowGrid } from "../../core/window-grid.ts";
import { twoProportionTest } from "../../math/two-proportion-test.ts";
import { sql } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { windowStart } from "../../store/window-start.ts";
import { newestSummaries, paneName } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import type { MovedValue } from "./moved-values.ts";
import type { WindowPlace } from "./window-rows.ts";

const DAY = 86_400_000;
/** Windows looked back on; of long ones fewer, as they are merged from as many panes. */
const WINDOWS = 24;
const LONG_WINDOWS = 8;
/** Chance of a share this far off if it had not changed, in each window. */
const LEVEL = 0.001;
/** A window takes part in the run if its share has moved this much of the way. */
const LEAST_WAY = 0.5;

const seenRow = z.object({ start: z.number(), counted: z.number(), n: z.number() });
type Seen = z.output<typeof seenRow>;

/** Start of the first moved window; null where not even the explained one has moved beyond chance. */
export async function firstSeen(
  lane: Lane,
  prepared: PreparedModel,
  spec: WindowSpec,
  place: WindowPlace,
  reference: ReferenceSubject,
  { bins, shares }: Pick<MovedValue, "bins" | "shares">,
): Promise<number | null> {
  const grid = spec.kind === "time" ? windowGrid(spec.ms, prepared.config.timezone) : null;
  const rows = await countsBefore(lane, prepared, { spec, grid }, place, reference, bins);
  const before = countOf(reference.bins, reference.missing, bins);
  const n = reference.bins.reduce((sum, count) => sum + count, 0) + reference.missing;
  const change = shares[1] - shares[0];
  const hasMoved = (seen: Seen) =>
    seen.n > 0 &&
    (seen.counted / seen.n - shares[0]) / change >= LEAST_WAY &&
    twoProportionTest(seen.counted, seen.n, before, n).pValue < LEVEL;
  let first: number | null = null;
  let expected = place.start;
  for (const seen of rows) {
    // A window without rows ends the run: what was then is not known.
    if (grid !== null && seen.start !== expected) break;
    if (!hasMoved(seen)) break;
    first = seen.start;
    expected = grid?.shift(seen.start, -1) ?? seen.start;
  }
  return first;
}

const countOf = (counts: readonly number[], missing: number, bins: readonly number[]): number =>
  bins.reduce((sum, bin) => sum + (bin === counts.length ? missing : (counts[bin] ?? 0)), 0);

/** The value's rows in the explained window and those before it, the newest first. */
async function countsBefore(
  lane: Lane,
  prepared: PreparedModel,
  { spec, grid }: { readonly spec: WindowSpec; readonly grid: WindowGrid | null },
  { version, variant, start }: WindowPlace,
  { bins, subjectKind, subject }: ReferenceSubject,
  wanted: readonly number[],
): Promise<Seen[]> {
  const span =
    grid === null
      ? { from: 0, to: start + 1 }
      : {
          from: Math.max(grid.startOf(0), grid.shift(start, grid.ms > DAY ? -LONG_WINDOWS : -WINDOWS)),
          to: grid.endOf(start),
        };
  const pane = grid === null ? spec.name : paneName(prepared);
  const at = sql`toUnixTimestamp64Milli(pane_start)`;
  const slice = grid === null ? at : windowStart(grid, at, span);
  const places = wanted.filter((bin) => bin < bins.length).map((bin) => bin + 1);
  const counted = sql`arraySum(arrayMap(i -> bins[i], CAST(${places} AS Array(UInt32))))`;
  const missing = wanted.includes(bins.length) ? sql`missing` : sql`0`;
  return lane.query(
    sql`SELECT ${slice} AS start, sum(${counted} + ${missing}) AS counted, sum(n - invalid) AS n FROM pane_summaries
      WHERE ${newestSummaries(prepared, pane, span)} AND subject_kind = ${subjectKind} AND subject = ${subject}
        AND version = ${version} AND variant = ${variant}
      GROUP BY start ORDER BY start DESC LIMIT ${WINDOWS}`,
    seenRow,
    { timeoutSeconds: 30 },
  );
}
