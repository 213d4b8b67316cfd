/** Fairness by window: for each feature that names groups, the gap of each measure with its interval, and every group's rate. */
import type { MetricRow } from "../../core/metric.ts";
import type { FairnessMeasure, FeatureFairness, GroupRate } from "../queries/fairness.ts";
import type { WindowColumn } from "../queries/grid.ts";
import { detailOf } from "../queries/rows.ts";
import { absence } from "./drift-grid.tsx";
import { columnHead, decimal, limitText, range } from "./format.ts";
import { Head, Scroll } from "./parts.tsx";

/** The newest windows: with their intervals more would not fit. */
const MOST_WINDOWS = 6;

/** A measure's name, and the rate that it compares. */
const WORDS: Readonly<Record<string, readonly [name: string, rate: string]>> = {
  demographic_parity_difference: ["Demographic parity, difference", "selected"],
  demographic_parity_ratio: ["Demographic parity, ratio (four-fifths rule)", "selected"],
  equal_opportunity_difference: ["Equal opportunity, difference", "true positive rate"],
  equalised_odds_difference: ["Equalised odds, difference", "true, false positive rate"],
  predictive_parity_difference: ["Predictive parity, difference", "precision"],
};
const ESTIMATED = "estimated_";

function wordsOf(metric: string): readonly [string, string] {
  const isEstimate = metric.startsWith(ESTIMATED);
  const [name, rate] = WORDS[isEstimate ? metric.slice(ESTIMATED.length) : metric] ?? [metric, "rate"];
  return isEstimate ? [`${name}, estimated`, `${rate}, estimated`] : [name, rate];
}

interface Props {
  readonly features: readonly FeatureFairness[];
  readonly columns: readonly WindowColumn[];
}

export function FairnessTables({ features, columns }: Props) {
  if (features.length === 0) return null;
  const from = Math.max(0, columns.length - MOST_WINDOWS);
  return (
    <section id="fairness">
      <Head
        title="Fairness by window"
        note="gaps between groups with their 95 % interval, orange where all of it lies beyond the limit · whether a gap is unfair is for people to say"
      />
      {features.map((feature) => (
        <FeatureTable feature={feature} columns={columns.slice(from)} from={from} />
      ))}
    </section>
  );
}

interface TableProps {
  readonly feature: FeatureFairness;
  readonly columns: readonly WindowColumn[];
  /** Index of the first shown column. */
  readonly from: number;
}

function FeatureTable({ feature, columns, from }: TableProps) {
  return (
    <Scroll label={`Fairness by ${feature.feature}`}>
      <table class="tight fairness">
        <caption class="visually-hidden">Fairness between the groups of {feature.feature}, by window</caption>
        <thead>
          <tr>
            <th scope="col">{feature.feature}</th>
            <th scope="col">compares</th>
            {columns.map((column) => {
              const [top, below] = columnHead(column.start, column.end);
              return (
                <th scope="col" class="num" title={range(column.start, column.end)}>
                  {top} <span class="ci">{below}</span>
                </th>
              );
            })}
          </tr>
        </thead>
        {feature.measures.map((measure) => (
          <MeasureRows measure={measure} from={from} />
        ))}
      </table>
    </Scroll>
  );
}

function MeasureRows({ measure, from }: { readonly measure: FairnessMeasure; readonly from: number }) {
  const [name, rate] = wordsOf(measure.metric);
  const limit = measure.cells.findLast((cell) => cell?.threshold != null)?.threshold ?? null;
  const sign = measure.metric.endsWith("_ratio") ? "below" : "above";
  return (
    <tbody>
      <tr class="measure">
        <th scope="row">{name}</th>
        <td class="quiet">{limit === null ? "" : `limit: ${sign} ${limitText(measure.metric, limit)}`}</td>
        {measure.cells.slice(from).map((cell) => (
          <GapCell cell={cell} />
        ))}
      </tr>
      {measure.groups.map(({ group, rates }) => (
        <tr>
          <th scope="row" class="group">
            {group}
          </th>
          <td class="quiet">{rate}</td>
          {rates.slice(from).map((found) => (
            <RateCell rates={found} />
          ))}
        </tr>
      ))}
    </tbody>
  );
}

const share = (value: number): string => decimal(value, 3);

function GapCell({ cell }: { readonly cell: MetricRow | null }) {
  if (cell?.value === undefined || cell.value === null) {
    const [word, spoken] = absence(cell, true);
    return (
      <td class="num faint" title={spoken}>
        {word}
      </td>
    );
  }
  const held = detailOf(cell.detail).get("held_back") === true;
  return (
    <td
      class={`num${cell.breached ? " beyond" : ""}`}
      title={held ? "beyond its limit, but the estimate has missed the labels of late" : undefined}
    >
      {cell.breached ? <b>{share(cell.value)}</b> : share(cell.value)}
      {held && <span class="ci">held back</span>}
      {cell.lower !== null && cell.upper !== null && (
        <span class="ci">
          {share(cell.lower)}–{share(cell.upper)}
        </span>
      )}
    </td>
  );
}

function RateCell({ rates }: { readonly rates: readonly GroupRate[] | null }) {
  if (rates === null)
    return (
      <td class="num faint" title="too few rows of this group bear on it">
        –
      </td>
    );
  return (
    <td class="num">
      {rates.map(({ value, lower, upper }, index) => (
        <>
          {index > 0 && <br />}
          {share(value)}
          {lower !== null && upper !== null && (
            <span class="ci">
              {share(lower)}–{share(upper)}
            </span>
          )}
        </>
      ))}
    </td>
  );
}
