/** The audit of the configured store, verified: through the running service where one holds the folder, else by opening it. */
import { z } from "zod";
import { type Verification, verifyAudit } from "../audit/verify.ts";
import type { Config } from "../config/schema.ts";
import { throughService } from "./service-call.ts";

const verificationSchema = z.object({
  entries: z.number(),
  heads: z.array(z.object({ writer: z.string(), sequence: z.number(), hash: z.string() })),
  faults: z.array(z.string()),
});

export async function verifyStoredAudit(config: Config, noted: readonly string[]): Promise<Verification> {
  const query = noted.length === 0 ? "" : `?${new URLSearchParams({ head: noted.join(",") })}`;
  return await throughService(
    config,
    { route: `/v1/audit${query}` },
    (answer) => verificationSchema.parse(JSON.parse(answer)),
    (store) => verifyAudit(store.lane("serve"), noted),
  );
}
