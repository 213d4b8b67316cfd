/** What the command line asks about dead letters: of the running service where it holds the folder, else of the store. */

import { z } from "zod";
import type { Config } from "../config/schema.ts";
import {
  type DeadLetterFilter,
  type DeadLetterView,
  deadLetterSchema,
  type LetterId,
  letterId,
  readLetterBytes,
  selectDeadLetters,
} from "../serve/queries/dead-letters.ts";
import { createApp } from "../service/app.ts";
import { type RedriveResult, redriveResultSchema } from "../service/redrive.ts";
import { askService, throughService } from "./service-call.ts";

const listed = z.object({ dead_letters: z.array(deadLetterSchema) });

export function listDeadLetters(config: Config, limit: number, filter: DeadLetterFilter): Promise<DeadLetterView[]> {
  const { id, ...plain } = filter;
  const query = new URLSearchParams({
    limit: String(limit),
    ...Object.fromEntries(
      Object.entries(plain).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]])),
    ),
    ...(id === undefined ? {} : { id: letterId(id) }),
  });
  return throughService(
    config,
    { route: `/v1/dead-letters?${query}` },
    (answer) => listed.parse(JSON.parse(answer)).dead_letters,
    (store) => selectDeadLetters(store.lane("serve"), limit, filter),
  );
}

const bytesAnswer = z.object({ raw_base64: z.string() });

/** All bytes that are kept. */
export async function deadLetterBytes(config: Config, id: LetterId): Promise<Buffer | null> {
  const bytes = await throughService(
    config,
    { route: `/v1/dead-letters/bytes?${new URLSearchParams({ id: letterId(id) })}` },
    (answer): string | null => bytesAnswer.parse(JSON.parse(answer)).raw_base64,
    (store) => readLetterBytes(store.lane("serve"), id),
  );
  return bytes === null ? null : Buffer.from(bytes, "base64");
}

export async function redriveDeadLetters(
  config: Config,
  filter: Pick<DeadLetterFilter, "reason" | "source" | "since"> & { readonly id?: LetterId },
): Promise<RedriveResult> {
  const { id, ...plain } = filter;
  const body = { ...plain, ...(id === undefined ? {} : { id: letterId(id) }) };
  const answer = await askService(config, { route: "/v1/dead-letters/redrive", body });
  if (answer !== null) return redriveResultSchema.parse(JSON.parse(answer));
  const app = await createApp(config, { roles: [], quiet: true });
  try {
    return await app.redrive(filter);
  } finally {
    await app.stop();
  }
}
