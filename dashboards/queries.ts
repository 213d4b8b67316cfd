/**
 * The SQL of the dashboard's panels. A window without a value is NULL, never 0; `${name:singlequote}` is Grafana's own quoting, and
 * `$__timeFilter_ms` the data source's macro.
 */

/** Rows of the chosen series, the whole of it. */
const series = `model = \${model:singlequote} AND version = \${version:singlequote} AND variant = \${variant:singlequote} AND segment = ''
  AND window = \${window:singlequote} AND $__timeFilter_ms(window_end)`;

/** A value counts only under status ok. */
const value = "if(status = 'ok', value, NULL)";

export const variableQueries = {
  model: "SELECT DISTINCT model FROM metrics ORDER BY model",
  version:
    "SELECT version FROM metrics WHERE model = ${model:singlequote} GROUP BY version ORDER BY max(window_end) DESC",
  variant:
    "SELECT DISTINCT variant FROM metrics WHERE model = ${model:singlequote} AND version = ${version:singlequote} ORDER BY variant",
  window: "SELECT DISTINCT window FROM metrics WHERE model = ${model:singlequote} ORDER BY window",
  metric:
    "SELECT metric FROM metrics WHERE model = ${model:singlequote} AND subject_kind = 'feature' GROUP BY metric ORDER BY metric != 'total-variation', metric",
  kpi: "SELECT DISTINCT metric FROM metrics WHERE model = ${model:singlequote} AND subject_kind = 'kpi' AND subject = 'kpi' ORDER BY metric",
} as const;

export const panelQueries = {
  drift: `SELECT window_end AS time, subject AS feature, ${value} AS value
FROM metrics FINAL
WHERE ${series}
  AND subject_kind IN ('feature', 'prediction', 'score') AND metric = \${metric:singlequote}
ORDER BY time, feature`,
  driftLimit: `SELECT window_end AS time, max(threshold) AS "limit"
FROM metrics FINAL
WHERE ${series}
  AND subject_kind IN ('feature', 'prediction', 'score') AND metric = \${metric:singlequote}
GROUP BY time ORDER BY time`,
  kpi: `SELECT window_end AS time, ${value} AS value, if(status = 'ok', lower, NULL) AS "95 % low", if(status = 'ok', upper, NULL) AS "95 % high", threshold AS "limit"
FROM metrics FINAL
WHERE ${series}
  AND subject_kind = 'kpi' AND metric = \${kpi:singlequote}
ORDER BY time`,
  coverage: `SELECT window_end AS time, max(coverage) AS "labels arrived"
FROM metrics FINAL
WHERE ${series}
  AND subject_kind = 'kpi' AND metric = \${kpi:singlequote}
GROUP BY time ORDER BY time`,
  breached: `SELECT window_end AS "window closed", subject_kind AS kind, subject, metric, value, threshold AS "limit", n AS events
FROM metrics FINAL
WHERE ${series} AND breached
ORDER BY window_end DESC, value / nullIf(threshold, 0) DESC LIMIT 200`,
  unjudged: `SELECT window_end AS "window closed", subject_kind AS kind, subject, metric, toString(status) AS state, n AS events, JSONExtractString(detail, 'reason') AS reason
FROM metrics FINAL
WHERE ${series} AND status != 'ok'
ORDER BY window_end DESC, subject LIMIT 200`,
  incidents: `SELECT opened_at AS opened, model, window, severity, state, JSONExtractString(if(JSONHas(body, 'incident'), JSONExtractRaw(body, 'incident'), body), 'title') AS title, resolved_at AS resolved
FROM (SELECT * FROM incidents WHERE model = \${model:singlequote} ORDER BY sequence DESC LIMIT 1 BY incident_id)
ORDER BY state = 'resolved', opened_at DESC LIMIT 100`,
  epochs: `SELECT at AS "computed again", epoch, owner AS who, reason AS why, first_at AS "first window", last_at AS "last window end", rows AS numbers
FROM rebuilds FINAL
WHERE model = \${model:singlequote} AND change = 'done'
ORDER BY epoch DESC LIMIT 100`,
  openIncidents: `SELECT count() AS open FROM (SELECT state FROM incidents WHERE model = \${model:singlequote} ORDER BY sequence DESC LIMIT 1 BY incident_id)
WHERE state != 'resolved'`,
  ingested: `SELECT toStartOfMinute(inserted_at) AS time, sum(rows) AS events, sum(dead) AS "dead letters"
FROM batches FINAL
WHERE $__timeFilter_ms(inserted_at)
GROUP BY time ORDER BY time`,
  deadLetters: `SELECT received_at AS received, source, partition AS partition, offset AS offset, reason, detail
FROM dead_letters FINAL
WHERE $__timeFilter_ms(received_at)
ORDER BY received_at DESC LIMIT 100`,
} as const;
