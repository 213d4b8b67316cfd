/**
 * A digest: what happened to all models in a day or a week, for people to read in passing. It is made once, kept with its delivery, and laid
 * out by each channel for its own medium; the sentences are plain text, names in them cut and cleaned.
 */
import type { IncidentState, Severity } from "./incident.ts";
import type { Link } from "./message.ts";
import type { SubjectKind } from "./summary.ts";

/** The first of a list that may be longer. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** Those beyond the items included. */
  readonly count: number;
}

interface Told {
  /** One sentence that says all of it. */
  readonly sentence: string;
  /** Its page; '' where the service has no public address. */
  readonly link: string;
}

export interface DigestIncident extends Told {
  readonly incident_id: string;
  readonly severity: Severity;
  readonly state: IncidentState;
  /** Whether it opened, or ended, in the time of the digest. */
  readonly opened: boolean;
  readonly resolved: boolean;
  readonly title: string;
}

interface OfSeries {
  readonly version: string;
  readonly variant: string;
  readonly window: string;
}

/** A KPI, or the estimate of one, in its newest window. */
export interface DigestKpi extends Told, OfSeries {
  readonly metric: string;
  readonly window_end: number;
  readonly value: number;
  /** 95 % interval, where one is known. */
  readonly lower: number | null;
  readonly upper: number | null;
  /** What it is held against; null where nothing is configured. */
  readonly limit: number | null;
  readonly breached: boolean;
  /** In the window that lies one period earlier; null where there is none. */
  readonly before: number | null;
}

/** A subject whose windows have passed a detector's threshold that no rule looks at. */
export interface DigestBreach extends Told, OfSeries {
  readonly segment: string;
  readonly subject_kind: SubjectKind;
  readonly subject: string;
  /** The detector that is furthest beyond its threshold, and its value and threshold in the worst window. */
  readonly metric: string;
  readonly value: number | null;
  readonly threshold: number | null;
  /** Windows that breached, of those with results. */
  readonly breaches: number;
  readonly windows: number;
  /** Further detectors that breached on the subject. */
  readonly also: readonly string[];
}

/** What the notice tier has found. */
export interface DigestNotice extends Told {
  readonly version: string;
  readonly variant: string;
  readonly segment: string;
  readonly subject_kind: SubjectKind;
  readonly subject: string;
  readonly finding: string;
  readonly since: number | null;
}

/** A model of which there is something to say. */
export interface DigestModel {
  readonly model: string;
  readonly link: string;
  /** Predictions with an event time in the period, and in the one before. */
  readonly predictions: number;
  readonly predictions_before: number;
  readonly incidents: Listed<DigestIncident>;
  readonly kpis: Listed<DigestKpi>;
  readonly breaches: Listed<DigestBreach>;
  readonly notices: Listed<DigestNotice>;
  /** No events, too little data, no reference, what could not be computed: sentences. */
  readonly notes: readonly string[];
}

export interface DeadLetterReason {
  readonly reason: string;
  readonly count: number;
}

/** The end of one of the audit's chains. */
export interface AuditHead {
  readonly writer: string;
  readonly sequence: number;
  readonly hash: string;
}

export interface Digest {
  readonly name: string;
  readonly every: "day" | "week";
  /** Local date on which it is due. */
  readonly date: string;
  readonly timezone: string;
  /** What it covers, clock time in ms: after `from`, up to `to`. */
  readonly from: number;
  readonly to: number;
  /** One sentence or two. */
  readonly summary: string;
  /** The worst first. */
  readonly models: Listed<DigestModel>;
  /** Models of which there is nothing to say but their KPIs, by name. */
  readonly quiet: Listed<string>;
  readonly dead_letters: Listed<DeadLetterReason>;
  /** From these the whole audit can be checked: a chain that a later one has seen the end of is left out. */
  readonly audit_heads: readonly AuditHead[];
  readonly links: readonly Link[];
}

export interface DigestMessage {
  /** Stable over retries: the delivery's id. */
  readonly idempotencyKey: string;
  readonly digest: Digest;
  readonly title: string;
  /** "2026-03-01 08:00 to 2026-03-02 08:00, Europe/Berlin". */
  readonly period: string;
  /** The page, or '' where the service has no public address. */
  readonly link: string;
}

export interface DigestGroup {
  readonly heading: string;
  readonly entries: readonly Told[];
  /** How many there are beyond the entries. */
  readonly more: number;
}

/** What is said of a model, in the order in which it is read; at most `most` entries a group. */
export function groupsOf(model: DigestModel, most: number): DigestGroup[] {
  const group = (heading: string, { items, count }: Listed<Told>): DigestGroup[] => {
    const entries = items.slice(0, most);
    return count === 0 ? [] : [{ heading, entries, more: count - entries.length }];
  };
  const notes = model.notes.map((sentence) => ({ sentence, link: "" }));
  return [
    ...group("Incidents", model.incidents),
    ...group("KPIs", model.kpis),
    ...group("Beyond a threshold, without a rule", model.breaches),
    ...group("Notices", model.notices),
    ...group("To know", { items: notes, count: notes.length }),
  ];
}

/** "Not read: 12 messages (bad_json 10, no_model 2)"; '' where all was. */
export function deadLetterSentence({ items, count }: Digest["dead_letters"]): string {
  if (count === 0) return "";
  const messages = items.reduce((sum, one) => sum + one.count, 0);
  const reasons = items.map((one) => `${one.reason} ${one.count.toLocaleString("en-US")}`).join(", ");
  const more = count > items.length ? ` and ${count - items.length} more reasons` : "";
  return `${messages.toLocaleString("en-US")} ${messages === 1 ? "message" : "messages"} could not be read: ${reasons}${more}.`;
}

/** "Quiet: fraud, churn and 35 more"; '' where none is. */
export function quietSentence({ items, count }: Digest["quiet"], most: number): string {
  if (count === 0) return "";
  const named = items.slice(0, most);
  return `Quiet: ${named.join(", ")}${count > named.length ? ` and ${count - named.length} more` : ""}.`;
}

/** What the heads at a digest's foot are for. */
export const HEADS_WORDS = "Heads of the audit's chains, to be checked with `driftline audit verify --head`:";
export const headText = ({ hash, writer, sequence }: AuditHead): string => `${hash} ${writer}, entry ${sequence}`;

/** What machines are told: all of it, with times as ISO 8601. */
export function digestBody({ title, period, digest }: DigestMessage): Record<string, unknown> {
  const iso = (ms: number) => new Date(ms).toISOString();
  const { models, from, to, ...rest } = digest;
  return {
    title,
    period,
    ...rest,
    from: iso(from),
    to: iso(to),
    models: {
      count: models.count,
      items: models.items.map((model) => ({
        ...model,
        kpis: {
          ...model.kpis,
          items: model.kpis.items.map((kpi) => ({ ...kpi, window_end: iso(kpi.window_end) })),
        },
        notices: {
          ...model.notices,
          items: model.notices.items.map((notice) => ({
            ...notice,
            since: notice.since === null ? null : iso(notice.since),
          })),
        },
      })),
    },
  };
}
