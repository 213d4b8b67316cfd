/** Champion and challenger of a model: the verdict in words, and what it rests on. */
import type { ComparedKpi, ComparisonView } from "../queries/comparison.ts";
import { day, kpiName, NBSP, percent, plural, short, trimmed, whole } from "./format.ts";
import { Head, Scroll, StateWord } from "./parts.tsx";

const WORDS = {
  promote: { state: "steady", text: "Promote" },
  hold: { state: "steady", text: "Hold" },
  rollback: { state: "attention", text: "Roll back" },
} as const;

export function ComparisonSection({ comparison }: { readonly comparison: ComparisonView }) {
  const { champion, challenger, traffic, tolerance, verdict, reason, from, to, windows, kpis, scores } = comparison;
  const { state, text } = WORDS[verdict];
  return (
    <section id="comparison">
      <Head
        title="Champion and challenger"
        note={`${challenger} against ${champion}, ${traffic} traffic; may be worse by ${trimmed(tolerance)}`}
      />
      <p>
        <StateWord state={state}>{text}</StateWord>: {reason}.
        {from !== null && to !== null && ` ${plural(windows, "window")} of both, ${day(from)} – ${day(to)}.`}
        {scores !== null &&
          ` ${percent(scores.moved)} of the challenger's ${scores.of}s lie elsewhere than the champion's (by chance ${percent(scores.chance)}).`}
      </p>
      <Scroll label="KPIs of champion and challenger">
        <table>
          <thead>
            <tr>
              <th scope="col">KPI</th>
              <th scope="col" class="num">
                Champion
              </th>
              <th scope="col" class="num">
                Challenger
              </th>
              <th scope="col" class="num">
                Difference
              </th>
              <th scope="col">Standing</th>
              <th scope="col" class="num">
                Evidence that it is worse
              </th>
            </tr>
          </thead>
          <tbody>
            {kpis.map((kpi) => (
              <Row kpi={kpi} />
            ))}
          </tbody>
        </table>
      </Scroll>
      <p class="small quiet">
        In brackets the interval that holds the truth at all times at once, with 95{NBSP}% certainty: it may be looked
        at as often as you like.
      </p>
    </section>
  );
}

function Row({ kpi }: { readonly kpi: ComparedKpi }) {
  const { champion, challenger, difference, standing, evidence, worseSince } = kpi;
  const side = (one: ComparedKpi["champion"]) =>
    one === null ? "–" : `${short(one.value)} [${short(one.lower)}, ${short(one.upper)}] of ${whole(one.events)}`;
  return (
    <tr>
      <th scope="row">{kpiName(kpi.kpi)}</th>
      <td class="num nowrap">{side(champion)}</td>
      <td class="num nowrap">{side(challenger)}</td>
      <td class="num nowrap">
        {difference === null
          ? "–"
          : `${short(difference.value)} [${short(difference.lower)}, ${short(difference.upper)}]`}
      </td>
      <td class="nowrap">
        <StateWord state={standing === "worse" ? "attention" : "steady"}>
          {worseSince === null ? standing : `${standing} since ${day(worseSince)}`}
        </StateWord>
      </td>
      <td class="num nowrap">
        {evidence === null ? "none" : `${evidence.value.toFixed(1)} of ${evidence.threshold.toFixed(1)}`}
      </td>
    </tr>
  );
}
