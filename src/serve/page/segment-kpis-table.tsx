/** Performance by segment: for each KPI the whole and below it each value of the model's `segments`, window by window. */
import type { MetricRow } from "../../core/metric.ts";
import { type SegmentKpi, type SegmentKpis, splitSegment } from "../queries/segment-kpis.ts";
import { absence } from "./drift-grid.tsx";
import { columnHead, kpiName, limitText, plural, range, valueText } from "./format.ts";
import { Head, Scroll } from "./parts.tsx";

export function SegmentKpiTables({ kpis }: { readonly kpis: SegmentKpis | null }) {
  if (kpis === null) return null;
  return (
    <section id="segments">
      <Head
        title="Performance by segment"
        note="with the 95 % interval, orange where all of a segment's interval lies beyond the limit · not in the budget of false alarms: of many segments some are low by chance"
      />
      {kpis.kpis.map((kpi) => (
        <KpiTable kpi={kpi} columns={kpis.columns} />
      ))}
    </section>
  );
}

function KpiTable({ kpi, columns }: { readonly kpi: SegmentKpi; readonly columns: SegmentKpis["columns"] }) {
  const name = kpiName(kpi.metric);
  const limit = kpi.segments.flatMap(({ cells }) => cells).findLast((cell) => cell?.threshold != null)?.threshold;
  return (
    <Scroll label={`${name} by segment`}>
      <table class="tight fairness">
        <caption class="visually-hidden">
          {name} of {plural(kpi.segments.length - 1, "segment")}, by window
        </caption>
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <th scope="col">{limit === undefined || limit === null ? "" : `limit ${limitText(kpi.metric, limit)}`}</th>
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
        <tbody>
          {kpi.segments.map(({ segment, cells }) => (
            <tr class={segment === "" ? "measure" : undefined}>
              <th scope="row" class={segment === "" ? undefined : "group"}>
                {segment === "" ? "all" : nameOf(segment)}
              </th>
              <td class="quiet">{segment === "" ? "" : splitSegment(segment)[0]}</td>
              {cells.map((cell) => (
                <Cell metric={kpi.metric} cell={cell} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function nameOf(segment: string): string {
  const [, value] = splitSegment(segment);
  return value === "" ? "none" : value === "(other)" ? "all others" : value;
}

function Cell({ metric, cell }: { readonly metric: string; readonly cell: MetricRow | null }) {
  if (cell?.value === undefined || cell.value === null) {
    const [word, spoken] = absence(cell, true);
    return (
      <td class="num faint" title={spoken}>
        {word}
      </td>
    );
  }
  const shown = valueText(metric, cell.value);
  return (
    <td class={`num${cell.breached ? " beyond" : ""}`} title={plural(cell.n, "event")}>
      {cell.breached ? <b>{shown}</b> : shown}
      {cell.lower !== null && cell.upper !== null && (
        <span class="ci">
          {valueText(metric, cell.lower)}–{valueText(metric, cell.upper)}
        </span>
      )}
    </td>
  );
}
