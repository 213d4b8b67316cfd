/** The lines of a digest in words: plain text, names from events cleaned and cut. */
import { memberName, plainName, plainNumber, plainTime } from "../alert/incident-text.ts";
import type { Digest, DigestBreach, DigestIncident, DigestKpi, DigestModel, DigestNotice } from "../core/digest.ts";
import { figure } from "../core/picture/picture.ts";
import { localTime } from "../core/schedule.ts";

type Untold<Item> = Omit<Item, "sentence">;

export const count = (number: number): string => number.toLocaleString("en-US");
export const counted = (number: number, one: string, more = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : more}`;

function place(of: { readonly version: string; readonly variant: string; readonly segment?: string }): string {
  const parts = [
    ...(of.segment === undefined || of.segment === "" ? [] : [plainName(of.segment)]),
    ...(of.version === "" ? [] : [`version ${plainName(of.version)}`]),
    ...(of.variant === "" ? [] : [`variant ${plainName(of.variant)}`]),
  ];
  return parts.length === 0 ? "" : ` (${parts.join(", ")})`;
}

/** "opened, page: fraud, window 1h: accuracy 0.71 is below 0.8". */
export function incidentSentence({ severity, state, opened, resolved, title }: Untold<DigestIncident>): string {
  const word = resolved ? (opened ? "opened and over" : "over") : opened ? "opened" : "still open";
  const doubt = state === "insufficient_data" ? ", too few data to tell" : state === "error" ? ", not computed" : "";
  return `${word}${doubt}, ${severity}: ${title}`;
}

/** "f1 (version 7) 0.766 (0.74 to 0.79), beyond its limit 0.8; −0.067 from the period before; window 7d to 2017-12-08 00:00 UTC". */
export function kpiSentence(kpi: Untold<DigestKpi>): string {
  const { value, lower, upper, limit, breached, before } = kpi;
  const bounds = lower === null || upper === null ? "" : ` (${figure(lower)} to ${figure(upper)})`;
  const held = limit === null ? "" : breached ? `, beyond its limit ${figure(limit)}` : `, limit ${figure(limit)}`;
  const change =
    before === null ? "" : `; ${value >= before ? "+" : "−"}${figure(Math.abs(value - before))} from the period before`;
  const name = plainName(kpi.metric).replaceAll("_", " ");
  const window = `window ${plainName(kpi.window)} to ${plainTime(kpi.window_end)}`;
  return `${name}${place(kpi)} ${figure(value)}${bounds}${held}${change}; ${window}`;
}

/** "total-variation of RELP 0.348 is above 0.05, in 7 of 7 windows of 1d; also jensen-shannon, psi". */
export function breachSentence(breach: Untold<DigestBreach>): string {
  const limit = breach.threshold === null ? "its threshold" : plainNumber(breach.threshold);
  const side =
    breach.value !== null && breach.threshold !== null && breach.value < breach.threshold ? "below" : "above";
  const windows = `${counted(breach.windows, "window")} of ${plainName(breach.window)}`;
  const often =
    breach.breaches < breach.windows
      ? `in ${count(breach.breaches)} of ${windows}`
      : breach.windows === 1
        ? `in ${windows}`
        : `in all ${windows}`;
  const also = breach.also.length === 0 ? "" : `; also ${breach.also.map(plainName).join(", ")}`;
  return `${memberName(breach)}${place(breach)} ${plainNumber(breach.value)} is ${side} ${limit}, ${often}${also}`;
}

/** "AGEP since 2026-03-01 04:00 UTC: the share of 17 rose from 3.1 % to 4.4 %". */
export function noticeSentence(notice: Untold<DigestNotice>): string {
  const since = notice.since === null ? "" : ` since ${plainTime(notice.since)}`;
  const finding = notice.finding === "" ? "has changed" : plainName(notice.finding);
  return `${plainName(notice.subject)}${place(notice)}${since}: ${finding}`;
}

/** "2 incidents are open (1 new), 1 KPI is beyond its limit, 14 subjects are beyond a threshold …". */
export function summaryOf(models: readonly DigestModel[], all: number, quiet: number, deadLetters: number): string {
  const incidents = new Map(models.flatMap(({ incidents: { items } }) => items.map((one) => [one.incident_id, one])));
  const open = [...incidents.values()].filter(({ resolved }) => !resolved);
  const total = (of: (model: DigestModel) => number) => models.reduce((sum, model) => sum + of(model), 0);
  const low = total(({ kpis }) => kpis.items.filter(({ breached }) => breached).length);
  const breaches = total((model) => model.breaches.count);
  const notices = total((model) => model.notices.count);
  const notes = models.filter((model) => model.notes.length > 0).length;
  const news = open.filter(({ opened }) => opened).length;
  const over = incidents.size - open.length;
  const parts = [
    ...(open.length === 0
      ? []
      : [`${counted(open.length, "incident is", "incidents are")} open${news === 0 ? "" : ` (${count(news)} new)`}`]),
    ...(over === 0 ? [] : [`${counted(over, "incident is", "incidents are")} over`]),
    ...(low === 0
      ? []
      : [`${counted(low, "KPI is", "KPIs are")} beyond its limit`.replace("are beyond its", "are beyond their")]),
    ...(breaches === 0 ? [] : [`${counted(breaches, "subject is", "subjects are")} beyond a threshold without a rule`]),
    ...(notices === 0 ? [] : [counted(notices, "notice")]),
    ...(notes === 0 ? [] : [`${counted(notes, "model")} with something to know`]),
    ...(deadLetters === 0 ? [] : [`${counted(deadLetters, "message")} could not be read`]),
  ];
  if (parts.length === 0)
    return `Quiet: no incident, nothing beyond a threshold and no notice in ${counted(all, "model")}.`;
  const rest = quiet === 0 ? "" : ` ${counted(quiet, "model is", "models are")} quiet.`;
  return `${parts.join(", ")}.${rest}`;
}

export function periodText({ from, to, timezone }: Pick<Digest, "from" | "to" | "timezone">): string {
  return `${localTime(from, timezone)} to ${localTime(to, timezone)}, ${timezone}`;
}

/** "Daily digest of 2026-03-02"; one with a name of its own begins with it. */
export function titleOf({ name, every, date }: Pick<Digest, "name" | "every" | "date">): string {
  const kind = every === "day" ? "daily digest" : "weekly digest";
  const own = name === "daily" || name === "weekly" ? kind : `${name}, ${kind}`;
  return `${own.charAt(0).toUpperCase()}${own.slice(1)} of ${date}`;
}
