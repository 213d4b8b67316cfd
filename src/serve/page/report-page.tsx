/** A model's report for its risk file: what it did over a span of time, what was decided and why, and what attests it. */
import type { ComponentChildren } from "preact";
import { comparedText } from "../../alert/accepted-baselines.ts";
import type { DetectorWords } from "../context.ts";
import type { IncidentView } from "../queries/incidents.ts";
import type { Report, ReportedSeries } from "../queries/report.ts";
import { DriftGrid } from "./drift-grid.tsx";
import { FairnessTables } from "./fairness-table.tsx";
import { day, moment, plural, seriesName, whole } from "./format.ts";
import { Outcome } from "./overview-page.tsx";
import { Head, Scroll } from "./parts.tsx";
import { ReliabilityCurves } from "./reliability-curves.tsx";
import { nameOf } from "./retraining-view.tsx";
import { SegmentKpiTables } from "./segment-kpis-table.tsx";
import { leadingKpis } from "./sentences.tsx";

interface Props {
  readonly report: Report;
  readonly detectors: ReadonlyMap<string, DetectorWords>;
}

const GRID_KPIS = 4;

export function ReportPage({ report, detectors }: Props) {
  const { model } = report;
  return (
    <>
      <h1>
        {model.name} <span class="quiet">{model.task}</span>
      </h1>
      <p class="lead">
        Monitoring report, {spanText(report)}. Made on {moment(report.madeAt)} UTC.
      </p>
      <Summary report={report} />
      {report.series.map((series) => (
        <Series report={report} series={series} detectors={detectors} />
      ))}
      <Incidents incidents={report.incidents} />
      <Provenance report={report} />
      <Decisions report={report} />
      <Attestation report={report} />
    </>
  );
}

function spanText({ span, series }: Report): string {
  const starts = series.flatMap(({ grid }) => grid.columns.slice(0, 1).map(({ start }) => start));
  const ends = series.flatMap(({ grid }) => grid.columns.slice(-1).map(({ end }) => end));
  const from = Number.isFinite(span.from) ? span.from : Math.min(...starts);
  const to = Number.isFinite(span.to) ? span.to : Math.max(...ends);
  return Number.isFinite(from) && Number.isFinite(to) ? `${day(from)} – ${day(to)}` : "no window in this time";
}

function Summary({ report: { series, incidents, references, audit } }: { readonly report: Report }) {
  const pages = incidents.filter(({ severity }) => severity === "page").length;
  const open = incidents.filter(({ state }) => state !== "resolved").length;
  const actions = incidents.flatMap((incident) => incident.actions ?? []).filter(({ requested }) => requested).length;
  return (
    <section>
      <dl class="facts">
        <Fact name="Versions">{series.map((one) => seriesName(one.series)).join(", ") || "none with results"}</Fact>
        <Fact name="Incidents">
          {plural(incidents.length, "incident")}, {plural(pages, "page")}; {whole(open)} still open
        </Fact>
        <Fact name="Actions">{plural(actions, "request")} to other systems</Fact>
        <Fact name="References">{plural(references.length, "reference")}</Fact>
        <Fact name="Record">
          {audit.faults.length === 0
            ? `${plural(audit.entries, "entry", "entries")}, whole`
            : `${plural(audit.faults.length, "fault")} found: see below`}
        </Fact>
      </dl>
    </section>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Series({
  report,
  series: { series, grid, fairness, bySegment, windows },
  detectors,
}: Props & { readonly series: ReportedSeries }) {
  const shown = grid.columns.filter(({ present }) => present).length;
  return (
    <>
      <section>
        <Head
          title={seriesName(series)}
          note={
            windows > shown
              ? `the newest ${whole(shown)} of ${plural(windows, "window")} of ${series.window}`
              : `windows of ${series.window}`
          }
        />
      </section>
      <Outcome grid={grid} />
      <ReliabilityCurves grid={grid} />
      <SegmentKpiTables kpis={bySegment} />
      <FairnessTables features={fairness} columns={grid.columns} />
      <DriftGrid
        grid={grid}
        title="Features × windows"
        metricTitle={detectors.get(grid.metric)?.title ?? grid.metric}
        mostFeatures={1000}
        kpis={leadingKpis(report.model, GRID_KPIS)}
      />
    </>
  );
}

interface Table {
  readonly title: string;
  readonly note?: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ComponentChildren[])[];
  readonly none: string;
}

function TableSection({ title, note, head, rows, none }: Table) {
  return (
    <section>
      <Head title={title} {...(note === undefined ? {} : { note })} />
      {rows.length === 0 ? (
        <p class="quiet">{none}</p>
      ) : (
        <Scroll label={title}>
          <table>
            <thead>
              <tr>
                {head.map((name) => (
                  <th scope="col">{name}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr>
                  {row.map((cell) => (
                    <td>{cell}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </section>
  );
}

function Incidents({ incidents }: { readonly incidents: readonly IncidentView[] }) {
  return (
    <TableSection
      title="Incidents"
      note="open at some time of this span"
      head={["Opened", "Resolved", "Severity", "What", "Actions"]}
      rows={incidents.map((incident) => [
        moment(incident.opened_at),
        incident.resolved_at === null ? "open" : moment(incident.resolved_at),
        incident.severity,
        incident.title,
        (incident.actions ?? [])
          .map(
            ({ requested, reason, ...of }) => `${nameOf(of)}: ${requested ? "requested" : `not requested, ${reason}`}`,
          )
          .join("; ") || "–",
      ])}
      none="No incident was open."
    />
  );
}

function Provenance({ report: { references, accepted, configurations } }: { readonly report: Report }) {
  return (
    <>
      <TableSection
        title="References"
        note="what windows were compared with"
        head={["Since", "Reference", "Rows", "From"]}
        rows={references.map(({ created_ms, reference_id, rows, origin }) => [
          moment(created_ms),
          <code>{reference_id}</code>,
          whole(rows),
          origin,
        ])}
        none="The model has no reference."
      />
      {accepted.length > 0 && (
        <TableSection
          title="Accepted as the new normal"
          note="compared with that instead of the reference, by the time of the events"
          head={["From", "Until", "What", "Who", "Why", "Compared with"]}
          rows={accepted.flatMap(({ baseline, subject, segment, owner, reason }) =>
            baseline === null
              ? []
              : [
                  [
                    moment(baseline.through),
                    moment(baseline.until),
                    segment === "" ? subject : `${subject}, ${segment}`,
                    owner,
                    reason,
                    comparedText(baseline),
                  ],
                ],
          )}
          none=""
        />
      )}
      <TableSection
        title="Configurations"
        note="each hash stands for all that bears on the numbers"
        head={["In force since", "Configuration", "Reference"]}
        rows={configurations.map(({ first_ms, monitor_hash, reference_id }) => [
          moment(first_ms),
          <code>{monitor_hash}</code>,
          <code>{reference_id || "–"}</code>,
        ])}
        none="None was in force yet."
      />
    </>
  );
}

function Decisions({ report: { decisions } }: { readonly report: Report }) {
  return (
    <TableSection
      title="Decisions"
      note="all of this model, as sealed"
      head={["When", "Who", "What", "Why", "Configuration"]}
      rows={decisions.map(({ at, who, what, why, monitorHash }) => [
        moment(at),
        who,
        what,
        why,
        <code>{monitorHash}</code>,
      ])}
      none="Nothing was decided."
    />
  );
}

function Attestation({ report: { audit } }: { readonly report: Report }) {
  return (
    <section>
      <Head title="What attests this" note="driftline audit verify --head … shows whether the record still holds it" />
      {audit.faults.map((fault) => (
        <p>
          <b>{fault}</b>
        </p>
      ))}
      <ul>
        {audit.heads.map(({ writer, sequence, hash }) => (
          <li>
            <code>{hash}</code> <span class="quiet">{`${writer}, entry ${sequence}`}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
