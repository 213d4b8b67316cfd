/**
 * The pictures that go with a message: the KPI over time, and the subject that moved most, its window over what it was compared with. Like the causes
 * they are taken when an incident is to be told, and kept with the message as numbers.
 */
import { z } from "zod";
import { histogram, shareRows } from "../core/distribution.ts";
import { isEvidence, PAGE_TIER } from "../core/evidence.ts";
import type { Incident, IncidentMember } from "../core/incident.ts";
import type { Picture, SeriesPicture } from "../core/picture/picture.ts";
import type { ReferenceSubject, SubjectKind } from "../core/summary.ts";
import { type Sql, sql, time } from "../store/sql.ts";
import type { Lane } from "../store/store.ts";
import { comparedSubjects, comparedSummary } from "./accepted/compared-subject.ts";
import { windowSummary } from "./drift-rows.ts";
import { paneName } from "./panes.ts";
import { type PreparedModel, preparedFor } from "./prepare-model.ts";

/** Windows of a KPI that are drawn. */
const POINTS = 60;
/** A longer series of windows is preferred to a finer one with fewer points than this. */
const POINTS_MIN = 10;
/** Values of a category that are drawn. */
const CATEGORIES = 7;
/** What the page tier found is drawn over this time at most, up to when it was found. */
const LONGEST_SPAN_MS = 30 * 86_400_000;

/** At most one picture of a KPI and one of a distribution; none where there is nothing to draw. */
export type Illustrate = (incident: Incident) => Promise<readonly Picture[]>;

export function createIllustrate(lane: Lane, models: readonly PreparedModel[]): Illustrate {
  const byName = new Map(models.map((model) => [model.config.name, model]));
  return async (incident) => {
    // Of the model at which it was seen first, and of all its events: members of other models and of segments have no picture.
    const whole = incident.members.filter(({ model, segment = "" }) => model === undefined && segment === "");
    return await draw(lane, byName.get(incident.model), { ...incident, members: whole });
  };
}

async function draw(lane: Lane, model: PreparedModel | undefined, incident: Incident): Promise<Picture[]> {
  const [member] = incident.members;
  if (model === undefined || member === undefined) return [];
  const series = await kpiPicture(lane, model, incident, member);
  const distribution = await distributionPicture(lane, model, incident);
  return [series, distribution].filter((picture) => picture !== null);
}

const isDistribution = (kind: SubjectKind) => kind === "feature" || kind === "prediction" || kind === "score";

/** The subject of the most telling cause, else of the first member that has a distribution. */
function drawnSubject({ members, causes }: Incident): { readonly of: IncidentMember; readonly subject: string } | null {
  const cause = causes?.causes
    .flatMap(({ conditions }) => conditions)
    .find(({ subject_kind, subject }) =>
      members.some((member) => member.subject_kind === subject_kind && member.subject === subject),
    );
  const of =
    members.find((member) => member.subject_kind === cause?.subject_kind && member.subject === cause.subject) ??
    members.find((member) => isDistribution(member.subject_kind));
  return of === undefined ? null : { of, subject: of.subject };
}

async function distributionPicture(lane: Lane, model: PreparedModel, incident: Incident): Promise<Picture | null> {
  const drawn = drawnSubject(incident);
  if (drawn === null) return null;
  const { of, subject } = drawn;
  const isOfWindow = (of.window ?? incident.window) !== PAGE_TIER;
  const find = await comparedSubjects(lane, preparedFor(model, of.version), isOfWindow);
  const compared = await find({ subjectKind: of.subject_kind, subject }, of, of.window_start);
  if (compared === null) return null;
  const [pane, { from, to }] = placeOf(model, incident, of);
  const stored = await comparedSummary(lane, compared, of, pane, { from: Math.max(from, compared.from), to });
  if (stored === undefined || stored.n === 0) return null;
  return pictureOf(compared.reference, windowSummary(compared.reference, stored));
}

/** The panes of the member's window; of what the page tier found, those since it began. */
function placeOf(
  prepared: PreparedModel,
  { window: firstWindow, onset }: Incident,
  member: IncidentMember,
): [pane: string, span: { from: number; to: number }] {
  const to = member.window_end;
  const window = member.window ?? firstWindow;
  if (window === PAGE_TIER)
    return [paneName(prepared), { from: Math.max(member.onset ?? onset, to - LONGEST_SPAN_MS), to }];
  const spec = prepared.config.windows.find(({ name }) => name === window);
  return spec?.kind === "count"
    ? [spec.name, { from: member.window_start, to: member.window_start + 1 }]
    : [paneName(prepared), { from: member.window_start, to }];
}

function pictureOf(reference: ReferenceSubject, counts: ReturnType<typeof windowSummary>): Picture | null {
  const title = `${reference.subject}, share of events`;
  if (reference.kind === "numeric") {
    const drawn = histogram(reference, counts);
    if (drawn === null) return null;
    const { from, to } = drawn;
    return {
      kind: "histogram",
      title: `${title} by value`,
      from,
      to,
      reference: drawn.reference.map(short),
      window: drawn.window.map(short),
    };
  }
  const rows = shareRows(reference, counts, CATEGORIES)
    .filter((row) => row.kind === "category" || row.reference + row.window > 0)
    .map((row) => ({ label: WORDS[row.kind](row.label), reference: short(row.reference), window: short(row.window) }));
  return rows.length === 0 ? null : { kind: "categories", title, rows };
}

const WORDS: Readonly<Record<ReturnType<typeof shareRows>[number]["kind"], (label: string) => string>> = {
  category: (label) => (label === "" ? "(empty text)" : label),
  others: (label) => `${label} other values`,
  rare: () => "rare values",
  new: () => "new values",
  missing: () => "missing",
  invalid: () => "invalid",
};

/** Enough digits to draw. */
const short = (share: number): number => Number(share.toPrecision(5));

const pointRow = z.object({
  window: z.string(),
  at: z.number(),
  value: z.number().nullable(),
  threshold: z.number().nullable(),
});
type Point = z.output<typeof pointRow>;

/** The incident's own KPI; else the one that the causes explain, else the model's first. */
function drawnKpi({ config }: PreparedModel, { members, causes }: Incident): string | undefined {
  const member = members.find(({ subject_kind }) => subject_kind === "kpi");
  if (member !== undefined) return isEvidence(member.metric) ? member.subject : member.metric;
  return causes?.kpi?.metric ?? config.kpis.map((kpi) => ("use" in kpi ? kpi.use : kpi.name))[0];
}

async function kpiPicture(
  lane: Lane,
  prepared: PreparedModel,
  incident: Incident,
  first: IncidentMember,
): Promise<SeriesPicture | null> {
  const metric = drawnKpi(prepared, incident);
  if (metric === undefined) return null;
  const of = incident.members.find(({ subject_kind }) => subject_kind === "kpi") ?? first;
  const window = of.window ?? incident.window;
  const onlyWindow = window === PAGE_TIER ? sql`` : sql` AND window = ${window}`;
  const rows = await readPoints(lane, prepared, metric, of, onlyWindow);
  const points = longestSeries(rows);
  if (points.filter(({ value }) => value !== null).length < 2) return null;
  const kpi = incident.causes?.kpi;
  const fromReference = kpi?.metric === metric && incident.causes?.baseline.kind === "reference";
  return {
    kind: "series",
    title: `${metric.replaceAll("_", " ")}, windows of ${points[0]?.window ?? window}`,
    points: points.map(({ at, value }) => ({ at, value })),
    limit: isEvidence(of.metric) || of.subject_kind !== "kpi" ? (points.at(-1)?.threshold ?? null) : of.threshold,
    reference: fromReference ? (kpi?.before ?? null) : null,
    estimated: metric.startsWith("estimated_"),
    onset: of.onset ?? incident.onset,
  };
}

function readPoints(
  lane: Lane,
  { config }: PreparedModel,
  metric: string,
  { version, variant, window_end: end }: IncidentMember,
  only: Sql,
): Promise<Point[]> {
  return lane.query(
    sql`SELECT window, toUnixTimestamp64Milli(window_end) AS at, value, threshold FROM metrics FINAL
      WHERE model = ${config.name} AND segment = '' AND version = ${version} AND variant = ${variant} AND subject_kind = 'kpi'
        AND metric = ${metric} AND window_end <= ${time(end)}${only}
      ORDER BY window_start DESC LIMIT ${POINTS} BY window`,
    pointRow,
  );
}

/** Of several windows the one with the longest memory that still has points enough to see a course. */
function longestSeries(rows: readonly Point[]): Point[] {
  const series = new Map<string, Point[]>();
  for (const row of rows) series.set(row.window, [row, ...(series.get(row.window) ?? [])]);
  const all = [...series.values()];
  const span = (points: readonly Point[]) => (points.at(-1)?.at ?? 0) - (points[0]?.at ?? 0);
  const full = all.filter((points) => points.length >= POINTS_MIN).sort((a, b) => span(b) - span(a))[0];
  return full ?? all.sort((a, b) => b.length - a.length)[0] ?? [];
}
