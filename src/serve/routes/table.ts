/** Every route of the server, in one table. */
import { openapiDocument } from "../openapi.ts";
import { getRoute, jsonAnswer, noInput, type Route } from "../route.ts";
import { apiRoutes } from "./api.ts";
import { assetRoutes } from "./assets.ts";
import { auditRoute } from "./audit.ts";
import { backtestRoute } from "./backtest.ts";
import { comparisonRoutes } from "./comparison.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { decisionRoutes } from "./decisions.ts";
import { forgetRoutes } from "./forget.ts";
import { modelStateRoute } from "./model-state.ts";
import { operationRoutes } from "./operations.ts";
import { pageRoutes } from "./pages.tsx";
import { rebuildRoute } from "./rebuild.ts";
import { referenceRoutes } from "./references.ts";
import { reportRoute } from "./report.ts";
import { retrainingRoutes } from "./retrainings.tsx";
import { statusRoute } from "./status.ts";

const openapiRoute = getRoute({
  path: "/v1/openapi.json",
  summary: "This interface as an OpenAPI 3.1 document.",
  audience: "api",
  produces: "application/json",
  params: noInput,
  query: noInput,
  handle: (context) => jsonAnswer(openapiDocument(routes, context.publicUrl)),
});

export const routes: readonly Route[] = [
  ...operationRoutes,
  ...apiRoutes,
  ...deadLetterRoutes,
  modelStateRoute,
  reportRoute,
  backtestRoute,
  rebuildRoute,
  auditRoute,
  statusRoute,
  ...referenceRoutes,
  ...retrainingRoutes,
  ...comparisonRoutes,
  ...decisionRoutes,
  ...forgetRoutes,
  openapiRoute,
  ...pageRoutes,
  ...assetRoutes,
];
