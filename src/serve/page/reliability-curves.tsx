/** Reliability curves: for each window what share of the rows with a score turned out positive, against the score itself. */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import { wilsonInterval } from "../../math/wilson-interval.ts";
import type { Grid } from "../queries/grid.ts";
import { detailOf } from "../queries/rows.ts";
import { columnHead, decimal, plural, range, short } from "./format.ts";
import { Head } from "./parts.tsx";

/** The newest windows with a curve. */
const MOST_WINDOWS = 6;
/** The picture is a square of these units, with room for its numbers. */
const SIZE = 100;
const LEFT = 20;
const BOTTOM = 16;
const LEAST_DOT = 1.2;
const MOST_DOT = 4;

/** Rows, mean score and positive share of a score bin. */
const binsSchema = z.array(z.tuple([z.number(), z.number(), z.number()]));
type Bins = z.output<typeof binsSchema>;

export const binsOf = (row: MetricRow): Bins => {
  const parsed = binsSchema.safeParse(detailOf(row.detail).get("bins"));
  return parsed.success ? parsed.data.filter(([rows]) => rows > 0) : [];
};

export function ReliabilityCurves({ grid }: { readonly grid: Grid }) {
  const cells = grid.kpis.find(({ metric }) => metric === "ece")?.cells ?? [];
  const drawn = cells.flatMap((cell) => {
    const bins = cell === null || cell.value === null ? [] : binsOf(cell);
    return cell === null || bins.length === 0 ? [] : [{ cell, bins }];
  });
  if (drawn.length === 0) return null;
  return (
    <section id="reliability">
      <Head
        title="Reliability of the scores"
        note="score against the share that turned out positive, ten bins · on the dashed line a score is a probability · whiskers: 95 %"
      />
      <div class="curves">
        {drawn.slice(-MOST_WINDOWS).map(({ cell, bins }) => (
          <figure>
            <Curve cell={cell} bins={bins} />
            <figcaption>
              {columnHead(cell.window_start, cell.window_end).join(" ")}
              <span class="ci">off by {short(cell.value ?? 0)}</span>
            </figcaption>
          </figure>
        ))}
      </div>
      <CurveTable drawn={drawn.slice(-MOST_WINDOWS)} />
    </section>
  );
}

const left = (score: number): string => (LEFT + score * SIZE).toFixed(2);
const top = (share: number): string => (2 + (1 - share) * SIZE).toFixed(2);

function Curve({ cell, bins }: { readonly cell: MetricRow; readonly bins: Bins }) {
  const most = bins.reduce((greatest, [rows]) => Math.max(greatest, rows), 1);
  const path = bins.map(([, score, share], index) => `${index === 0 ? "M" : "L"}${left(score)} ${top(share)}`).join("");
  const spoken = `Reliability, ${range(cell.window_start, cell.window_end)}: ${bins.map(([, score, share]) => `score ${decimal(score, 2)}, positive ${decimal(share, 2)}`).join("; ")}`;
  return (
    <svg class="curve" viewBox={`0 0 ${LEFT + SIZE + 4} ${SIZE + BOTTOM + 4}`} role="img" aria-label={spoken}>
      <rect class="frame" x={LEFT} y="2" width={SIZE} height={SIZE} />
      <line class="diagonal" x1={left(0)} y1={top(0)} x2={left(1)} y2={top(1)} />
      {bins.map(([rows, score, share]) => {
        const { lower, upper } = wilsonInterval(share * rows, rows);
        return <line class="whisker" x1={left(score)} x2={left(score)} y1={top(lower)} y2={top(upper)} />;
      })}
      <path class="real-path" d={path} />
      {bins.map(([rows, score, share]) => (
        <circle
          class="dot"
          cx={left(score)}
          cy={top(share)}
          r={(LEAST_DOT + (MOST_DOT - LEAST_DOT) * Math.sqrt(rows / most)).toFixed(2)}
        >
          <title>{`${plural(rows, "row")} with a mean score of ${decimal(score, 3)}: ${decimal(share, 3)} positive`}</title>
        </circle>
      ))}
      {[0, 0.5, 1].map((mark) => (
        <>
          <text class="tick" x={left(mark)} y={SIZE + BOTTOM - 2} text-anchor={mark === 1 ? "end" : "middle"}>
            {decimal(mark, mark === 0.5 ? 1 : 0)}
          </text>
          {mark > 0 && (
            <text class="tick" x={LEFT - 3} y={Number(top(mark)) + (mark === 1 ? 7 : 3)} text-anchor="end">
              {decimal(mark, mark === 0.5 ? 1 : 0)}
            </text>
          )}
        </>
      ))}
    </svg>
  );
}

function CurveTable({ drawn }: { readonly drawn: readonly { readonly cell: MetricRow; readonly bins: Bins }[] }) {
  return (
    <details class="data">
      <summary>These curves as a table</summary>
      <div
        class="scroll"
        role="group"
        aria-label="Reliability by window, scrolls sideways on a narrow screen"
        tabIndex={0}
      >
        <table class="tight">
          <thead>
            <tr>
              <th scope="col">Window</th>
              <th scope="col" class="num">
                Rows
              </th>
              <th scope="col" class="num">
                Mean score
              </th>
              <th scope="col" class="num">
                Positive
              </th>
            </tr>
          </thead>
          <tbody>
            {drawn.flatMap(({ cell, bins }) =>
              bins.map(([rows, score, share]) => (
                <tr>
                  <th scope="row" class="nowrap">
                    {range(cell.window_start, cell.window_end)}
                  </th>
                  <td class="num">{rows}</td>
                  <td class="num">{decimal(score, 3)}</td>
                  <td class="num">{decimal(share, 3)}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </div>
    </details>
  );
}
