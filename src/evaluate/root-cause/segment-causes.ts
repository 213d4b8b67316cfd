/**
 * Which segments, single values and pairs of them, carry the change of a KPI: every one is tested, the p-values hold for all of them
 * together, and what says no more than a shorter condition is left out.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import type { CauseCondition } from "../../core/incident-cause.ts";
import { holmAdjusted } from "../../math/holm.ts";
import {
  addToRatio,
  emptyRatioSums,
  type MixAndRate,
  mixAndRate,
  type RatioSums,
  type RatioTotals,
} from "../../math/mix-and-rate.ts";
import { normalProbability } from "../../math/normal-probability.ts";
import type { RatioKpi } from "./ratio-kpis.ts";
import type { Dimension } from "./segments.ts";
import type { RowColumns } from "./window-rows.ts";

/** Chance, over all segments of an incident together, that one is named that has not changed. */
const LEVEL = 0.01;
/** What a segment carries of the change beyond its share of the rows: less is not worth a line. */
const LEAST_EXCESS = 0.1;
/** Rows of both sides together below which the normal law is not trusted. */
const LEAST_ROWS = 60;
/** A pair is told instead of its single values if it keeps this much of what each of them carries … */
const KEPT_PART = 0.8;
/** … with this much of their rows at most. */
const KEPT_ROWS = 0.8;
/** Chance of a change of the whole this large if nothing had changed. */
const WHOLE_LEVEL = 0.01;

export interface SegmentCause {
  readonly conditions: readonly CauseCondition[];
  readonly found: MixAndRate;
  /** Of the KPI's change. */
  readonly part: number;
  /** `part` less the segment's mean share: a large segment carries much of any change, and says little by it. */
  readonly excess: number;
  readonly pValue: number;
  /** Shares of the rows that bear on the KPI. */
  readonly shares: readonly [number, number];
}

export interface KpiChange {
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  /** Segments that were compared. */
  readonly segments: number;
  /** What carries most first. */
  readonly causes: readonly SegmentCause[];
}

/** Both sides reduced to the rows that bear on the KPI. */
interface Side {
  readonly totals: RatioTotals & { readonly squares: RatioSums };
  readonly a: Float64Array;
  readonly b: Float64Array;
  /** By dimension: the group of each row. */
  readonly groups: readonly Uint16Array[];
}

/** null where the KPI has not changed for the worse beyond chance, or a side has nothing to say of it. */
export async function segmentCauses(
  kpi: RatioKpi,
  dimensions: readonly Dimension[],
  before: RowColumns,
  after: RowColumns,
): Promise<KpiChange | null> {
  const [one, other] = [sideOf(kpi, dimensions, before), sideOf(kpi, dimensions, after)];
  const whole = mixAndRate(one.totals.squares, other.totals.squares, one.totals, other.totals);
  if (whole === null) return null;
  const isWorse = kpi.lossLike ? whole.change > 0 : whole.change < 0;
  if (!isWorse || changePValue(one, other, whole.change) > WHOLE_LEVEL) return null;
  const cells: Cell[] = [];
  for (const [index, dimension] of dimensions.entries()) cells.push(...singles(one, other, dimension, index));
  const alone = new Map(cells.map((cell) => [cell.key, cell]));
  for (let first = 0; first < dimensions.length; first++)
    for (let second = first + 1; second < dimensions.length; second++) {
      // Seconds of computing in all, with many dimensions: what else the process does must not wait for it.
      await nextTurn();
      cells.push(...pairs(one, other, dimensions, first, second));
    }
  const adjusted = holmAdjusted(cells.map(({ found }) => found.pValue));
  const telling = cells.flatMap((cell, index) => {
    const part = cell.found.part / whole.change;
    const excess = part - (cell.found.weights[0] + cell.found.weights[1]) / 2;
    const pValue = adjusted[index] ?? 1;
    return excess >= LEAST_EXCESS && pValue <= LEVEL ? [{ ...cell, part, excess, pValue }] : [];
  });
  return {
    metric: kpi.metric,
    before: whole.before,
    after: whole.after,
    rowsBefore: one.totals.rows,
    rowsAfter: other.totals.rows,
    segments: cells.length,
    causes: withoutRepetition(telling, alone),
  };
}

function sideOf(kpi: RatioKpi, dimensions: readonly Dimension[], rows: RowColumns): Side {
  const a: number[] = [];
  const b: number[] = [];
  const kept: number[] = [];
  const squares = emptyRatioSums(1);
  for (let row = 0; row < rows.rows; row++) {
    const part = kpi.part(rows, row);
    if (part === null) continue;
    a.push(part[0]);
    b.push(part[1]);
    kept.push(row);
    addToRatio(squares, 0, part[0], part[1]);
  }
  const groups = dimensions.map((dimension) => {
    const all = dimension.groupsOf(rows);
    const groupOf = new Uint16Array(kept.length);
    for (const [index, row] of kept.entries()) groupOf[index] = all[row] ?? 0;
    return groupOf;
  });
  return {
    totals: { rows: kept.length, a: squares.a[0] ?? 0, b: squares.b[0] ?? 0, squares },
    a: Float64Array.from(a),
    b: Float64Array.from(b),
    groups,
  };
}

/** Of the change of the whole, by the delta method on each side. */
function changePValue(one: Side, other: Side, change: number): number {
  const variance = ({ totals }: Side) => {
    const r = totals.a / totals.b;
    const { aa, ab, bb } = totals.squares;
    return Math.max(0, (aa[0] ?? 0) - 2 * r * (ab[0] ?? 0) + r * r * (bb[0] ?? 0)) / totals.b ** 2;
  };
  const deviation = Math.sqrt(variance(one) + variance(other));
  return deviation > 0 ? 2 * normalProbability(-Math.abs(change) / deviation) : 1;
}

interface Cell {
  readonly key: string;
  readonly conditions: readonly CauseCondition[];
  /** Keys of the single values that it lies within; empty for one. */
  readonly within: readonly string[];
  readonly found: MixAndRate;
  readonly shares: readonly [number, number];
}

function sumsOf(side: Side, groups: number, groupOf: (row: number) => number): RatioSums {
  const sums = emptyRatioSums(groups);
  for (let row = 0; row < side.a.length; row++) addToRatio(sums, groupOf(row), side.a[row] ?? 0, side.b[row] ?? 0);
  return sums;
}

function* cellsOf(
  one: Side,
  other: Side,
  groups: number,
  groupOf: (side: Side) => (row: number) => number,
): Generator<{ readonly group: number; readonly found: MixAndRate; readonly shares: readonly [number, number] }> {
  const [x, y] = [sumsOf(one, groups, groupOf(one)), sumsOf(other, groups, groupOf(other))];
  const split = mixAndRate(x, y, one.totals, other.totals);
  for (const [group, found] of (split?.parts ?? []).entries()) {
    const [n, m] = [x.rows[group] ?? 0, y.rows[group] ?? 0];
    if (n + m >= LEAST_ROWS) yield { group, found, shares: [n / one.totals.rows, m / other.totals.rows] };
  }
}

function* singles(one: Side, other: Side, dimension: Dimension, index: number): Generator<Cell> {
  const groupOf = (side: Side) => (row: number) => side.groups[index]?.[row] ?? 0;
  for (const { group, found, shares } of cellsOf(one, other, dimension.groups.length, groupOf)) {
    const condition = dimension.groups[group];
    if (condition !== undefined) yield { key: `${index} ${group}`, conditions: [condition], within: [], found, shares };
  }
}

function* pairs(
  one: Side,
  other: Side,
  dimensions: readonly Dimension[],
  first: number,
  second: number,
): Generator<Cell> {
  const [x, y] = [dimensions[first], dimensions[second]];
  if (x === undefined || y === undefined) return;
  const width = y.groups.length;
  const groupOf = (side: Side) => (row: number) =>
    (side.groups[first]?.[row] ?? 0) * width + (side.groups[second]?.[row] ?? 0);
  for (const { group, found, shares } of cellsOf(one, other, x.groups.length * width, groupOf)) {
    const [i, j] = [Math.floor(group / width), group % width];
    const conditions = [x.groups[i], y.groups[j]].flatMap((condition) => condition ?? []);
    const within = [`${first} ${i}`, `${second} ${j}`];
    yield { key: within.join(" "), conditions, within, found, shares };
  }
}

type Telling = Cell & Pick<SegmentCause, "part" | "excess" | "pValue">;

/**
 * A pair stays if it carries nearly all that both of its values do with clearly fewer rows: then the fall sits where the two meet, and
 * the single values go. Else the single values say it shorter.
 */
function withoutRepetition(telling: readonly Telling[], alone: ReadonlyMap<string, Cell>): SegmentCause[] {
  const sharp = telling.filter(({ within, found, shares }) => {
    const singles = within.flatMap((key) => alone.get(key) ?? []);
    return (
      within.length > 0 &&
      singles.length === within.length &&
      singles.every(
        (single) =>
          Math.abs(found.part) >= KEPT_PART * Math.abs(single.found.part) &&
          Math.max(...shares) <= KEPT_ROWS * Math.max(...single.shares),
      )
    );
  });
  const replaced = new Set(sharp.flatMap(({ within }) => within));
  return [...telling.filter(({ within, key }) => within.length === 0 && !replaced.has(key)), ...sharp].sort(
    (p, q) => q.excess - p.excess || (p.key < q.key ? -1 : 1),
  );
}
