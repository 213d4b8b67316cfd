import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { routes } from "../../../src/serve/routes/table.ts";
import { projectFile } from "../../support/project-file.ts";

test("docs/reference/http.md lists the table of routes, all of it and nothing else", () => {
  const rows = [
    ...readFileSync(projectFile("docs/reference/http.md"), "utf8").matchAll(/^\| `(\w+ \S+)` \| (\w+) \| (.*?) \|$/gm),
  ];
  assert.deepEqual(
    rows.map(([, request, who, summary]) => [request, who, summary]),
    routes.map((route) => [
      `${route.method} ${route.path}`,
      route.audience === "open" ? "anyone" : route.ownToken ? "link" : "token",
      route.summary,
    ]),
  );
});

test("no two routes answer the same request", () => {
  const requests = routes.map((route) => `${route.method} ${route.path}`);
  assert.equal(new Set(requests).size, requests.length);
});
