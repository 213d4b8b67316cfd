/** The chosen window over the reference: a table with bars for categories, a histogram for numbers. */
import { type Histogram, histogram, type ShareRow, shareRows, stairs, ticks } from "../../core/distribution.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import type { WindowCounts } from "../queries/window-counts.ts";
import { decimal, percent, plural, trimmed, whole, x } from "./format.ts";
import { Scroll } from "./parts.tsx";

const SHOWN_CATEGORIES = 12;

interface Props {
  readonly subject: string;
  readonly reference: ReferenceSubject;
  readonly counts: WindowCounts;
}

export function Distribution({ subject, reference, counts }: Props) {
  if (reference.kind === "categorical")
    return <CategoryTable subject={subject} rows={shareRows(reference, counts, SHOWN_CATEGORIES)} counts={counts} />;
  const drawn = histogram(reference, counts);
  if (drawn === null)
    return (
      <p class="quiet">
        The reference holds a single value ({trimmed(reference.minimum)}), so there is no range to draw. In this window{" "}
        {percent((counts.bins.at(-1) ?? 0) / Math.max(1, counts.n))} lie above it,{" "}
        {percent(counts.missing / Math.max(1, counts.n))} are missing.
      </p>
    );
  return <NumericHistogram reference={reference} counts={counts} drawn={drawn} />;
}

function CategoryTable({
  subject,
  rows,
  counts,
}: {
  readonly subject: string;
  readonly rows: readonly ShareRow[];
  readonly counts: WindowCounts;
}) {
  const widest = Math.max(0.01, ...rows.map((row) => Math.max(row.reference, row.window)));
  const largest = Math.max(0.001, ...rows.map((row) => Math.abs(row.change)));
  return (
    <>
      <Scroll label={`Values of ${subject}`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Value</th>
              <th scope="col" class="wbar">
                Share of events
                <span class="under">
                  <span class="sw ref" />
                  reference <span class="sw cur" />
                  window
                </span>
              </th>
              <th scope="col" class="num">
                Reference<span class="under">%</span>
              </th>
              <th scope="col" class="num">
                Window<span class="under">%</span>
              </th>
              <th scope="col" class="num">
                Change<span class="under">points</span>
              </th>
              <td class="dbar" />
              <th scope="col" class="num narrow-hide">
                Of the<span class="under">move</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <CategoryLine row={row} widest={widest} largest={largest} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {counts.fresh.length > 0 && (
        <p class="small quiet gap">
          Most frequent new values:{" "}
          {counts.fresh.map(([value, times], index) => (
            <>
              {index > 0 && ", "}
              <code>{value}</code> ({whole(times)})
            </>
          ))}
        </p>
      )}
    </>
  );
}

const WORDS: Readonly<Record<Exclude<ShareRow["kind"], "category" | "others">, string>> = {
  rare: "rare values of the reference",
  new: "new, never in the reference",
  missing: "missing",
  invalid: "invalid, of another type",
};

function CategoryLine({
  row,
  widest,
  largest,
}: {
  readonly row: ShareRow;
  readonly widest: number;
  readonly largest: number;
}) {
  const isCategory = row.kind === "category";
  const label =
    row.kind === "category"
      ? row.label === ""
        ? "(empty text)"
        : row.label
      : row.kind === "others"
        ? `${row.label} other values`
        : WORDS[row.kind];
  const points = row.change * 100;
  return (
    <tr class={isCategory ? undefined : "dim"}>
      <th scope="row" class="value">
        {label}
      </th>
      <td class="wbar">
        <svg
          class="cellbar"
          role="img"
          aria-label={`reference ${percent(row.reference)}, window ${percent(row.window)}`}
        >
          <rect class="bar-ref" x="0" width={x(row.reference / widest)} y="1" height="14" />
          <rect class="bar-cur" x="0" width={x(row.window / widest)} y="5" height="6" />
        </svg>
      </td>
      <td class="num">{row.kind === "new" ? "–" : zeroOr(row.reference)}</td>
      <td class="num">
        <b>{zeroOr(row.window)}</b>
      </td>
      <td class="num">{Math.abs(points) < 0.05 ? "0" : `${points > 0 ? "+" : ""}${decimal(points, 1)}`}</td>
      <td class="dbar">
        <svg class="cellbar" aria-hidden="true">
          <line class="base" x1="50%" x2="50%" y1="0" y2="16" />
          {row.change >= 0 ? (
            <rect class="up" x="50%" width={x(row.change / largest / 2)} y="4" height="8" />
          ) : (
            <rect
              class="down"
              x={x(0.5 + row.change / largest / 2)}
              width={x(-row.change / largest / 2)}
              y="4"
              height="8"
            />
          )}
        </svg>
      </td>
      <td class="num narrow-hide">{row.ofMove < 0.005 ? "" : percent(row.ofMove, 0)}</td>
    </tr>
  );
}

/** A share in per cent; what is not zero never reads 0.0. */
function zeroOr(value: number): string {
  if (value === 0) return "0";
  return value < 0.0005 ? "< 0.1" : decimal(value * 100, 1);
}

const PLOT = 190;
const DIFFERENCE = 56;

function NumericHistogram({
  reference,
  counts,
  drawn,
}: {
  readonly reference: ReferenceSubject;
  readonly counts: WindowCounts;
  readonly drawn: Histogram;
}) {
  const highest = Math.max(1e-9, ...drawn.reference, ...drawn.window);
  const differences = drawn.window.map((value, index) => value - (drawn.reference[index] ?? 0));
  const largest = Math.max(1e-9, ...differences.map(Math.abs));
  const columns = drawn.reference.length;
  const marks = ticks(drawn.from, drawn.to, 8);
  const place = (value: number) => x((value - drawn.from) / (drawn.to - drawn.from));
  const spoken = `Distribution from ${trimmed(drawn.from)} to ${trimmed(drawn.to)}: mean ${meanWords(reference, counts)}`;
  return (
    <>
      <svg class="plot" height={PLOT + 20} role="img" aria-label={spoken}>
        <svg x="0" y="8" width="100%" height={PLOT - 8} viewBox={`0 0 ${columns} 100`} preserveAspectRatio="none">
          <path class="ref-area" d={stairs(drawn.reference, highest, true)} />
          <path class="cur-path" d={stairs(drawn.window, highest, false)} />
        </svg>
        <line class="base" x1="0" x2="100%" y1={PLOT} y2={PLOT} />
        {marks.map((mark) => (
          <text class="tick" x={place(mark)} y={PLOT + 14} text-anchor={anchor(mark, drawn)}>
            {trimmed(mark)}
          </text>
        ))}
      </svg>
      <svg class="plot" height={DIFFERENCE} aria-hidden="true">
        <text class="tick" x="0" y="10">
          more than in the reference
        </text>
        <line class="base" x1="0" x2="100%" y1={DIFFERENCE / 2} y2={DIFFERENCE / 2} />
        {differences.map((difference, index) => {
          const height = (Math.abs(difference) / largest) * (DIFFERENCE / 2 - 4);
          return (
            <rect
              class={difference >= 0 ? "up" : "down"}
              x={x((index + 0.1) / columns)}
              width={x(0.8 / columns)}
              y={(difference >= 0 ? DIFFERENCE / 2 - height : DIFFERENCE / 2).toFixed(1)}
              height={height.toFixed(1)}
            />
          );
        })}
        <text class="tick" x="0" y={DIFFERENCE - 3}>
          fewer
        </text>
      </svg>
      <p class="small quiet">
        <span class="sw ref" /> reference <span class="sw cur" /> window, share of events by value.{" "}
        {edgeWords(reference, counts, drawn)}
      </p>
    </>
  );
}

function anchor(mark: number, drawn: Histogram): "start" | "middle" | "end" {
  const share = (mark - drawn.from) / (drawn.to - drawn.from);
  return share < 0.03 ? "start" : share > 0.97 ? "end" : "middle";
}

function edgeWords(reference: ReferenceSubject, counts: WindowCounts, drawn: Histogram): string {
  const n = Math.max(1, counts.n);
  const words = [`Missing ${percent(counts.missing / n)}, invalid ${percent(counts.invalid / n)}`];
  const below = counts.minimum !== null && counts.minimum < reference.minimum;
  words.push(
    below
      ? `some below the reference's least (${trimmed(reference.minimum)}), down to ${trimmed(counts.minimum ?? 0)}`
      : `none below the reference's least (${trimmed(reference.minimum)})`,
  );
  words.push(`above its greatest (${trimmed(reference.maximum)}) ${percent(drawn.unseenAbove)}`);
  const cut = drawn.below.reference + drawn.above.reference > 0.0005 && drawn.to < reference.maximum;
  const tail = cut
    ? ` The picture is cut to the middle of the reference: ${percent(drawn.below.window + drawn.above.window)} of the window lie outside.`
    : "";
  const bins = plural(reference.bins.length, "bin");
  return `${words.join(", ")}.${tail} The picture has columns of one width; the detectors count in ${bins} cut at the reference's quantiles.`;
}

function meanWords(reference: ReferenceSubject, counts: WindowCounts): string {
  return `${trimmed(reference.mean)} in the reference, from ${trimmed(counts.minimum ?? 0)} to ${trimmed(counts.maximum ?? 0)} in the window`;
}
