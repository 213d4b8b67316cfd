/** What machines ask of the process itself: is it alive, is it ready, what does it count. */

import { readiness } from "../health.ts";
import { getRoute, jsonAnswer, noInput } from "../route.ts";

export const operationRoutes = [
  getRoute({
    path: "/health",
    summary: "200 while the process is alive.",
    audience: "open",
    produces: "application/json",
    params: noInput,
    query: noInput,
    handle: () => jsonAnswer({ status: "ok" }),
  }),
  getRoute({
    path: "/ready",
    summary: "200 when every part can do its work, 503 otherwise; the parts say which and why.",
    audience: "open",
    produces: "application/json",
    params: noInput,
    query: noInput,
    async handle(context) {
      const { ready, parts } = await readiness(context);
      return jsonAnswer({ ready, parts }, ready ? 200 : 503);
    },
  }),
  getRoute({
    path: "/metrics",
    summary: "The process's metrics in Prometheus' text format.",
    audience: "api",
    produces: "text/plain",
    params: noInput,
    query: noInput,
    async handle({ metrics }) {
      return { status: 200, type: metrics.contentType, body: await metrics.expose() };
    },
  }),
];
