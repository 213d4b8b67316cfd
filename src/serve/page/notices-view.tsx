/** The notice tier in words: what has moved too little, or too lately, for the page tier. It tells nobody, so it is quiet on the page too. */
import { durationText } from "../../config/duration.ts";
import type { NoticesView, SubjectTiers } from "../queries/notices.ts";
import type { SeriesKey } from "../queries/rows.ts";
import { day, plural } from "./format.ts";
import { subjectLink } from "./links.ts";
import { Scroll, StateWord } from "./parts.tsx";

export function Notices({ notices, series }: { readonly notices: NoticesView; readonly series: SeriesKey }) {
  const { budget, subjects } = notices;
  const noticed = subjects.filter(({ noticedSince }) => noticedSince !== null).length;
  return (
    <div id="notices">
      <h3>Notices</h3>
      <p>
        <StateWord state={noticed === 0 ? "steady" : "none"}>
          {noticed === 0 ? "Nothing is noticed." : `${plural(noticed, "subject")} noticed.`}
        </StateWord>{" "}
        Smaller changes than those that alarm, found sooner; nobody is told of them, at most{" "}
        {plural(budget.alarms, "false one")} per {durationText(budget.perMs)}. Evidence of a new one:{" "}
        {notices.value.toFixed(1)} of {notices.threshold.toFixed(1)}.
      </p>
      {subjects.length > 0 && (
        <Scroll label="Notices by subject">
          <table>
            <thead>
              <tr>
                <th scope="col">Subject</th>
                <th scope="col">State</th>
                <th scope="col" class="num">
                  Evidence
                </th>
                <th scope="col">What is noticed</th>
              </tr>
            </thead>
            <tbody>
              {subjects.map(({ subjectKind, subject, value, threshold, noticedSince, finding }) => (
                <tr>
                  <th scope="row" class="value">
                    <a href={subjectLink(series, subjectKind, subject)}>{subject}</a>
                  </th>
                  <td class="nowrap">
                    {noticedSince === null ? (
                      <StateWord state="steady">not yet</StateWord>
                    ) : (
                      <StateWord state="none">noticed, since {day(noticedSince)}</StateWord>
                    )}
                  </td>
                  <td class="num nowrap">
                    {value.toFixed(1)} of {threshold.toFixed(1)}
                  </td>
                  <td>{finding}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </div>
  );
}

/** One subject in both tiers, for its own page. */
export function TierState({ tiers: { changed, noticed } }: { readonly tiers: SubjectTiers }) {
  if (changed === null && noticed === null) return null;
  const sentence = (since: number, finding: string) => ` since ${day(since)}${finding === "" ? "" : `: ${finding}`}.`;
  return (
    <p id="tiers">
      {changed !== null && (
        <>
          <StateWord state="attention">changed</StateWord> for the page tier{sentence(
            changed.since,
            changed.finding,
          )}{" "}
        </>
      )}
      {noticed !== null && (
        <>
          <StateWord state="none">noticed</StateWord>
          {sentence(noticed.since, noticed.finding)}
          {changed === null && " It is too small, or too new, to tell anyone."}
        </>
      )}
    </p>
  );
}
