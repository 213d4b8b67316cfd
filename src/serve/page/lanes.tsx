/** Values against their limits, one lane a metric, all on one time axis. A window without a value is a gap that says why. */
import type { ComponentChildren } from "preact";
import type { MetricRow } from "../../core/metric.ts";
import type { WindowColumn } from "../queries/grid.ts";
import { noiseOf } from "../queries/rows.ts";
import { absence } from "./drift-grid.tsx";
import { clock, day, isOfHours, isShare, kpiName, limitText, percent, range, short, valueText, x } from "./format.ts";

/** The plot begins here: the limit's number stands left of it. */
const LEFT = 0.09;
const HEIGHT = 84;
const TOP = 18;
const BOTTOM = 76;

export interface LaneData {
  readonly metric: string;
  readonly title: string;
  readonly note: string;
  readonly cells: readonly (MetricRow | null)[];
  readonly isKpi: boolean;
}

interface LanesProps {
  readonly columns: readonly WindowColumn[];
  readonly lanes: readonly LaneData[];
  /** Index of the window to mark, or null. */
  readonly chosen: number | null;
}

interface Scale {
  readonly left: (ms: number) => number;
  readonly top: (value: number) => number;
}

export function Lanes({ columns, lanes, chosen }: LanesProps) {
  const first = columns[0]?.start ?? 0;
  const last = columns.at(-1)?.end ?? 1;
  const left = (ms: number) => LEFT + ((ms - first) / Math.max(1, last - first)) * (1 - LEFT);
  return (
    <div class="lanes">
      {lanes.map((lane) => (
        <Lane lane={lane} columns={columns} chosen={chosen} left={left} />
      ))}
      <Axis columns={columns} left={left} />
    </div>
  );
}

function Lane({
  lane,
  columns,
  chosen,
  left,
}: {
  readonly lane: LaneData;
  readonly columns: readonly WindowColumn[];
  readonly chosen: number | null;
  readonly left: Scale["left"];
}) {
  const scale: Scale = { left, top: topOf(lane) };
  const band = chosen === null ? undefined : columns[chosen];
  const limits = lane.cells.flatMap((cell) => (cell?.threshold === null || cell === null ? [] : [cell.threshold]));
  const limit = limits.at(-1) ?? null;
  return (
    <div class="lane">
      <div class="name">
        {lane.title}
        <small>{lane.note}</small>
      </div>
      <svg class="plot" height={HEIGHT} role="img" aria-label={spokenLane(lane, columns)}>
        {band !== undefined && (
          <rect
            class="sel"
            x={x(left(band.start))}
            width={x(left(band.end) - left(band.start))}
            y="0"
            height={HEIGHT}
          />
        )}
        {!lane.isKpi && lane.cells.map((cell) => cell !== null && <NoiseBand cell={cell} scale={scale} />)}
        <line class="base" x1={x(LEFT)} x2="100%" y1={BOTTOM} y2={BOTTOM} />
        {limit !== null && (
          <text class="lim" text-anchor="end" x={x(LEFT - 0.01)} y={scale.top(limit) + 4}>
            {limitText(lane.metric, limit)}
          </text>
        )}
        {lane.cells.map(
          (cell) => cell !== null && cell.threshold !== null && <Limit cell={cell} at={cell.threshold} scale={scale} />,
        )}
        {columns.map((column, index) => (
          <Value lane={lane} column={column} cell={lane.cells[index] ?? null} scale={scale} strong={index === chosen} />
        ))}
      </svg>
      <Now lane={lane} columns={columns} chosen={chosen} />
    </div>
  );
}

/** Detectors begin at zero; KPIs show the range that they move in, with their limit. */
function topOf({ cells, isKpi }: LaneData): (value: number) => number {
  const numbers = cells.flatMap((cell) => {
    if (cell === null) return [];
    const noise = isKpi ? null : noiseOf(cell);
    return [cell.value, cell.threshold, ...(isKpi ? [cell.lower, cell.upper] : [noise])].filter(
      (value) => value !== null,
    );
  });
  const highest = numbers.length === 0 ? 1 : Math.max(...numbers);
  const lowest = isKpi && numbers.length > 0 ? Math.min(...numbers) : Math.min(0, ...numbers);
  const span = highest - lowest || Math.abs(highest) || 1;
  return (value) =>
    Math.round((BOTTOM - (isKpi ? 6 : 0) - ((value - lowest) / span) * (BOTTOM - TOP - (isKpi ? 10 : 0))) * 10) / 10;
}

function NoiseBand({ cell, scale }: { readonly cell: MetricRow; readonly scale: Scale }) {
  const noise = noiseOf(cell);
  if (noise === null) return null;
  const top = scale.top(noise);
  return (
    <rect
      class="noise"
      x={x(scale.left(cell.window_start))}
      width={x(scale.left(cell.window_end) - scale.left(cell.window_start))}
      y={top}
      height={Math.max(0, BOTTOM - top)}
    />
  );
}

function Limit({ cell, at, scale }: { readonly cell: MetricRow; readonly at: number; readonly scale: Scale }) {
  const y = scale.top(at);
  return <line class="limit" x1={x(scale.left(cell.window_start))} x2={x(scale.left(cell.window_end))} y1={y} y2={y} />;
}

interface ValueProps {
  readonly lane: LaneData;
  readonly column: WindowColumn;
  readonly cell: MetricRow | null;
  readonly scale: Scale;
  readonly strong: boolean;
}

function Value({ lane, column, cell, scale, strong }: ValueProps) {
  const from = scale.left(column.start);
  const to = scale.left(column.end);
  const middle = x((from + to) / 2);
  if (cell?.value === undefined || cell.value === null) {
    const [word, spoken] = absence(cell, lane.isKpi);
    return (
      <g>
        <title>{`${range(column.start, column.end)}: ${spoken}`}</title>
        <rect class="hole" x={x(from + 0.001)} width={x(to - from - 0.002)} y={TOP - 6} height={BOTTOM - TOP + 6} />
        <text class="tick hole-text" x={middle} y={(TOP + BOTTOM) / 2 + 4} text-anchor="middle">
          {word === "–" ? "no events" : word}
        </text>
      </g>
    );
  }
  const y = scale.top(cell.value);
  const highest = cell.upper === null ? y : Math.min(y, scale.top(cell.upper));
  return (
    <g>
      <title>{`${range(column.start, column.end)}: ${valueText(lane.metric, cell.value)}`}</title>
      {cell.lower !== null && cell.upper !== null && (
        <line class="whisker" x1={middle} x2={middle} y1={scale.top(cell.lower)} y2={scale.top(cell.upper)} />
      )}
      <line class={`mean${cell.breached ? " over" : ""}`} x1={x(from + 0.002)} x2={x(to - 0.002)} y1={y} y2={y} />
      <text
        class={`halo ${strong ? "strong" : "wide"}`}
        x={middle}
        y={Math.max(11, Math.min(highest, limitTop(cell, scale, y)) - 5)}
        text-anchor="middle"
      >
        {isShare(lane.metric) ? percent(cell.value) : short(cell.value)}
      </text>
    </g>
  );
}

/** The number stands above the limit's line where it would lie on it. */
function limitTop(cell: MetricRow, scale: Scale, y: number): number {
  if (cell.threshold === null) return y;
  const limit = scale.top(cell.threshold);
  return y > limit && y - limit < 18 ? limit : y;
}

function Now({
  lane,
  columns,
  chosen,
}: {
  readonly lane: LaneData;
  readonly columns: readonly WindowColumn[];
  readonly chosen: number | null;
}) {
  const index = chosen ?? columns.length - 1;
  const cell = lane.cells[index] ?? null;
  const column = columns[index];
  if (cell?.value === undefined || cell.value === null)
    return (
      <div class="now">
        <b class="faint">–</b>
        <small>{absence(cell, lane.isKpi)[1]}</small>
      </div>
    );
  const noise = noiseOf(cell);
  const interval =
    cell.lower !== null && cell.upper !== null
      ? `95 %: ${valueText(lane.metric, cell.lower)}–${valueText(lane.metric, cell.upper)}`
      : null;
  return (
    <div class="now">
      <b class={cell.breached ? "breached" : undefined}>{valueText(lane.metric, cell.value)}</b>
      <small>
        {noise !== null
          ? `chance alone: ${valueText(lane.metric, noise)}`
          : (interval ?? (column === undefined ? "" : `to ${day(column.end)}`))}
      </small>
    </div>
  );
}

function Axis({ columns, left }: { readonly columns: readonly WindowColumn[]; readonly left: Scale["left"] }) {
  const every = Math.max(1, Math.ceil(columns.length / 6));
  return (
    <div class="lane axis">
      <div class="name" />
      <svg class="plot" height="20" aria-hidden="true">
        {columns.map(
          (column, index) =>
            index % every === 0 && (
              <text class={index % (2 * every) === 0 ? "tick" : "tick wide"} x={x(left(column.start))} y="13">
                {isOfHours(column.start, column.end)
                  ? clock(column.start)
                  : day(column.start).replace(/ (\d\d)(\d\d)$/, " $1$2")}
              </text>
            ),
        )}
      </svg>
      <div class="now" />
    </div>
  );
}

function spokenLane(lane: LaneData, columns: readonly WindowColumn[]): string {
  const values = columns.map((column, index) => {
    const cell = lane.cells[index] ?? null;
    const value = cell?.value ?? null;
    return `${range(column.start, column.end)} ${value === null ? absence(cell, lane.isKpi)[1] : valueText(lane.metric, value)}`;
  });
  return `${lane.title} by window: ${values.join("; ")}`;
}

/** The same numbers as a table: windows down, metrics across. */
export function LaneTable({
  columns,
  lanes,
  title,
}: {
  readonly columns: readonly WindowColumn[];
  readonly lanes: readonly LaneData[];
  readonly title: ComponentChildren;
}) {
  return (
    <details class="data">
      <summary>{title}</summary>
      <div class="scroll" role="group" aria-label="Values by window, scrolls sideways on a narrow screen" tabIndex={0}>
        <table class="tight">
          <thead>
            <tr>
              <th scope="col">Window</th>
              <th scope="col" class="num">
                Events
              </th>
              {lanes.map((lane) => (
                <th scope="col" class="num">
                  {lane.isKpi ? kpiName(lane.metric) : lane.metric}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {columns.map((column, index) => (
              <tr>
                <th scope="row" class="nowrap">
                  {range(column.start, column.end)}
                </th>
                <td class="num">{lanes.map((lane) => lane.cells[index]?.n).find((n) => n !== undefined) ?? 0}</td>
                {lanes.map((lane) => (
                  <LaneCell lane={lane} cell={lane.cells[index] ?? null} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function LaneCell({ lane, cell }: { readonly lane: LaneData; readonly cell: MetricRow | null }) {
  const value = cell?.value ?? null;
  if (value === null) return <td class="num faint">{absence(cell, lane.isKpi)[1]}</td>;
  return (
    <td class="num">
      {cell?.breached === true ? <b>{valueText(lane.metric, value)}</b> : valueText(lane.metric, value)}
      {cell !== null && cell.threshold !== null && <span class="ci">of {limitText(lane.metric, cell.threshold)}</span>}
    </td>
  );
}
