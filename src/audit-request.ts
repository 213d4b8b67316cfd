/** The audit of the configured store, verified: through the running service where one holds the folder, else by opening it. */
import { z } from "zod";
import { type Verification, verifyAudit } from "./audit/verify.ts";
import type { Config } from "./config/schema.ts";
import { DriftlineError, messageOf } from "./core/errors.ts";
import { findService } from "./service-file.ts";
import { openStore } from "./store/open.ts";

const verificationSchema = z.object({
  entries: z.number(),
  heads: z.array(z.object({ writer: z.string(), sequence: z.number(), hash: z.string() })),
  faults: z.array(z.string()),
});

export async function verifyStoredAudit(config: Config, noted: readonly string[]): Promise<Verification> {
  const service = "embedded" in config.store ? findService(config.store.embedded) : null;
  if (service !== null) return await askService(service.url, config.server.token, noted);
  const store = await openStore(config.store);
  try {
    return await verifyAudit(store.lane("serve"), noted);
  } finally {
    await store.close();
  }
}

async function askService(url: string, token: string | undefined, noted: readonly string[]): Promise<Verification> {
  const asked = new URL("/v1/audit", url);
  if (noted.length > 0) asked.searchParams.set("head", noted.join(","));
  try {
    const response = await fetch(asked, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
    const body: unknown = await response.json();
    if (!response.ok) throw new Error(`status ${response.status}: ${JSON.stringify(body)}`);
    return verificationSchema.parse(body);
  } catch (thrown) {
    throw new DriftlineError("store_unavailable", `the service at ${url} gave no answer: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
