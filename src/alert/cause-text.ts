/** Causes of an incident as sentences in plain words: the same ones in messages, on the page and in the API. */
import type { CauseCondition, CauseReport, IncidentCause } from "../core/incident-cause.ts";
import { plainName } from "./incident-text.ts";

const DAY = 86_400_000;
/** Of the KPI's change; a smaller mix or rate is not worth words. */
const LEAST_NAMED = 0.1;

/** "RELP = 17", "AGEP above 65 up to 71", "amount missing". */
export function conditionText({ subject, value }: CauseCondition): string {
  const name = plainName(subject);
  if (value.kind === "category") return `${name} = ${plainName(value.name) || '""'}`;
  if (value.kind === "missing" || value.kind === "invalid") return `${name} ${value.kind}`;
  if (value.kind === "new") return `${name} with values never seen in the reference`;
  if (value.kind !== "range") return `${name} with rare values`;
  const above = value.above === null ? "" : ` above ${number(value.above)}`;
  const upTo = value.up_to === null ? "" : ` up to ${number(value.up_to)}`;
  return `${name}${above}${upTo}`;
}

export const conditionsText = ({ conditions }: IncidentCause): string => conditions.map(conditionText).join(" and ");

/** One sentence: "RELP = 17 rose from 3 % to 9 % since the window of 2017-02-26 to 2017-06-11; explains 61 % of the estimated fall of accuracy". */
export function causeSentence(cause: IncidentCause, report: CauseReport): string {
  const name = conditionsText(cause);
  const { effect, drift } = cause;
  const moved = `${movement(cause)}${since(cause)}`;
  if (effect === null || report.kpi === null) {
    const part =
      drift === null
        ? ""
        : `; ${percent(drift.part)} of the drift of ${plainName(cause.conditions[0]?.subject ?? "")} (${drift.metric})`;
    return `${name} ${moved}${part}`;
  }
  const explains =
    effect.part > 1.05
      ? `explains more than ${changeText(report.kpi)} (${percent(effect.part)}; others offset a part)`
      : `explains ${percent(effect.part)} of ${changeText(report.kpi)}`;
  const total = effect.mix + effect.rate;
  const [mix, rate] = [effect.mix / total, effect.rate / total];
  const fell = effect.kpi_before !== null && effect.kpi_after !== null;
  if (rate < LEAST_NAMED || !fell) return `${name} ${moved}; ${explains}`;
  const kpi = `${kpiWords(report.kpi.metric)} there went from ${value(effect.kpi_before)} to ${value(effect.kpi_after)}`;
  if (mix < LEAST_NAMED) return `${name}: ${kpi}; ${explains}`;
  return `${name} ${moved}, and ${kpi}; ${explains} (${percent(mix)} of that by its share, ${percent(rate)} by doing worse)`;
}

/** The most telling causes, one sentence each; where only the ranking of features is known, that. */
export function causeSentences(report: CauseReport, most: number): string[] {
  const sentences = report.causes.map((cause) => causeSentence(cause, report));
  const { kpi } = report;
  if (kpi !== null && report.causes.every(({ effect }) => effect === null))
    sentences.unshift(`no segment stands out in ${changeText(kpi)} from ${value(kpi.before)} to ${value(kpi.after)}`);
  const [costly] = report.features;
  if (sentences.length === 0 && costly !== undefined) sentences.push(featureSentence(costly, report));
  return sentences.slice(0, most);
}

/** "RELP: its drift is likely to turn another 1.2 % of the predictions wrong". */
export function featureSentence(
  { subject, loss_change }: CauseReport["features"][number],
  { loss }: Pick<CauseReport, "loss">,
): string {
  const effect =
    loss === "error"
      ? `to turn another ${percent(loss_change)} of the predictions wrong`
      : `to add ${number(loss_change)} to the mean absolute error`;
  return `${plainName(subject)}: its drift is likely ${effect}`;
}

/** "the estimated fall of accuracy", "the rise of log_loss". */
function changeText({ metric, before, after }: NonNullable<CauseReport["kpi"]>): string {
  const direction = after < before ? "fall" : "rise";
  const estimated = metric.startsWith("estimated_");
  return `the ${estimated ? "estimated " : ""}${direction} of ${kpiWords(metric)}`;
}

/** What a KPI stands for: an estimate's own name without the prefix; RMSE is told apart by its square. */
export const kpiWords = (metric: string): string =>
  metric === "rmse" ? "the mean squared error" : plainName(metric.replace(/^estimated_/, ""));

function movement({ share_before: before, share_after: after }: IncidentCause): string {
  const [from, to] = [percent(before), percent(after)];
  if (from === to) return `stayed at ${to} of the rows`;
  return `${after > before ? "rose" : "fell"} from ${from} to ${to}`;
}

function since({ first_window_start: start, first_window_end: end }: IncidentCause): string {
  if (start === null || end === null) return "";
  return ` since the window of ${moment(start, end)} to ${moment(end, start)}`;
}

/** A day; with the time where the window is shorter than one. */
function moment(ms: number, other: number): string {
  const text = new Date(ms).toISOString();
  return Math.abs(other - ms) >= DAY ? text.slice(0, 10) : text.slice(0, 16).replace("T", " ");
}

/** Whole per cents from 10 % on, one decimal below. */
function percent(share: number): string {
  const value = share * 100;
  return `${Math.abs(value) >= 9.95 ? Math.round(value) : Number(value.toFixed(1))} %`;
}

const number = (value: number): string => String(Number(value.toPrecision(4)));
const value = (kpi: number | null): string => (kpi === null ? "–" : number(kpi));
