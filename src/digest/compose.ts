/** Makes a digest of what the store holds: the worst model first, the whole before its segments, and as much as a message can hold. */
import { effectiveRules, ruleApplies } from "../alert/rules.ts";
import type { DigestConfig } from "../config/digests.ts";
import { impliedEstimates } from "../config/kpis.ts";
import type { ModelConfig } from "../config/schema.ts";
import type { AuditHead, DigestMessage, DigestModel, Listed } from "../core/digest.ts";
import { modelsOf, severityRank } from "../core/incident.ts";
import type { SubjectKind } from "../core/summary.ts";
import type { Lane } from "../store/store.ts";
import type { DueDigest } from "./due.ts";
import {
  type BreachRow,
  type IncidentRow,
  type KpiRow,
  type NoticeRow,
  readBreaches,
  readDeadLetters,
  readIncidents,
  readKpis,
  readNotices,
  readStatuses,
  readVolumes,
  type StatusRow,
} from "./found.ts";
import { toBreaches, toIncident, toKpi, toNotice } from "./lines.ts";
import { notesOf } from "./notes.ts";
import { periodText, summaryOf, titleOf } from "./sentences.ts";

const DAY_MS = 86_400_000;

/** Where a line leads to; each '' where people can't reach the page. */
export interface DigestLinks {
  readonly page: () => string;
  readonly incident: (incidentId: string) => string;
  readonly model: (model: string, window?: string) => string;
  readonly subject: (
    series: { readonly model: string; readonly version: string; readonly variant: string },
    kind: SubjectKind,
    subject: string,
    at?: { readonly window: string; readonly start: number },
  ) => string;
}

export interface DigestParts {
  readonly lane: Lane;
  readonly models: readonly ModelConfig[];
  readonly digest: DigestConfig;
  readonly due: DueDigest;
  readonly heads: readonly AuditHead[];
  readonly links: DigestLinks;
}

/** A round of evaluation stamps its rows when it begins: what is being written when a digest is made belongs to the next. */
const SETTLES_MS = 60_000;
const MODELS_MAX = 100;
/** Of each kind of line, of all models together; and of one model. */
const LINES_MAX = 400;
const MODEL_LINES_MAX = 50;
const QUIET_MAX = 500;
const REASONS_MAX = 20;
const HEADS_MAX = 20;

export async function composeDigest(parts: DigestParts): Promise<Omit<DigestMessage, "idempotencyKey">> {
  const { digest, due, links } = parts;
  const { name, every, timezone } = digest;
  const models = parts.models.filter((model) => digest.models?.includes(model.name) !== false);
  const period = { from: due.from - SETTLES_MS, to: due.dueAt - SETTLES_MS };
  const names = models.map((model) => model.name);
  const found = {
    breaches: await readBreaches(parts.lane, names, period),
    notices: await readNotices(parts.lane, names, period),
    kpis: await readKpis(
      parts.lane,
      models.map((model) => shownKpis(model, due)),
      period,
    ),
    incidents: await readIncidents(parts.lane, names, period),
    statuses: await readStatuses(parts.lane, names, period),
    volumes: new Map((await readVolumes(parts.lane, names, period)).map((row) => [row.model, row])),
  };
  const letters = await readDeadLetters(parts.lane, period);
  const all = models.map((model) => modelOf(model, found, links, isWeekly(digest, due))).sort(worstFirst);
  const quiet = all.filter((model) => urgency(model) === 0);
  const loud = all.filter((model) => urgency(model) > 0);
  const about = { name, every, timezone, date: due.date, from: due.from, to: due.dueAt };
  const page = links.page();
  return {
    title: titleOf(about),
    period: periodText(about),
    link: page,
    digest: {
      ...about,
      summary: summaryOf(
        loud,
        all.length,
        quiet.length,
        letters.reduce((sum, one) => sum + one.count, 0),
      ),
      models: { items: fitting(loud), count: loud.length },
      quiet: listed(
        quiet.map((model) => model.model),
        QUIET_MAX,
      ),
      dead_letters: listed(letters, REASONS_MAX),
      audit_heads: parts.heads.slice(0, HEADS_MAX),
      links: page === "" ? [] : [{ label: "Open Driftline", url: page }],
    },
  };
}

const listed = <Item>(items: readonly Item[], most: number): Listed<Item> => ({
  items: items.slice(0, most),
  count: items.length,
});

interface Found {
  readonly breaches: readonly BreachRow[];
  readonly notices: readonly NoticeRow[];
  readonly kpis: readonly KpiRow[];
  readonly incidents: readonly IncidentRow[];
  readonly statuses: readonly StatusRow[];
  readonly volumes: ReadonlyMap<string, { readonly now: number; readonly before: number }>;
}

const MONDAY = 1;
/** The digest of a week, and of the days that of Monday. */
const isWeekly = ({ every }: DigestConfig, { date }: DueDigest): boolean =>
  every === "week" || new Date(`${date}T00:00:00Z`).getUTCDay() === MONDAY;

function modelOf(config: ModelConfig, found: Found, links: DigestLinks, weekly: boolean): DigestModel {
  const model = config.name;
  const isOurs = (row: { readonly model: string }) => row.model === model;
  const rules = effectiveRules(config);
  const free = found.breaches.filter(isOurs).filter((row) => !rules.some((rule) => ruleApplies(rule, row.window, row)));
  const volume = found.volumes.get(model) ?? { now: 0, before: 0 };
  const incidents = found.incidents.filter((row) =>
    modelsOf({ model: row.model, models: modelsIn(row) }).includes(model),
  );
  const kpis = found.kpis.filter(isOurs).flatMap((row) => toKpi(row, config, links) ?? []);
  return {
    model,
    link: links.model(model),
    predictions: volume.now,
    predictions_before: volume.before,
    incidents: listed(
      incidents.map((row) => toIncident(row, links)),
      MODEL_LINES_MAX,
    ),
    kpis: listed(
      [...kpis].sort((a, b) => Number(b.breached) - Number(a.breached)),
      MODEL_LINES_MAX,
    ),
    breaches: listed(toBreaches(free, links), MODEL_LINES_MAX),
    notices: listed(
      found.notices.filter(isOurs).map((row) => toNotice(row, links)),
      MODEL_LINES_MAX,
    ),
    notes: notesOf(config, volume, found.statuses.filter(isOurs), weekly),
  };
}

const modelsIn = ({ models }: IncidentRow) => (models.length === 0 ? undefined : models);

/** The KPIs of a model with their estimates, in the longest window by time that the period holds, else in the first. */
function shownKpis(model: ModelConfig, { from, dueAt }: DueDigest) {
  const metrics = [
    ...model.kpis.map((kpi) => ("use" in kpi ? kpi.use : kpi.name)),
    ...impliedEstimates(model).map((kpi) => kpi.use),
  ];
  // A day on which the clocks were put forward is a day.
  const period = Math.max(dueAt - from, Math.round((dueAt - from) / DAY_MS) * DAY_MS);
  const [window] = model.windows
    .flatMap((one) => (one.kind === "time" && one.ms <= period ? [one] : []))
    .sort((a, b) => b.ms - a.ms);
  return { model: model.name, window: (window ?? model.windows[0])?.name ?? "", metrics };
}

/** 0: nothing to say but its KPIs. */
function urgency({ incidents, kpis, breaches, notices, notes }: DigestModel): number {
  const open = incidents.items.filter(({ resolved }) => !resolved);
  if (open.length > 0) return 10 + Math.max(...open.map(({ severity }) => severityRank(severity)));
  if (kpis.items.some(({ breached }) => breached)) return 9;
  if (breaches.count > 0) return 8;
  if (incidents.count > 0) return 7;
  if (notices.count > 0) return 6;
  return notes.length > 0 ? 5 : 0;
}

function worstFirst(a: DigestModel, b: DigestModel): number {
  const weight = (model: DigestModel) => model.incidents.count + model.breaches.count + model.notices.count;
  return urgency(b) - urgency(a) || weight(b) - weight(a) || (a.model < b.model ? -1 : 1);
}

/** Models, and their lines, as far as a message can hold them. */
function fitting(models: readonly DigestModel[]): DigestModel[] {
  const left = { incidents: LINES_MAX, kpis: LINES_MAX, breaches: LINES_MAX, notices: LINES_MAX };
  const cut = <Item>(kind: keyof typeof left, { items, count }: Listed<Item>): Listed<Item> => {
    const shown = items.slice(0, left[kind]);
    left[kind] -= shown.length;
    return { items: shown, count };
  };
  return models.slice(0, MODELS_MAX).map((model) => ({
    ...model,
    incidents: cut("incidents", model.incidents),
    kpis: cut("kpis", model.kpis),
    breaches: cut("breaches", model.breaches),
    notices: cut("notices", model.notices),
  }));
}
