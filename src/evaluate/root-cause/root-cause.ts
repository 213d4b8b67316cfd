/**
 * Why an incident came about: which values moved, since when, in which segments a KPI fell, and which drift is likely to cost most. A pure
 * function of the incident's members, the events in the store, the reference and the configuration. It is computed when an incident is to
 * be told and kept with it: a message, the page and an auditor in a year then read the same, also after the events are gone.
 */
import { z } from "zod";
import type { Incident, IncidentMember } from "../../core/incident.ts";
import type { CauseCondition, CauseReport, IncidentCause } from "../../core/incident-cause.ts";
import { type SubjectKind, subjectKinds, type WindowSummary } from "../../core/summary.ts";
import { list, sql, time } from "../../store/sql.ts";
import type { Lane } from "../../store/store.ts";
import { type ComparedSubject, comparedSubjects, comparedSummary } from "../accepted/compared-subject.ts";
import { windowSummary } from "../drift-rows.ts";
import { newestSummaries, paneName } from "../panes.ts";
import { type PreparedModel, preparedFor } from "../prepare-model.ts";
import { subjectKey } from "../references/load-reference.ts";
import { mergedSummaries, type StoredSummary } from "../summarise.ts";
import { firstSeen } from "./first-seen.ts";
import { kpiChange } from "./kpi-change.ts";
import { lossRanking } from "./loss-ranking.ts";
import { type MovedValue, movedValues } from "./moved-values.ts";
import type { KpiChange } from "./segment-causes.ts";
import { wantedColumns } from "./segments.ts";
import type { WindowPlace } from "./window-rows.ts";

/** Causes kept of one incident. */
const MOST_CAUSES = 20;
/** Subjects whose values are told, and values of each. */
const MOST_SUBJECTS = 10;
const MOST_VALUES = 3;
/** A value with less of its subject's distance is not told. */
const LEAST_PART = 0.1;

/** null where nothing can be said: no reference, or no rows. */
export type Explain = (incident: Incident) => Promise<CauseReport | null>;

export function createRootCause(lane: Lane, models: readonly PreparedModel[]): Explain {
  const byName = new Map(models.map((model) => [model.config.name, model]));
  return async (incident) => {
    const model = byName.get(incident.model);
    const member = explainedMember(incident);
    if (model === undefined || member === undefined) return null;
    return explain(lane, preparedFor(model, member.version), incident, member);
  };
}

/** The window that is explained: the newest in which a member fired; of several members the most urgent one's. */
function explainedMember({ members }: Incident): IncidentMember | undefined {
  const firing = members.filter((member) => member.firing);
  const newest = Math.max(...firing.map((member) => member.window_start));
  return firing.find((member) => member.window_start === newest);
}

async function explain(
  lane: Lane,
  prepared: PreparedModel,
  incident: Incident,
  member: IncidentMember,
): Promise<CauseReport | null> {
  const { version, variant, window_start: start, window_end: end } = member;
  const place: WindowPlace = { version, variant, start, end };
  const summaries = await summariesOf(lane, prepared, incident.window, place);
  const moved = await movedSubjects(lane, prepared, incident, place);
  const compared = await comparedIn(lane, prepared, incident.window, place, moved, summaries);
  const features = await lossRanking(lane, prepared, summaries);
  const names = moved.flatMap(({ kind, subject }) => (kind === "feature" ? [subject] : []));
  const columns = wantedColumns(prepared, names);
  const split = await kpiChange(lane, prepared, incident, place, columns);
  const values = valueCauses(
    compared,
    moved,
    features.map(({ subject }) => subject),
  );
  const fired = new Set(incident.members.flatMap((one) => (one.firing ? [`${one.subject_kind}/${one.subject}`] : [])));
  const causes = merged(split?.change ?? null, values, fired).slice(0, MOST_CAUSES);
  if (causes.length + features.length === 0 && split === null) return null;
  const dated: IncidentCause[] = [];
  for (const cause of causes)
    dated.push(await withFirstWindow(lane, prepared, incident.window, place, cause, compared));
  const { change = null, baseline = null } = split ?? {};
  return {
    version,
    variant,
    window_start: start,
    window_end: end,
    baseline: {
      kind: baseline === null ? "reference" : "window",
      window_start: baseline?.start ?? null,
      window_end: baseline?.end ?? null,
    },
    kpi:
      change === null
        ? null
        : {
            metric: change.metric,
            before: change.before,
            after: change.after,
            rows_before: change.rowsBefore,
            rows_after: change.rowsAfter,
            segments: change.segments,
          },
    causes: dated,
    features,
    loss: prepared.config.task === "regression" ? "absolute error" : "error",
  };
}

/** The window's summaries by subject. */
async function summariesOf(
  lane: Lane,
  prepared: PreparedModel,
  window: string,
  { version, variant, start, end }: WindowPlace,
): Promise<Map<string, StoredSummary>> {
  const spec = prepared.config.windows.find(({ name }) => name === window);
  if (prepared.reference === null || spec === undefined) return new Map();
  const pane = spec.kind === "time" ? paneName(prepared) : spec.name;
  const span = { from: start, to: spec.kind === "time" ? end : start + 1 };
  const rows = await mergedSummaries(
    lane,
    sql`toInt64(${start})`,
    sql`${newestSummaries(prepared, pane, span)} AND version = ${version} AND variant = ${variant}`,
  );
  return new Map(rows.map((row) => [subjectKey(row), row]));
}

type ComparedWindow = ComparedSubject & { readonly window: WindowSummary };

/** What a subject was compared with, and its counts in the window; only what has moved can be compared with what was accepted. */
type ComparedSubjects = (kind: CauseCondition["subject_kind"], subject: string) => ComparedWindow | undefined;

async function comparedIn(
  lane: Lane,
  prepared: PreparedModel,
  window: string,
  { version, variant, start, end }: WindowPlace,
  moved: readonly MovedSubject[],
  summaries: ReadonlyMap<string, StoredSummary>,
): Promise<ComparedSubjects> {
  const find = await comparedSubjects(lane, prepared, true);
  const spec = prepared.config.windows.find(({ name }) => name === window);
  const found = new Map<string, ComparedWindow | null>();
  for (const { kind: subjectKind, subject } of moved) {
    const key = subjectKey({ subjectKind, subject });
    const compared = await find({ subjectKind, subject }, { version, variant }, start);
    found.set(key, null);
    if (compared === null || spec === undefined) continue;
    const [pane, to] = spec.kind === "time" ? [paneName(prepared), end] : [spec.name, start + 1];
    const stored =
      compared.prepared === prepared
        ? summaries.get(key)
        : await comparedSummary(lane, compared, { version, variant }, pane, { from: start, to });
    found.set(key, { ...compared, window: windowSummary(compared.reference, stored) });
  }
  return (kind, subject) => {
    const key = `${kind}/${subject}`;
    const known = found.get(key);
    if (known !== undefined) return known ?? undefined;
    const reference = prepared.reference?.subjects.find((one) => subjectKey(one) === key);
    if (reference === undefined) return undefined;
    const window = windowSummary(reference, summaries.get(key));
    return { prepared, reference, isReference: true, from: Number.NEGATIVE_INFINITY, window };
  };
}

interface MovedSubject {
  readonly kind: SubjectKind;
  readonly subject: string;
  readonly metric: string;
  /** How many times its limit the distance is. */
  readonly excess: number;
}

const movedRow = z.object({
  subject_kind: z.enum(subjectKinds),
  subject: z.string(),
  metric: z.string(),
  excess: z.number().nullable(),
});

/** What breached in the window, members or not, once a subject: by the member's metric, else by the one that is furthest beyond its limit. */
async function movedSubjects(
  lane: Lane,
  { config }: PreparedModel,
  { window, members }: Incident,
  { version, variant, start }: WindowPlace,
): Promise<MovedSubject[]> {
  const rows = await lane.query(
    sql`SELECT subject_kind, subject, metric, value / threshold AS excess FROM metrics FINAL
      WHERE model = ${config.name} AND window = ${window} AND segment = '' AND version = ${version} AND variant = ${variant}
        AND window_start = ${time(start)} AND breached AND status = 'ok' AND subject_kind IN ${list(["feature", "prediction", "score"])}
      ORDER BY excess DESC, subject_kind, subject, metric`,
    movedRow,
  );
  const named = new Set(members.map(({ subject_kind, subject, metric }) => `${subject_kind}/${subject}/${metric}`));
  const found = new Map<string, MovedSubject>();
  const inOrder = [...rows].sort((a, b) => Number(isNamed(b)) - Number(isNamed(a)));
  function isNamed(row: z.output<typeof movedRow>): boolean {
    return named.has(`${row.subject_kind}/${row.subject}/${row.metric}`);
  }
  for (const { subject_kind: kind, subject, metric, excess } of inOrder) {
    const key = `${kind}/${subject}`;
    if (!found.has(key)) found.set(key, { kind, subject, metric, excess: excess ?? 0 });
  }
  return [...found.values()];
}

/** The values that moved, subject by subject: what is likely to cost most first, then what is furthest beyond its limit. */
function valueCauses(
  compared: ComparedSubjects,
  moved: readonly MovedSubject[],
  costly: readonly string[],
): IncidentCause[] {
  const rankOf = ({ kind, subject }: MovedSubject) => {
    const rank = kind === "feature" ? costly.indexOf(subject) : -1;
    return rank === -1 ? costly.length : rank;
  };
  const ordered = [...moved].sort(
    (a, b) => rankOf(a) - rankOf(b) || b.excess - a.excess || (a.subject < b.subject ? -1 : 1),
  );
  return ordered.slice(0, MOST_SUBJECTS).flatMap(({ kind, subject, metric }) => {
    const known = compared(kind, subject);
    if (known === undefined) return [];
    return movedValues(metric, known.reference, known.window)
      .filter(({ part }) => part >= LEAST_PART)
      .sort((a, b) => b.part - a.part)
      .slice(0, MOST_VALUES)
      .map(
        ({ condition, shares, part }): IncidentCause => ({
          conditions: [condition],
          share_before: shares[0],
          share_after: shares[1],
          first_window_start: null,
          first_window_end: null,
          drift: { metric, part },
          effect: null,
        }),
      );
  });
}

/**
 * Segments of the KPI's fall and values that moved as one list; a value that is both is one cause. Ranked by what it carries of the fall
 * beyond its share of the rows, or by its part in the distance: whole where that fired, by half where it only breached too.
 */
function merged(
  change: KpiChange | null,
  values: readonly IncidentCause[],
  fired: ReadonlySet<string>,
): IncidentCause[] {
  const ofDrift = ({ conditions: [condition], drift }: IncidentCause) =>
    (drift?.part ?? 0) * (fired.has(`${condition?.subject_kind}/${condition?.subject}`) ? 1 : 0.5);
  const keyOf = (conditions: IncidentCause["conditions"]) => JSON.stringify(conditions);
  const byKey = new Map(values.map((value) => [keyOf(value.conditions), value]));
  const segments = (change?.causes ?? []).map(({ conditions, found, part, excess, pValue, shares }) => {
    const key = keyOf([...conditions]);
    const value = byKey.get(key);
    byKey.delete(key);
    const cause: IncidentCause = {
      conditions: [...conditions],
      share_before: value?.share_before ?? shares[0],
      share_after: value?.share_after ?? shares[1],
      first_window_start: null,
      first_window_end: null,
      drift: value?.drift ?? null,
      effect: {
        mix: found.mix,
        rate: found.rate,
        part,
        kpi_before: found.ratios[0],
        kpi_after: found.ratios[1],
        p_value: pValue,
      },
    };
    return { cause, score: Math.max(excess, ofDrift(cause)) };
  });
  const others = [...byKey.values()].map((cause) => ({ cause, score: ofDrift(cause) }));
  // A stable sort: of equals the segment, then the subject that costs more, stays first.
  return [...segments, ...others].sort((a, b) => b.score - a.score).map(({ cause }) => cause);
}

/** Looked for where the panes hold the very value: a single one whose share has moved. */
async function withFirstWindow(
  lane: Lane,
  prepared: PreparedModel,
  window: string,
  place: WindowPlace,
  cause: IncidentCause,
  compared: ComparedSubjects,
): Promise<IncidentCause> {
  const [condition, second] = cause.conditions;
  const spec = prepared.config.windows.find(({ name }) => name === window);
  if (condition === undefined || second !== undefined || spec === undefined) return cause;
  const known = compared(condition.subject_kind, condition.subject);
  if (known === undefined) return cause;
  const value = sameValue(movedValues(cause.drift?.metric ?? "total-variation", known.reference, known.window), cause);
  if (value === undefined || value.shares[0] === value.shares[1]) return cause;
  const start = await firstSeen(lane, known.prepared, spec, place, known.reference, value);
  if (start === null) return cause;
  return { ...cause, first_window_start: start, first_window_end: await endOf(lane, prepared, window, place, start) };
}

const sameValue = (values: readonly MovedValue[], { conditions }: IncidentCause): MovedValue | undefined =>
  values.find(({ condition }) => JSON.stringify(condition) === JSON.stringify(conditions[0]));

async function endOf(
  lane: Lane,
  { config }: PreparedModel,
  window: string,
  { version, variant, start: explained, end }: WindowPlace,
  start: number,
): Promise<number> {
  if (start === explained) return end;
  const [row] = await lane.query(
    sql`SELECT toUnixTimestamp64Milli(max(window_end)) AS end, count() AS n FROM metrics
      WHERE model = ${config.name} AND window = ${window} AND version = ${version} AND variant = ${variant} AND window_start = ${time(start)}`,
    z.object({ end: z.number(), n: z.number() }),
  );
  return row === undefined || row.n === 0 ? end : row.end;
}
