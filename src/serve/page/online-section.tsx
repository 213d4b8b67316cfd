/** Online detectors of the whole model: the changes that they have found, and how near to one they are in each window. */
import { z } from "zod";
import type { MetricRow } from "../../core/metric.ts";
import type { DetectorWords } from "../context.ts";
import type { WindowColumn } from "../queries/grid.ts";
import type { OnlineLane } from "../queries/online.ts";
import { detailOf } from "../queries/rows.ts";
import { range, trimmed } from "./format.ts";
import { type LaneData, Lanes, LaneTable } from "./lanes.tsx";
import { Head, Icon } from "./parts.tsx";

/** Changes that are spoken of, the newest. */
const MOST_CHANGES = 4;

interface Props {
  readonly lanes: readonly OnlineLane[];
  readonly columns: readonly WindowColumn[];
  readonly detectors: ReadonlyMap<string, DetectorWords>;
}

export function OnlineSection({ lanes, columns, detectors }: Props) {
  if (lanes.length === 0) return null;
  const titleOf = (metric: string) => detectors.get(metric)?.title ?? metric;
  const shown = lanes.map(
    ({ metric, subject, cells }): LaneData => ({
      metric,
      title: titleOf(metric),
      note: `of ${subjectName(subject)}`,
      cells,
      isKpi: false,
    }),
  );
  const changes = lanes
    .flatMap(({ cells }) => cells.filter((cell) => cell?.breached === true))
    .filter((cell) => cell !== null)
    .sort((a, b) => b.window_start - a.window_start);
  return (
    <section id="online">
      <Head
        title="Online detectors"
        note="each reads its stream value by value · orange dashes: limit, above it a change has been found"
      />
      {changes.length > 0 && (
        <ul class="sentences notes">
          {changes.slice(0, MOST_CHANGES).map((cell) => (
            <li>
              <Icon state="attention" />
              <span class="what">{changeText(cell, titleOf(cell.metric))}</span>
              <span class="todo">See what else moved at that time, and which versions were released.</span>
            </li>
          ))}
        </ul>
      )}
      <Lanes columns={columns} lanes={shown} chosen={null} />
      <LaneTable columns={columns} lanes={shown} title="These values as a table" />
    </section>
  );
}

const subjectName = (subject: string): string =>
  subject === "error" ? "the errors" : subject === "model" ? "the model" : subject;

const changeSchema = z.object({
  on: z.string(),
  since: z.string(),
  mean_before: z.number(),
  mean_after: z.number(),
});

/** "ADWIN has found a change of the errors in …: since …, their mean has gone from 0.05 to 0.41." */
export function changeText(row: MetricRow, title: string): string {
  const when = range(row.window_start, row.window_end);
  const found = changeSchema.safeParse(Object.fromEntries(detailOf(row.detail)));
  const start = `${title}: a change of ${subjectName(row.subject)} was found in the window ${when}`;
  if (!found.success) return `${start}.`;
  const { since, mean_before, mean_after } = found.data;
  return `${start}. Since ${since.slice(0, 16).replace("T", " ")} UTC the mean is ${trimmed(mean_after)} instead of ${trimmed(mean_before)}.`;
}
