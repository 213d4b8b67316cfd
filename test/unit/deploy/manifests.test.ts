import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { sidecarCommand } from "../../../src/commands/sidecar.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { roleNames } from "../../../src/service/app-options.ts";
import { projectRoot } from "../../support/kafka/service.ts";

const base = path.join(projectRoot(), "deploy/kubernetes");
const object = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.object({ name: z.string() }).optional(),
  resources: z.array(z.string()).optional(),
  spec: z.unknown().optional(),
});
const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.union([z.string(), z.number()]) }) });
const container = z.object({
  name: z.string(),
  args: z.array(z.string()).optional(),
  env: z.array(z.object({ name: z.string() })).optional(),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  livenessProbe: probe.optional(),
  readinessProbe: probe.optional(),
  startupProbe: probe.optional(),
  volumeMounts: z.array(z.object({ name: z.string() })).optional(),
});
const workload = z.object({
  replicas: z.number(),
  selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
  template: z.object({
    metadata: z.object({ labels: z.record(z.string(), z.string()) }),
    spec: z.object({
      containers: z.array(container),
      initContainers: z.array(container).optional(),
      volumes: z.array(z.object({ name: z.string() })),
    }),
  }),
});

const objectsOf = (file: string) =>
  parseAllDocuments(readFileSync(path.join(base, file), "utf8")).map((document) => object.parse(document.toJS()));

describe("The Kubernetes manifests", () => {
  const folders = ["driftline", "sidecar"];
  /** All of a folder but Driftline's own configuration. */
  const filesOf = (folder: string) => readdirSync(path.join(base, folder)).filter((file) => file !== "driftline.yaml");
  const objects = folders.flatMap((folder) => filesOf(folder).flatMap((file) => objectsOf(path.join(folder, file))));
  const workloads = objects.flatMap(({ kind, spec }) =>
    kind === "Deployment" || kind === "StatefulSet" ? [{ kind, ...workload.parse(spec) }] : [],
  );

  it("name files that are there, and all that are there", () => {
    for (const folder of folders) {
      const [kustomization] = objectsOf(path.join(folder, "kustomization.yaml"));
      const resources = kustomization?.resources ?? [];
      for (const resource of resources) assert.ok(existsSync(path.join(base, folder, resource)), resource);
      assert.deepEqual(filesOf(folder).sort(), [...resources, "kustomization.yaml"].sort());
    }
  });

  it("select their own pods, mount what they declare and probe a port that is there", () => {
    assert.equal(workloads.length, 3);
    for (const { selector, template } of workloads) {
      for (const [label, value] of Object.entries(selector.matchLabels))
        assert.equal(template.metadata.labels[label], value);
      const { containers, initContainers = [], volumes } = template.spec;
      const numbers = [...containers, ...initContainers].flatMap((one) => one.ports.map((port) => port.containerPort));
      for (const one of [...containers, ...initContainers]) {
        for (const { name } of one.volumeMounts ?? [])
          assert.ok(
            volumes.some((volume) => volume.name === name),
            name,
          );
        // A probe's named port is one of its own container's.
        const names = one.ports.map(({ name }) => name);
        const probes = [one.livenessProbe, one.readinessProbe, one.startupProbe].filter((found) => found !== undefined);
        assert.ok(probes.length > 0, one.name);
        for (const { httpGet } of probes)
          assert.ok(
            typeof httpGet.port === "number" ? numbers.includes(httpGet.port) : names.includes(httpGet.port),
            one.name,
          );
      }
    }
  });

  it("run every role, and evaluate and deliver once", () => {
    const roles = workloads.flatMap(({ kind, replicas, template }) => {
      const args = template.spec.containers[0]?.args ?? [];
      const list = args[args.indexOf("--roles") + 1];
      return args.includes("--roles") ? [{ kind, replicas, roles: (list ?? "").split(",") }] : [];
    });
    assert.deepEqual(roles.flatMap((one) => one.roles).sort(), [...roleNames].sort());
    const once = roles.find((one) => one.roles.includes("evaluate"));
    assert.deepEqual(once, { kind: "StatefulSet", replicas: 1, roles: ["evaluate", "deliver"] });
  });

  it("give the sidecar options that it has, and Driftline a configuration that loads", () => {
    const known = new Set(sidecarCommand().options.map(({ envVar }) => envVar));
    const sidecar = workloads.flatMap(({ template }) => template.spec.initContainers ?? [])[0];
    const given = (sidecar?.env ?? []).map(({ name }) => name).filter((name) => name.startsWith("DRIFTLINE_"));
    assert.ok(given.length > 3);
    for (const name of given) assert.ok(known.has(name), name);
    const environment = { CLICKHOUSE_PASSWORD: "secret-of-a-test", DRIFTLINE_TOKEN: "token-of-a-test" };
    assert.equal(loadConfig(path.join(base, "driftline/driftline.yaml"), { environment }).models.length, 1);
  });
});
