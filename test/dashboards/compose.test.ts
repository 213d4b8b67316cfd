import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { DATASOURCE } from "../../dashboards/overview.ts";
import { configSchema } from "../../src/config/schema.ts";
import { projectFile } from "../support/project-file.ts";

const read = (file: string): unknown => parse(readFileSync(projectFile(file), "utf8"));

const compose = z
  .object({
    services: z.record(
      z.string(),
      z.looseObject({
        image: z.string().optional(),
        build: z.string().optional(),
        ports: z.array(z.string()).default([]),
        volumes: z.array(z.string()).default([]),
        environment: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
        depends_on: z.record(z.string(), z.unknown()).default({}),
      }),
    ),
    volumes: z.record(z.string(), z.unknown()),
  })
  .loose()
  .parse(read("docker-compose.yml"));

test("the compose file has Kafka 4, ClickHouse, Grafana and the service, and every port is on loopback", () => {
  const { services } = compose;
  assert.match(services["kafka"]?.image ?? "", /^apache\/kafka:4\./);
  assert.match(services["clickhouse"]?.image ?? "", /^clickhouse\/clickhouse-server:\d/);
  assert.match(services["grafana"]?.image ?? "", /^grafana\/grafana:\d/);
  assert.equal(services["driftline"]?.build, ".");
  for (const [name, service] of Object.entries(services))
    for (const port of service.ports) assert.match(port, /^127\.0\.0\.1:/, name);
});

test("every file, volume and service that the compose file names is there", () => {
  for (const service of Object.values(compose.services)) {
    for (const volume of service.volumes) {
      const [from = ""] = volume.split(":");
      if (from.startsWith("./")) assert.ok(existsSync(projectFile(from)), from);
      else assert.ok(Object.hasOwn(compose.volumes, from), from);
    }
    for (const needed of Object.keys(service.depends_on)) assert.ok(Object.hasOwn(compose.services, needed), needed);
  }
});

test("Grafana's data source is the one that the dashboard asks, and its user is the one that ClickHouse makes", () => {
  const { datasources } = z
    .object({
      datasources: z.array(
        z.looseObject({
          uid: z.string(),
          type: z.string(),
          jsonData: z.looseObject({ host: z.string(), username: z.string(), defaultDatabase: z.string() }),
        }),
      ),
    })
    .parse(read("dashboards/provisioning/datasources/clickhouse.yaml"));
  const [source] = datasources;
  assert.deepEqual({ type: source?.type, uid: source?.uid }, DATASOURCE);
  assert.ok(Object.hasOwn(compose.services, source?.jsonData.host ?? ""));
  assert.equal(source?.jsonData.defaultDatabase, compose.services["clickhouse"]?.environment["CLICKHOUSE_DB"]);
  const users = readFileSync(projectFile("docker/clickhouse-users.sql"), "utf8");
  const password = String(compose.services["grafana"]?.environment["GRAFANA_CLICKHOUSE_PASSWORD"]);
  assert.ok(users.includes(`CREATE USER IF NOT EXISTS ${source?.jsonData.username} IDENTIFIED BY '${password}'`));
  const { providers } = z
    .object({ providers: z.array(z.looseObject({ options: z.object({ path: z.string() }) })) })
    .parse(read("dashboards/provisioning/dashboards/driftline.yaml"));
  assert.ok(
    compose.services["grafana"]?.volumes.some((volume) =>
      volume.split(":")[1]?.startsWith(providers[0]?.options.path ?? "?"),
    ),
  );
});

test("the service's configuration is valid and names the services of the compose file", () => {
  const text = readFileSync(projectFile("docker/driftline.yaml"), "utf8").replace(/\$\{(\w+)\}/g, "set-$1");
  const config = configSchema.parse(parse(text));
  assert.ok("url" in config.store && Object.hasOwn(compose.services, new URL(config.store.url).hostname));
  const [kafka] = config.sources;
  assert.ok(
    kafka?.use === "kafka" &&
      kafka.brokers.every((broker) => Object.hasOwn(compose.services, broker.split(":")[0] ?? "")),
  );
  const topics = JSON.stringify(compose.services["topics"]);
  for (const topic of kafka.topics) assert.ok(topics.includes(topic), topic);
});

test("the image is Debian slim, runs as no root and without the embedded engine", () => {
  const dockerfile = readFileSync(projectFile("Dockerfile"), "utf8");
  const stages = dockerfile.split(/^FROM /m).slice(1);
  assert.equal(stages.length, 2);
  for (const stage of stages) assert.match(stage, /^node:\d+-bookworm-slim/);
  assert.match(stages[1] ?? "", /^USER node$/m);
  assert.match(stages[0] ?? "", /npm pkg delete optionalDependencies\.chdb && npm prune --omit=dev/);
  for (const [, from = ""] of (stages[0] ?? "").matchAll(/^COPY (?!\. )(.+) \.\/$/gm))
    for (const file of from.split(" ")) assert.ok(existsSync(projectFile(file)), file);
});
