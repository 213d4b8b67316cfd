/** How `driftline check` tries what a configuration names. Nothing is written and nothing is sent to people. */
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Probes } from "../config/check.ts";
import { selectionOf, selectionText } from "../config/references.ts";
import { replayReference, replayText } from "../evaluate/online/reference-replay.ts";
import { loadReference } from "../evaluate/references/load-reference.ts";
import { describeFile } from "../ingest/file.ts";
import { probeKafka } from "../ingest/kafka-probe.ts";
import { openEmbeddedStore } from "../store/embedded.ts";
import { openLocalReader } from "../store/local-reader.ts";
import { openServerStore } from "../store/server.ts";
import { findService } from "./service-file.ts";

export async function openProbes(): Promise<Probes & { close(): Promise<void> }> {
  // Files are read by an engine of our own: the configured folder may be held by the running service.
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-check-"));
  const engine = await openEmbeddedStore(folder);
  const reader = await openLocalReader(engine, folder);
  return {
    async store(store) {
      if ("url" in store) {
        await (await openServerStore(store)).close();
        return `answers, database ${store.database}`;
      }
      const service = findService(store.embedded);
      return service === null
        ? `folder ${store.embedded}`
        : `held by the running service (process ${service.pid}) at ${service.url}`;
    },
    kafka: (source, signal) => probeKafka(source, signal),
    async fileSource(source) {
      const { columns, rows } = await describeFile(reader, source);
      return `${rows} rows, columns ${columns.join(", ")}`;
    },
    async reference(reference, model) {
      const selection = selectionOf(reference);
      if (selection !== null) return `${selectionText(selection)} in the store`;
      const { rows, subjects } = await loadReference(reader.lane, { ...model, reference });
      const replays = await replayReference(reader.lane, { ...model, reference });
      const replayed = replays.length === 0 ? "" : `; online detectors would have alarmed: ${replayText(replays)}`;
      return `${rows} rows, ${subjects.length} subjects${replayed}`;
    },
    async close() {
      await engine.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
