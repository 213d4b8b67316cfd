/**
 * The panes of a baseline: those of the model for a subject of the whole, and of its segment, as long as all segments' panes are, for a subject of a
 * segment. They are summarised and sealed under the baseline's id, so that sequential tests read them as they read the reference's.
 */
import { z } from "zod";
import { durationText } from "../../config/duration.ts";
import { type Sql, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { paneName, summarisePanes } from "../panes.ts";
import type { PreparedModel } from "../prepare-model.ts";
import { segmentPaneMs, segmentsOfRow } from "../segments/segment.ts";
import { summariseSegments } from "../segments/segment-evaluation.ts";
import { type StepScope, wholeScope } from "../steps.ts";
import type { AcceptedBaseline } from "./accepted-baseline.ts";
import { ofSubject } from "./register.ts";

export interface BaselinePanes {
  readonly scope: StepScope;
  /** SQL over rows of predictions: those that it is made of. */
  readonly rows: Sql;
  /** Summarises panes. `own`: the model under the baseline; `sizes`: rows of a pane. */
  summarise(own: PreparedModel, panes: readonly number[], sizes: (pane: number) => number): Promise<unknown>;
  /** Panes through `sealedTo` that have a step of the model and no summary over the baseline's bins, or no step over them. */
  lacking(own: PreparedModel, sealedTo: number): Promise<number[]>;
}

/** null where the baseline's segment is watched no more. */
export function panesOfBaseline(lane: Lane, prepared: PreparedModel, baseline: AcceptedBaseline): BaselinePanes | null {
  if (baseline.segment !== "") return panesOfSegment(lane, prepared, baseline);
  return {
    scope: wholeScope(prepared),
    rows: sql`true`,
    summarise: (own, panes, sizes) => summarisePanes(lane, own, panes, sizes),
    lacking: (own, sealedTo) => lackingPanes(lane, prepared, own, baseline, sealedTo),
  };
}

function panesOfSegment(lane: Lane, prepared: PreparedModel, baseline: AcceptedBaseline): BaselinePanes | null {
  const watched = prepared.pageTier?.segments?.reference;
  const segment = watched?.segments.find((one) => one.segment === baseline.segment);
  const dimension = watched?.dimensions.find(({ name }) => name === segment?.dimension);
  if (segment === undefined || dimension === undefined) return null;
  const reference = { dimensions: [dimension], segments: [segment] };
  const paneMs = segmentPaneMs(prepared.config);
  const panes = `segment ${durationText(paneMs)}`;
  const scope = { panes, paneMs, segments: [baseline.segment], since: baseline.since };
  return {
    scope,
    rows: sql`has(${segmentsOfRow(reference)}, ${baseline.segment})`,
    summarise: (own, starts) =>
      summariseSegments(lane, own, { reference, subjects: own.reference?.subjects ?? [] }, scope, starts),
    lacking: (own, sealedTo) => lackingPanesOfSegment(lane, prepared, own, baseline, { ...scope, sealedTo }),
  };
}

async function lackingPanes(
  lane: Lane,
  prepared: PreparedModel,
  own: PreparedModel,
  { since, until }: AcceptedBaseline,
  sealedTo: number,
): Promise<number[]> {
  const of = (referenceId: string) =>
    sql`FROM panes FINAL WHERE model = ${prepared.config.name} AND reference_id = ${referenceId} AND pane = ${paneName(prepared)}
      AND pane_start >= ${time(since)} AND pane_start < ${time(Math.min(until, sealedTo + 1))}`;
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start ${of(prepared.referenceId)} AND n > 0 AND pane_start NOT IN (SELECT pane_start ${of(own.referenceId)}) ORDER BY start`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start);
}

/** By the steps, since panes of other segments lie in the same ledger. */
async function lackingPanesOfSegment(
  lane: Lane,
  prepared: PreparedModel,
  own: PreparedModel,
  baseline: AcceptedBaseline,
  { panes, paneMs, sealedTo }: Pick<StepScope, "panes" | "paneMs"> & { readonly sealedTo: number },
): Promise<number[]> {
  const { since, until } = baseline;
  const span = sql`pane_start >= ${time(since)} AND pane_start < ${time(Math.min(until, sealedTo + 1))}`;
  const start = sql`intDiv(toUnixTimestamp64Milli(pane_start), ${paneMs}) * ${paneMs}`;
  const known = (table: Sql) => sql`start NOT IN (SELECT toUnixTimestamp64Milli(pane_start) FROM ${table})`;
  const ledger = sql`panes WHERE model = ${own.config.name} AND reference_id = ${own.referenceId} AND pane = ${panes}`;
  const rows = await lane.query(
    sql`SELECT DISTINCT ${start} AS start FROM steps WHERE ${ofSubject(prepared, baseline)} AND ${span}
      AND (${known(ledger)} OR ${known(sql`steps WHERE ${ofSubject(own, baseline)}`)}) ORDER BY start`,
    z.object({ start: z.number() }),
  );
  return rows.map((row) => row.start).filter((pane) => pane >= since);
}
