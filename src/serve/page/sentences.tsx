/** The opening sentences: amber before green, at most three numbers each, with what to do or "nothing to do". */
import type { ComponentChildren } from "preact";
import { z } from "zod";
import type { ModelConfig } from "../../config/schema.ts";
import type { MetricRow } from "../../core/metric.ts";
import { lowKpis, type ModelSummary, type Overview } from "../queries/overview.ts";
import { detailOf } from "../queries/rows.ts";
import { day, isShare, kpiName, limitText, NBSP, percent, plural, seriesName, valueText, whole } from "./format.ts";
import { incidentLink, modelLink, subjectLink } from "./links.ts";
import { Icon, type State } from "./parts.tsx";

export interface Sentence {
  readonly state: State;
  readonly what: ComponentChildren;
  readonly todo: ComponentChildren;
}

const MOST = 7;
const ORDER: Readonly<Record<State, number>> = { page: 0, attention: 1, none: 2, steady: 3 };

export function Sentences({ sentences }: { readonly sentences: readonly Sentence[] }) {
  const sorted = sentences.toSorted((a, b) => ORDER[a.state] - ORDER[b.state]);
  const shown = sorted.length > MOST ? sorted.slice(0, MOST - 1) : sorted;
  const rest = sorted.slice(shown.length);
  return (
    <ul class="sentences">
      {shown.map((sentence) => (
        <Line sentence={sentence} />
      ))}
      {rest[0] !== undefined && (
        <Line
          sentence={{
            state: rest[0].state,
            what: `${plural(rest.length, "more sentence")} like these.`,
            todo: "The table below has every model, worst first.",
          }}
        />
      )}
    </ul>
  );
}

function Line({ sentence }: { readonly sentence: Sentence }) {
  return (
    <li>
      <Icon state={sentence.state} />
      <span class="what">{sentence.what}</span>
      <span class="todo">{sentence.todo}</span>
    </li>
  );
}

/** Everything the overview has to say, in no order. */
export function sentencesOf(overview: Overview): Sentence[] {
  return [
    ...overview.models.flatMap(sentencesOfModel),
    ...deadLetterSentence(overview),
    ...(overview.models.some((model) => model.series !== null) ? incidentsSentence(overview) : []),
  ];
}

/** What one model has to say. */
export function sentencesOfModel(summary: ModelSummary): Sentence[] {
  if (summary.series === null) return [waitingSentence(summary)];
  return [
    ...incidentSentences(summary),
    driftSentence(summary),
    ...otherBreachSentence(summary),
    ...kpiSentences(summary),
  ];
}

function waitingSentence({ model, events }: ModelSummary): Sentence {
  const stored = (events?.predictions ?? 0) + (events?.labels ?? 0);
  if (stored > 0)
    return {
      state: "none",
      what: (
        <>
          <b>{model.name}</b>: {plural(stored, "event")} stored, no window closed yet.
        </>
      ),
      todo: `The first window (${model.windows[0]?.name ?? ""}) closes once its events and the allowed lateness have passed.`,
    };
  return {
    state: "none",
    what: (
      <>
        <b>{model.name}</b>: no events yet.
      </>
    ),
    todo: "Send one to POST /v1/events, or connect a source.",
  };
}

function driftSentence(summary: ModelSummary): Sentence {
  const { series, steady, tooFew, moved } = summary;
  if (series === null) return waitingSentence(summary);
  const watched = steady + tooFew + moved.length;
  const [most] = moved;
  if (most !== undefined)
    return {
      state: "attention",
      what: (
        <>
          <b>{series.model}</b>
          {versionOf(series)}: {steady} of {plural(watched, "feature")} steady, <b>{moved.length} moved</b>.{" "}
          {most.subject} moved most: {movedText(most)}.{tooFew > 0 && ` ${tooFew} too few.`}
        </>
      ),
      todo: (
        <>
          See which values moved, and ask the producer whether the change is meant.{" "}
          <a href={subjectLink(series, "feature", most.subject, { window: most.window, at: most.window_start })}>
            Open {most.subject}
          </a>
        </>
      ),
    };
  if (watched === 0) return noFeatureSentence(summary);
  if (steady === 0)
    return {
      state: "none",
      what: (
        <>
          <b>{series.model}</b>
          {versionOf(series)}: too few events to judge {plural(tooFew, "feature")}.
        </>
      ),
      todo: `A window is judged from ${whole(summary.model.min_rows)} events on. Wait, or choose longer windows.`,
    };
  return {
    state: "steady",
    what: (
      <>
        <b>{series.model}</b>
        {versionOf(series)}:{" "}
        {steady === watched ? `all ${plural(watched, "feature")}` : `${steady} of ${plural(watched, "feature")}`} steady
        {tooFew > 0 && `, ${tooFew} too few`}.
      </>
    ),
    todo:
      summary.newestEnd === null ? "Nothing to do." : `Nothing to do. Last window closed ${day(summary.newestEnd)}.`,
  };
}

function noFeatureSentence({ series, model, referenceWaiting }: ModelSummary): Sentence {
  return {
    state: "none",
    what: (
      <>
        <b>{model.name}</b>
        {series !== null && versionOf(series)}: no feature is watched for drift.
      </>
    ),
    todo:
      referenceWaiting !== null
        ? `N${referenceWaiting.slice(1)}.`
        : model.reference === undefined
          ? `Give the model a reference to compare with: a file, or driftline reference build --model ${model.name} --first 20000, then use.`
          : "No window has been compared with the reference yet.",
  };
}

function movedText(row: MetricRow): string {
  const value = valueText(row.metric, row.value ?? 0);
  return isShare(row.metric) ? `${value} of events` : `${row.metric} ${value}`;
}

const versionOf = (series: { readonly version: string; readonly variant: string }): string =>
  seriesName({ ...series, model: "" });

function incidentSentences(summary: ModelSummary): Sentence[] {
  const [first] = summary.incidents;
  if (first === undefined) return [];
  const more = summary.incidents.length - 1;
  return [
    {
      state: first.severity === "page" ? "page" : "attention",
      what: (
        <>
          <b>{plural(summary.incidents.length, "open incident")}</b>: {first.title}
        </>
      ),
      todo: (
        <>
          Open since {day(first.opened_at)}
          {first.members.some((member) => member.data_missing) && ", without new data to decide"}.{" "}
          <a href={incidentLink(first.incident_id)}>Open the incident</a>
          {more > 0 && (
            <>
              {" "}
              or <a href="/incidents">all {summary.incidents.length}</a>
            </>
          )}
        </>
      ),
    },
  ];
}

function otherBreachSentence({ series, otherBreaches }: ModelSummary): Sentence[] {
  const [first] = otherBreaches;
  if (series === null || first === undefined) return [];
  return [
    {
      state: "attention",
      what: (
        <>
          <b>{series.model}</b>
          {versionOf(series)}: {plural(otherBreaches.length, "other limit")} passed: <b>{first.metric}</b> of{" "}
          {first.subject_kind === "model" ? "the model" : first.subject} is {valueText(first.metric, first.value ?? 0)}
          {first.threshold !== null && `, limit ${limitText(first.metric, first.threshold)}`}.
        </>
      ),
      todo:
        first.subject_kind === "model" ? (
          <>
            {modelAdvice(first)} <a href={modelLink(series.model)}>Open the model</a>
          </>
        ) : (
          <>
            <a
              href={subjectLink(series, first.subject_kind, first.subject, {
                window: first.window,
                at: first.window_start,
              })}
            >
              Open {first.subject}
            </a>
          </>
        ),
    },
  ];
}

/** What to look at, by the features that carry a breach of the whole where it names any. */
export function modelAdvice({ detail }: Pick<MetricRow, "detail">): string {
  const shown = detailOf(detail);
  const carried = carriersSchema.safeParse(shown.get("carried_by"));
  if (carried.success && carried.data.length > 0)
    return `Carried by ${carried.data
      .slice(0, 3)
      .map(([name]) => name)
      .join(", ")}: see what has changed in them, or between them.`;
  const [first, second] = [shown.get("first"), shown.get("second")];
  return typeof first === "string" && typeof second === "string"
    ? `${first} and ${second} no longer go together as they did: see where they are made.`
    : "See whether the traffic is as it should be.";
}

const carriersSchema = z.array(z.tuple([z.string(), z.number()]));

/** The KPIs that lead: those with a limit, else the first configured. */
export function leadingKpis(model: ModelConfig, most: number): string[] {
  const limited = model.kpis.filter((kpi) => kpi.min !== undefined || kpi.max !== undefined);
  const named = [...limited, ...model.kpis].map((kpi) => ("use" in kpi ? kpi.use : kpi.name));
  const preferred = ["f1", "accuracy", "roc_auc", "rmse", "mae", "r2"].filter((kpi) => named.includes(kpi));
  const ruled = model.alerts.rules.map((rule) => rule.metric).filter((metric) => named.includes(metric));
  const limitedNames = limited.map((kpi) => ("use" in kpi ? kpi.use : kpi.name));
  return [...new Set([...limitedNames, ...ruled, ...preferred, ...named])].slice(0, most);
}

function kpiSentences(summary: ModelSummary): Sentence[] {
  const { series, model } = summary;
  if (series === null || model.kpis.length === 0) return [];
  const low = lowKpis(summary);
  const [worst] = low;
  if (worst !== undefined)
    return [
      {
        state: "attention",
        what: (
          <>
            <b>{series.model}</b>
            {versionOf(series)}: {kpiName(worst.metric)} <b>{valueText(worst.metric, worst.value ?? 0)}</b> in the
            window to {day(worst.window_end)}
            {worst.threshold !== null && `, limit ${limitText(worst.metric, worst.threshold)}`}.
          </>
        ),
        todo: (
          <>
            See which features moved in the same window. <a href={modelLink(series.model)}>Open the model</a>
          </>
        ),
      },
    ];
  const [lead] = leadingKpis(model, 1);
  const rows = lead === undefined ? [] : (summary.kpis.get(lead) ?? []);
  const last = rows.findLast((row) => row.status === "ok");
  if (lead === undefined) return [];
  if (last === undefined)
    return [
      {
        state: "none",
        what: (
          <>
            <b>{series.model}</b>
            {versionOf(series)}: {kpiName(lead)} is not known yet.
          </>
        ),
        todo: "It is computed once enough labels have arrived.",
      },
    ];
  const interval =
    last.lower !== null && last.upper !== null
      ? ` (${valueText(lead, last.lower)}–${valueText(lead, last.upper)})`
      : "";
  return [
    {
      state: "steady",
      what: (
        <>
          <b>{series.model}</b>
          {versionOf(series)}: {kpiName(lead)} <b>{valueText(lead, last.value ?? 0)}</b>
          {interval} in the window to {day(last.window_end)}.
        </>
      ),
      todo: `From ${plural(last.n, "labelled event")}, ${percent(last.coverage, 0)} of the window. Nothing to do.`,
    },
  ];
}

function deadLetterSentence({ deadLetters }: Overview): Sentence[] {
  if (deadLetters.recent === 0) return [];
  const [source, ...more] = deadLetters.sources;
  return [
    {
      state: "attention",
      what: (
        <>
          <b>Dead letters</b>: {whole(deadLetters.recent)} in the last hour,{" "}
          {more.length === 0 ? "all from " : "the first from "}
          <code>{source ?? "?"}</code>.
        </>
      ),
      todo: (
        <>
          Reasons: {deadLetters.reasons.map((reason) => reason.replaceAll("_", NBSP)).join(", ")}. Nothing is lost.{" "}
          <a href="/dead-letters">Read the raw messages</a>
        </>
      ),
    },
  ];
}

/** Green only while nothing wakes anybody: a page has its own red sentence. */
function incidentsSentence({ incidents }: Overview): Sentence[] {
  if (incidents.some((incident) => incident.severity === "page")) return [];
  return [
    {
      state: "steady",
      what: (
        <>
          <b>Pages</b>: none open{incidents.length > 0 && `, ${plural(incidents.length, "ticket")}`}.
        </>
      ),
      todo: (
        <>
          {incidents.length > 0 ? "Tickets wake nobody. " : "Nothing to do. "}
          <a href="/incidents">All incidents</a>
        </>
      ),
    },
  ];
}
