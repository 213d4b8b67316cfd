/** One small distribution per window over the reference, with its value: choose one to see it large. */
import { histogram } from "../../core/distribution.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import type { FeatureView } from "../queries/feature.ts";
import type { WindowCounts } from "../queries/window-counts.ts";
import { absence } from "./drift-grid.tsx";
import { range, valueText, x } from "./format.ts";
import { subjectLink } from "./links.ts";

const HEIGHT = 52;
const COLUMNS = 18;

export function WindowStrip({ view }: { readonly view: FeatureView }) {
  const lead = view.lanes[0];
  const bars = view.columns.map((column) => barsOf(view.reference, view.counts.get(column.start) ?? null));
  const highest = Math.max(
    0.001,
    ...bars.flatMap((pair) => (pair === null ? [] : [...pair.reference, ...pair.window])),
  );
  return (
    <ul class="strip">
      {view.columns.map((column, index) => {
        const cell = lead?.cells[index] ?? null;
        const [word, spoken] = absence(cell, false);
        const value = cell?.value ?? null;
        const label = value === null || lead === undefined ? word : valueText(lead.metric, value);
        const link = subjectLink(view.series, view.subjectKind, view.subject, {
          window: view.window.name,
          at: column.start,
        });
        return (
          <li>
            <a href={link} aria-current={index === view.chosen ? "true" : undefined}>
              <b>
                {index + 1}
                <span class={cell?.breached === true ? "over" : undefined}>{label}</span>
              </b>
              <StripBars
                pair={bars[index] ?? null}
                highest={highest}
                label={`${range(column.start, column.end)}: ${value === null ? spoken : label}`}
              />
              <span>{shortRange(column.start, column.end)}</span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

/** The year goes: it stands in the heading of the chosen window. */
const shortRange = (start: number, end: number): string => range(start, end).replace(/ \d{4}(?= |$)/g, "");

interface Bars {
  readonly reference: readonly number[];
  readonly window: readonly number[];
}

function barsOf(reference: ReferenceSubject | null, counts: WindowCounts | null): Bars | null {
  if (reference === null || counts === null) return null;
  if (reference.kind === "numeric") {
    const drawn = histogram(reference, counts, COLUMNS);
    return drawn === null
      ? null
      : { reference: [...drawn.reference, drawn.above.reference], window: [...drawn.window, drawn.above.window] };
  }
  const many =
    reference.bins.length > COLUMNS + 2 ? [...reference.bins.keys()].slice(0, COLUMNS) : [...reference.bins.keys()];
  const order = many
    .map((index) => ({ index, label: reference.categories[index] ?? "\uffff" }))
    .sort((a, b) => byLabel(a.label, b.label));
  const pick = (bins: readonly number[], n: number) => order.map(({ index }) => (n > 0 ? (bins[index] ?? 0) / n : 0));
  return { reference: pick(reference.bins, reference.n), window: pick(counts.bins, counts.n) };
}

/** Codes in the order of their numbers, words in the order of the alphabet. */
function byLabel(a: string, b: string): number {
  const difference = Number(a) - Number(b);
  if (Number.isFinite(difference) && difference !== 0) return difference;
  return a < b ? -1 : a > b ? 1 : 0;
}

function StripBars({
  pair,
  highest,
  label,
}: {
  readonly pair: Bars | null;
  readonly highest: number;
  readonly label: string;
}) {
  if (pair === null)
    return (
      <svg role="img" aria-label={label}>
        <line class="base" x1="0" x2="100%" y1={HEIGHT} y2={HEIGHT} />
        <text class="tick" x="50%" y={HEIGHT / 2 + 4} text-anchor="middle">
          no data
        </text>
      </svg>
    );
  const count = pair.reference.length;
  const height = (share: number) => Math.round((share / highest) * (HEIGHT - 6) * 10) / 10;
  return (
    <svg role="img" aria-label={label}>
      {pair.reference.map((reference, index) => {
        const current = pair.window[index] ?? 0;
        return (
          <>
            <rect
              class="bar-ref"
              x={x((index + 0.08) / count)}
              width={x(0.84 / count)}
              y={HEIGHT - height(reference)}
              height={height(reference)}
            />
            <rect
              class="bar-cur"
              x={x((index + 0.28) / count)}
              width={x(0.44 / count)}
              y={HEIGHT - height(current)}
              height={height(current)}
            />
          </>
        );
      })}
    </svg>
  );
}
