/**
 * Panes of time: closed ones that were touched are summarised anew under a new revision. The ledger row comes after the summaries,
 * so that readers never see a half-written pane.
 */
import { z } from "zod";
import { durationText } from "../config/duration.ts";
import { greatestOf, leastOf } from "../math/extremes.ts";
import { join, list, type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { keptRows, type Span } from "./kept-rows.ts";
import type { WindowEntry } from "./metric-writer.ts";
import { runsOf } from "./pane-runs.ts";
import type { PreparedModel } from "./prepare-model.ts";
import { writeSummaries } from "./summarise.ts";
import { ofVersions } from "./version-scope.ts";

/** Panes summarised by one statement at most; their rows are bounded by what they hold. */
const PANES_AT_ONCE = 500;
/** Panes left out between two that one statement summarises: their rows are read for nothing. */
const GAP_PANES = 20;
/** Rows that one statement summarises, about. */
const ROWS_AT_ONCE = 250_000;

/** The name of the model's panes of time in `panes` and `pane_summaries`. */
export const paneName = (prepared: PreparedModel): string => durationText(prepared.config.pane);

/** Start of the pane that a row's timestamp falls into, Int64 ms. */
export const paneStart = (pane: number): Sql => sql`intDiv(toUnixTimestamp64Milli(timestamp), ${pane}) * ${pane}`;

/** Summarises the panes and enters them into the ledger; returns the starts of those whose content has changed. */
export async function summarisePanes(
  lane: Lane,
  prepared: PreparedModel,
  panes: readonly number[],
  sizes: (pane: number) => number,
): Promise<number[]> {
  const changed: number[] = [];
  for (const chunk of runsOf(panes, GAP_PANES * prepared.config.pane).flatMap((run) => [...chunks(run, sizes)]))
    changed.push(...(await summariseChunk(lane, prepared, chunk)));
  return changed;
}

function* chunks(panes: readonly number[], sizes: (pane: number) => number): Generator<number[]> {
  let chunk: number[] = [];
  let rows = 0;
  for (const pane of panes) {
    if (chunk.length > 0 && (chunk.length >= PANES_AT_ONCE || rows >= ROWS_AT_ONCE)) {
      yield chunk;
      chunk = [];
      rows = 0;
    }
    chunk.push(pane);
    rows += sizes(pane);
  }
  if (chunk.length > 0) yield chunk;
}

async function summariseChunk(lane: Lane, prepared: PreparedModel, panes: readonly number[]): Promise<number[]> {
  const { pane } = prepared.config;
  const label = paneName(prepared);
  const span: Span = { from: panes[0] ?? 0, to: (panes[panes.length - 1] ?? 0) + pane };
  const before = await readLedger(lane, prepared, label, span);
  const next = await nextRevision(lane, prepared, label, span);
  const from = await keptRows(lane, prepared.dedupe, span, panes);
  const key = paneStart(pane);
  const revision = await writeSummaries(
    lane,
    prepared,
    label,
    { from, key, where: sql`${key} IN ${list(panes)}` },
    next,
  );
  const digests = await digestsOf(lane, prepared, label, span, revision);
  const rows = panes.map((start) => ({ start, ...(digests.get(start) ?? { n: 0, digest: 0n }) }));
  await writeLedger(
    lane,
    prepared,
    rows.map((row) => ({ ...row, pane: label, revision })),
  );
  return rows.filter((row) => before.get(row.start)?.digest !== row.digest).map((row) => row.start);
}

/**
 * Above all that the ledger and the summaries of the span have: rows that a crash left without a ledger row must not be taken for
 * part of a revision that comes later.
 */
export async function nextRevision(lane: Lane, prepared: PreparedModel, pane: string, span: Span): Promise<number> {
  const key = ledgerKey(prepared, pane, span);
  const [row] = await lane.query(
    sql`SELECT greatest((SELECT max(revision) FROM pane_summaries WHERE ${key}), (SELECT max(revision) FROM panes WHERE ${key})) AS revision`,
    z.object({ revision: z.number() }),
  );
  return (row?.revision ?? 0) + 1;
}

/** Those of the panes that have summaries, which must now be made anew; others will be made when they close. */
export async function summarisedBefore(
  lane: Lane,
  prepared: PreparedModel,
  panes: readonly number[],
): Promise<number[]> {
  if (panes.length === 0) return [];
  const ledger = await readLedger(lane, prepared, paneName(prepared), {
    from: leastOf(panes),
    to: greatestOf(panes) + 1,
  });
  return panes.filter((pane) => ledger.has(pane));
}

export interface LedgerRow {
  readonly revision: number;
  readonly n: number;
  readonly digest: bigint;
}

export async function readLedger(
  lane: Lane,
  prepared: PreparedModel,
  pane: string,
  span: Span,
): Promise<Map<number, LedgerRow>> {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start, revision, n, toString(digest) AS digest FROM panes FINAL WHERE ${ledgerKey(prepared, pane, span)}`,
    z.object({ start: z.number(), revision: z.number(), n: z.number(), digest: z.string() }),
  );
  return new Map(rows.map(({ start, revision, n, digest }) => [start, { revision, n, digest: BigInt(digest) }]));
}

/** Starts of panes that have events of the model's, ascending. */
export async function readLedgerOfAll(lane: Lane, prepared: PreparedModel, { from, to }: Span): Promise<number[]> {
  const rows = await lane.query(
    sql`SELECT DISTINCT toUnixTimestamp64Milli(pane_start) AS start ${ledgerOfAll(prepared, paneName(prepared))} AND n > 0
      AND pane_start >= ${time(from)} AND pane_start < ${time(to)} ORDER BY start`,
    z.object({ start: z.number() }),
  );
  return rows.map(({ start }) => start);
}

type LedgerOf = Pick<PreparedModel, "config" | "referenceId">;

const ledgerKey = ({ config, referenceId }: LedgerOf, pane: string, { from, to }: Span): Sql =>
  sql`model = ${config.name} AND reference_id = ${referenceId} AND pane = ${pane} AND pane_start >= ${time(from)} AND pane_start < ${time(to)}`;

/** Picks, of the summaries of a span, those of the newest revision in the ledger, and of the versions that the reference is for. */
export function newestSummaries(prepared: LedgerOf & Pick<PreparedModel, "versions">, pane: string, span: Span): Sql {
  const key = ledgerKey(prepared, pane, span);
  return sql`${key} AND (pane_start, revision) IN (SELECT pane_start, max(revision) FROM panes WHERE ${key} GROUP BY pane_start) AND ${ofVersions(prepared.versions)}`;
}

/** The same of all of the model's references: its summaries as a whole. */
export function newestSummariesOfAll({ config, references }: PreparedModel, pane: string, span: Span): Sql {
  const each = references.map((one) =>
    newestSummaries({ config, referenceId: one.referenceId, versions: one }, pane, span),
  );
  return each.length === 1
    ? join(each)
    : sql`(${join(
        each.map((one) => sql`(${one})`),
        " OR ",
      )})`;
}

/** Rows of the ledger of any of the model's references. */
export const ledgerOfAll = ({ config, references }: PreparedModel, pane: string): Sql =>
  sql`FROM panes FINAL WHERE model = ${config.name} AND reference_id IN ${list(references.map(({ referenceId }) => referenceId))} AND pane = ${pane}`;

async function digestsOf(
  lane: Lane,
  prepared: PreparedModel,
  pane: string,
  span: Span,
  revision: number,
): Promise<Map<number, { n: number; digest: bigint }>> {
  const rows = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(pane_start) AS start, sumIf(n, subject_kind = 'model') AS events,
        toString(groupBitXor(cityHash64(subject_kind, subject, version, variant, n, missing, invalid, bins, s1, s2))) AS digest
      FROM pane_summaries WHERE ${ledgerKey(prepared, pane, span)} AND revision = ${revision} GROUP BY start`,
    z.object({ start: z.number(), events: z.number(), digest: z.string() }),
  );
  return new Map(rows.map(({ start, events, digest }) => [start, { n: events, digest: BigInt(digest) }]));
}

/** Enters panes, and windows that have been computed, into the ledger. */
export async function writeLedger(lane: Lane, prepared: PreparedModel, rows: readonly WindowEntry[]): Promise<void> {
  const table = rows.map(({ pane, start, n, digest, revision }) => ({
    model: prepared.config.name,
    pane,
    pane_start: start,
    reference_id: prepared.referenceId,
    revision,
    n,
    digest: digest.toString(),
    monitor_hash: prepared.monitorHash,
  }));
  await lane.insertRows("panes", table);
}
