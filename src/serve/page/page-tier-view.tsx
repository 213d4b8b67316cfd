/** The page tier of a series in words and one picture, so that silence can be read too: how far the evidence is from an alarm. */
import { durationText } from "../../config/duration.ts";
import type { EvidencePoint, PageTierView, SubjectEvidenceView } from "../queries/page-tier.ts";
import type { SeriesKey } from "../queries/rows.ts";
import { day, plural } from "./format.ts";
import { subjectLink } from "./links.ts";
import { Notices } from "./notices-view.tsx";
import { Head, Scroll, StateWord } from "./parts.tsx";

const DAY = 86_400_000;
const WIDTH = 1000;
const HEIGHT = 84;
const TOP = 12;
const BOTTOM = 76;

const evidence = (value: number) => value.toFixed(1);

export function PageTierSection({ tier, series }: { readonly tier: PageTierView; readonly series: SeriesKey }) {
  const { budget, points, subjects } = tier;
  const newest = points.at(-1);
  const changed = subjects.filter(({ changedSince }) => changedSince !== null);
  const promise = `at most ${plural(budget.alarms, "false alarm")} per ${durationText(budget.perMs)}`;
  return (
    <section id="page-tier">
      <Head title="Page tier" note={`${promise}, over everything that is watched of this version`} />
      <p>
        {tier.watchedMs === 0 ? (
          <StateWord state="none">No feature has a reference that is large enough for the page tier.</StateWord>
        ) : changed.length === 0 ? (
          <StateWord state="steady">Nothing has changed.</StateWord>
        ) : (
          <StateWord state="attention">{plural(changed.length, "subject")} changed.</StateWord>
        )}{" "}
        {newest !== undefined &&
          `Evidence of a new change: ${evidence(newest.value)} of the ${evidence(newest.threshold)} at which it alarms. `}
        Watched for {plural(Math.round(tier.watchedMs / DAY), "day")}: {plural(tier.alarms, "alarm")} raised; the budget
        allows {allowedText(tier.allowed)} false in that time.
      </p>
      {points.length > 1 && <Picture points={points} />}
      {subjects.length > 0 && <Subjects subjects={subjects} series={series} />}
      {tier.notes.length > 0 && (
        <ul class="small quiet" id="page-tier-notes">
          {tier.notes.map((note) => (
            <li>{`${note.slice(0, 1).toUpperCase()}${note.slice(1)}.`}</li>
          ))}
        </ul>
      )}
      {tier.notices !== null && <Notices notices={tier.notices} series={series} />}
    </section>
  );
}

const allowedText = (allowed: number) => (allowed < 1 ? `${Number(allowed.toPrecision(1))}` : `${Math.floor(allowed)}`);

function Picture({ points }: { readonly points: readonly EvidencePoint[] }) {
  const first = points[0]?.end ?? 0;
  const last = points.at(-1)?.end ?? 1;
  const most = Math.max(...points.map(({ threshold }) => threshold)) * 1.1;
  const left = (ms: number) => ((ms - first) / Math.max(1, last - first)) * WIDTH;
  const top = (value: number) => BOTTOM - (Math.min(value, most) / most) * (BOTTOM - TOP);
  const line = points.map(
    ({ end, value }, index) => `${index === 0 ? "M" : "L"}${left(end).toFixed(1)} ${top(value).toFixed(1)}`,
  );
  const limit = top(points.at(-1)?.threshold ?? 0);
  const alarms = points.filter(({ alarmed }) => alarmed);
  return (
    <figure class="evidence">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        height={HEIGHT}
        width="100%"
        role="img"
        aria-label={`Evidence from ${day(first)} to ${day(last)}, ${plural(alarms.length, "alarm")}`}
      >
        <line class="limit" x1="0" x2={WIDTH} y1={limit} y2={limit} />
        <path class="real-path" d={line.join("")} vector-effect="non-scaling-stroke" />
        {alarms.map(({ end }) => (
          <line class="alarm" x1={left(end)} x2={left(end)} y1={TOP} y2={BOTTOM} vector-effect="non-scaling-stroke" />
        ))}
      </svg>
      <figcaption class="small quiet">
        {day(first)} – {day(last)}. The line is the evidence that something new has changed; the dashes are where it
        alarms; upright lines are alarms.
      </figcaption>
    </figure>
  );
}

function Subjects({
  subjects,
  series,
}: {
  readonly subjects: readonly SubjectEvidenceView[];
  readonly series: SeriesKey;
}) {
  return (
    <Scroll label="Evidence by subject">
      <table>
        <thead>
          <tr>
            <th scope="col">Subject</th>
            <th scope="col">State</th>
            <th scope="col" class="num">
              Evidence
            </th>
            <th scope="col">What has changed</th>
          </tr>
        </thead>
        <tbody>
          {subjects.map(({ subjectKind, subject, segment, value, threshold, changedSince, finding }) => (
            <tr>
              <th scope="row" class="value">
                {subjectKind === "kpi" ? subject : <a href={subjectLink(series, subjectKind, subject)}>{subject}</a>}
                {segment !== "" && <span class="under">where {segment}</span>}
              </th>
              <td class="nowrap">
                {changedSince === null ? (
                  <StateWord state="steady">as in the reference</StateWord>
                ) : (
                  <StateWord state="attention">since {day(changedSince)}</StateWord>
                )}
              </td>
              <td class="num nowrap">
                {evidence(value)} of {evidence(threshold)}
              </td>
              <td>{finding}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
