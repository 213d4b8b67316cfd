/**
 * A process that judges one incident and delivers it, to be killed from outside: `outbox-process FOLDER CONFIG_JSON`. It ends
 * once nothing waits any more.
 */
import { openStore } from "../../src/store/open.ts";
import { createAlertStation, insertMetrics, kpiRow } from "./alert-station.ts";

const [folder, config] = process.argv.slice(2);
if (folder === undefined || config === undefined) throw new Error("usage: outbox-process FOLDER CONFIG_JSON");
const store = await openStore({ embedded: folder });
const station = createAlertStation(store, JSON.parse(config), { limits: { firstWaitMs: 20 }, pollMs: 20 });
await insertMetrics(store.lane("control"), [kpiRow(1, 90)]);
await station.alerting.process("m");
while ((await station.outbox.flush()) !== null) await new Promise((resolve) => setTimeout(resolve, 20));
await store.close();
