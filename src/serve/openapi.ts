/** The OpenAPI 3.1 document, made from the table of routes: what the document says is what the server checks. */
import { z } from "zod";
import type { Route } from "./route.ts";

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description?: string;
  readonly schema: unknown;
}

const errorSchema = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["code", "message"],
      properties: { code: { type: "string" }, message: { type: "string" } },
    },
  },
};

export function openapiDocument(routes: readonly Route[], url: string): Record<string, unknown> {
  const paths = new Map<string, Record<string, unknown>>();
  for (const route of routes.filter((one) => one.audience !== "page")) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths.set(path, { ...paths.get(path), [route.method.toLowerCase()]: operation(route) });
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Driftline",
      version: "1",
      description: "Drift and performance of machine-learning models: events in, metrics and incidents out.",
    },
    servers: [{ url }],
    paths: Object.fromEntries(paths),
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "server.token of the configuration, where one is set." },
      },
    },
  };
}

function operation(route: Route): Record<string, unknown> {
  const parameters = [...parametersOf(route.params, "path"), ...parametersOf(route.query, "query")];
  return {
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...bodyOf(route),
    ...(route.audience === "open" || route.ownToken ? { security: [] } : { security: [{ token: [] }] }),
    responses: {
      "200": { description: "OK", content: { [route.produces]: {} } },
      default: {
        description: "What was wrong, and what would be right.",
        content: { "application/json": { schema: errorSchema } },
      },
    },
  };
}

function bodyOf(route: Route): Record<string, unknown> {
  if (route.body === null) return {};
  const content =
    route.body === "raw"
      ? { "application/json": {}, "application/x-ndjson": {} }
      : { "application/json": { schema: z.toJSONSchema(route.body, { io: "input" }) } };
  return { requestBody: { required: true, content } };
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })).default({}),
  required: z.array(z.string()).default([]),
});

function parametersOf(schema: z.ZodObject, place: Parameter["in"]): Parameter[] {
  const { properties, required } = objectSchema.parse(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}
