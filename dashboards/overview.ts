/** The first Grafana dashboard, as code: `driftline-overview.json` is generated from it and is never edited by hand. */
import type * as cog from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import {
  type Dashboard,
  DashboardBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableHide,
  VariableRefresh,
} from "@grafana/grafana-foundation-sdk/dashboard";
import * as stat from "@grafana/grafana-foundation-sdk/stat";
import * as table from "@grafana/grafana-foundation-sdk/table";
import * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import { panelQueries, variableQueries } from "./queries.ts";

/** As `provisioning/datasources` names it. */
export const DATASOURCE: common.DataSourceRef = { type: "grafana-clickhouse-datasource", uid: "driftline-clickhouse" };

interface ClickHouseQuery extends cog.Dataquery {
  readonly refId: string;
  readonly datasource: common.DataSourceRef;
  readonly editorType: "sql";
  readonly queryType: "timeseries" | "table";
  /** The data source's own number: 0 a time series, 1 a table. */
  readonly format: 0 | 1;
  readonly rawSql: string;
}

function target(refId: string, queryType: ClickHouseQuery["queryType"], rawSql: string): cog.Builder<cog.Dataquery> {
  const query: ClickHouseQuery = {
    refId,
    datasource: DATASOURCE,
    editorType: "sql",
    queryType,
    format: queryType === "timeseries" ? 0 : 1,
    rawSql,
    _implementsDataqueryVariant: () => {},
  };
  return { build: () => query };
}

const ORANGE = "#d9822b";
const limitLine = [
  { id: "custom.lineStyle", value: { fill: "dash", dash: [6, 4] } },
  { id: "color", value: { mode: "fixed", fixedColor: ORANGE } },
  { id: "custom.showPoints", value: "never" },
];

/** Lines that break where there is no value: a gap is not a zero, and not a straight line to the next value either. */
const lines = (title: string, description: string) =>
  new timeseries.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .drawStyle(common.GraphDrawStyle.Line)
    .lineInterpolation(common.LineInterpolation.Linear)
    .lineWidth(2)
    .fillOpacity(0)
    .spanNulls(false)
    .showPoints(common.VisibilityMode.Always)
    .pointSize(6)
    .noValue("no value")
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Right),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .overrideByName("limit", limitLine);

const rows = (title: string, description: string, query: string) =>
  new table.PanelBuilder()
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .noValue("none")
    .withTarget(target("A", "table", query));

const driftPanel = lines(
  "Drift by feature",
  "Each feature's distance from the reference per window. Dashed: the limit. A break is a window without enough data.",
)
  .withTarget(target("A", "timeseries", panelQueries.drift))
  .withTarget(target("B", "timeseries", panelQueries.driftLimit))
  .axisSoftMin(0)
  .span(24)
  .height(10);

const kpiPanel = lines(
  "Performance: ${kpi}",
  "Realised performance with its 95 % interval. A break is a window whose labels have not arrived.",
)
  .withTarget(target("A", "timeseries", panelQueries.kpi))
  .overrideByName("95 % high", [
    { id: "custom.fillBelowTo", value: "95 % low" },
    { id: "custom.lineWidth", value: 0 },
    { id: "custom.showPoints", value: "never" },
  ])
  .overrideByName("95 % low", [
    { id: "custom.lineWidth", value: 0 },
    { id: "custom.showPoints", value: "never" },
  ])
  .span(16)
  .height(9);

const coveragePanel = lines("Labels arrived", "Share of the window's predictions that have a label.")
  .withTarget(target("A", "timeseries", panelQueries.coverage))
  .unit("percentunit")
  .min(0)
  .max(1)
  .span(8)
  .height(9);

const openPanel = new stat.PanelBuilder()
  .title("Open incidents")
  .datasource(DATASOURCE)
  .withTarget(target("A", "table", panelQueries.openIncidents))
  .span(4)
  .height(7);

const ingestPanel = lines(
  "Events stored, per minute",
  "By the time of storing, and the messages that could not become an event.",
)
  .withTarget(target("A", "timeseries", panelQueries.ingested))
  .span(12)
  .height(8);

function variable(name: keyof typeof variableQueries, label: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query(variableQueries[name])
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .hide(VariableHide.DontHide);
}

export function overviewDashboard(): Dashboard {
  return new DashboardBuilder("Driftline overview")
    .uid("driftline-overview")
    .description("Drift, performance, incidents and ingestion of one model. Generated; see dashboards/overview.ts.")
    .tags(["driftline"])
    .timezone("utc")
    .time({ from: "now-30d", to: "now" })
    .refresh("1m")
    .readonly()
    .withVariable(variable("model", "Model"))
    .withVariable(variable("version", "Version"))
    .withVariable(variable("variant", "Variant"))
    .withVariable(variable("window", "Window"))
    .withVariable(variable("metric", "Drift metric"))
    .withVariable(variable("kpi", "KPI"))
    .withRow(new RowBuilder("Drift"))
    .withPanel(driftPanel)
    .withPanel(
      rows(
        "Beyond their limit",
        "Windows in which a detector or KPI has breached, the worst first.",
        panelQueries.breached,
      )
        .span(12)
        .height(9),
    )
    .withPanel(
      rows("Not judged", "Windows without a value, and why. They are neither green nor zero.", panelQueries.unjudged)
        .span(12)
        .height(9),
    )
    .withRow(new RowBuilder("Performance"))
    .withPanel(kpiPanel)
    .withPanel(coveragePanel)
    .withRow(new RowBuilder("Incidents"))
    .withPanel(openPanel)
    .withPanel(rows("Incidents", "Open ones first.", panelQueries.incidents).span(20).height(7))
    .withPanel(
      rows(
        "Epochs",
        "When numbers of the past were computed again, and why. The panels show the newest; incidents stay as they were.",
        panelQueries.epochs,
      )
        .span(24)
        .height(5),
    )
    .withRow(new RowBuilder("Ingestion"))
    .withPanel(ingestPanel)
    .withPanel(
      rows("Dead letters", "The newest messages that could not become an event.", panelQueries.deadLetters)
        .span(12)
        .height(8),
    )
    .build();
}

/** What `driftline-overview.json` must hold, to the byte. */
export const overviewText = (): string => `${JSON.stringify(overviewDashboard(), null, 2)}\n`;
