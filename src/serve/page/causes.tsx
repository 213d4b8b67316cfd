/** Why an incident came about, as the incident page shows it: sentences first, then the numbers behind them. */
import { causeSentences, conditionsText, featureSentence, kpiWords } from "../../alert/cause-text.ts";
import type { CauseReport, IncidentCause } from "../../core/incident-cause.ts";
import type { IncidentView } from "../queries/incidents.ts";
import { kpiName, percent, plural, range, short, whole } from "./format.ts";
import { subjectLink } from "./links.ts";
import { Head, Scroll } from "./parts.tsx";

/** Causes told as sentences; the table has them all. */
const SENTENCES = 3;

interface CausesProps {
  readonly report: CauseReport;
  readonly incident: IncidentView;
}

export function Causes({ report, incident }: CausesProps) {
  const { causes, features, kpi } = report;
  return (
    <section id="why">
      <Head title="Why" note={`${range(report.window_start, report.window_end)} against ${baselineText(report)}`} />
      <ol class="causes">
        {causeSentences(report, SENTENCES).map((sentence) => (
          <li>{sentence}.</li>
        ))}
      </ol>
      {kpi !== null && (
        <p class="quiet">
          {kpiName(kpi.metric)} went from {short(kpi.before)} ({plural(kpi.rows_before, "row")}) to {short(kpi.after)} (
          {plural(kpi.rows_after, "row")}).
          {kpi.metric === "rmse" && ` The numbers are of ${kpiWords(kpi.metric)}.`} {whole(kpi.segments)} segments,
          single values and pairs, were compared; those named differ beyond a chance of 1 % for all of them together.
          Segments overlap, so their shares don't add up.
        </p>
      )}
      {causes.length > 0 && <CauseTable report={report} incident={incident} />}
      {features.length > 0 && (
        <>
          <h3>Features by what their drift is likely to cost</h3>
          <ol class="causes">
            {features.map((feature) => (
              <li>
                {featureSentence(feature, report)} ({number(feature.lower, report)} to {number(feature.upper, report)}).
              </li>
            ))}
          </ol>
          <p class="quiet">
            If each value went on losing what it lost in the reference; 95 % interval. Features that move together each
            have the whole effect.
          </p>
        </>
      )}
    </section>
  );
}

const number = (value: number, { loss }: CauseReport): string => (loss === "error" ? percent(value) : short(value));

function baselineText({ baseline }: CauseReport): string {
  if (baseline.window_start === null || baseline.window_end === null) return "the reference";
  return `the window ${range(baseline.window_start, baseline.window_end)}`;
}

function CauseTable({ report, incident }: CausesProps) {
  const { kpi } = report;
  return (
    <Scroll label="Causes">
      <table>
        <thead>
          <tr>
            <th scope="col">Rows with</th>
            <th scope="col" class="num">
              Share before
            </th>
            <th scope="col" class="num">
              Share in the window
            </th>
            <th scope="col" class="narrow-hide">
              Moved since
            </th>
            <th scope="col" class="num">
              Of its drift
            </th>
            {kpi !== null && <EffectHeads metric={kpi.metric} />}
          </tr>
        </thead>
        <tbody>
          {report.causes.map((cause) => (
            <tr>
              <th scope="row" class="value">
                <CauseName cause={cause} report={report} incident={incident} />
              </th>
              <td class="num">{percent(cause.share_before)}</td>
              <td class="num">
                <b>{percent(cause.share_after)}</b>
              </td>
              <td class="narrow-hide nowrap">
                {cause.first_window_start === null || cause.first_window_end === null
                  ? "–"
                  : range(cause.first_window_start, cause.first_window_end)}
              </td>
              <td class="num">{cause.drift === null ? "–" : percent(cause.drift.part, 0)}</td>
              {kpi !== null && <EffectCells cause={cause} />}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function EffectHeads({ metric }: { readonly metric: string }) {
  return (
    <>
      <th scope="col" class="num">
        {kpiName(metric)} before
      </th>
      <th scope="col" class="num">
        in the window
      </th>
      <th scope="col" class="num">
        By its share
      </th>
      <th scope="col" class="num">
        By doing worse
      </th>
      <th scope="col" class="num">
        Explains
      </th>
    </>
  );
}

function EffectCells({ cause: { effect } }: { readonly cause: IncidentCause }) {
  const shown = (value: number | null | undefined) => (value === null || value === undefined ? "–" : short(value));
  return (
    <>
      <td class="num">{shown(effect?.kpi_before)}</td>
      <td class="num">{shown(effect?.kpi_after)}</td>
      <td class="num">{shown(effect?.mix)}</td>
      <td class="num">{shown(effect?.rate)}</td>
      <td class="num">{effect === null ? "–" : <b>{percent(effect.part, 0)}</b>}</td>
    </>
  );
}

/** Of a single feature a link to its distribution in that window. */
function CauseName({ cause, report, incident }: CausesProps & { readonly cause: IncidentCause }) {
  const [condition, second] = cause.conditions;
  const text = conditionsText(cause);
  const kind = condition?.subject_kind;
  if (condition === undefined || second !== undefined) return <>{text}</>;
  if (kind !== "feature" && kind !== "prediction" && kind !== "score") return <>{text}</>;
  const series = { model: incident.model, version: report.version, variant: report.variant };
  return (
    <a href={subjectLink(series, kind, condition.subject, { window: incident.window, at: report.window_start })}>
      {text}
    </a>
  );
}
