/** One read-only query on the configured store: through the running service where one holds the folder, else by opening it. */
import type { Config } from "./config/schema.ts";
import { postToService } from "./service-call.ts";
import { findService } from "./service-file.ts";
import { openStore } from "./store/open.ts";
import { checkFormat, checkReadOnly } from "./store/read-only.ts";

/** @throws DriftlineError with the engine's own message */
export async function runQuery(config: Config, query: string, format: string): Promise<string> {
  const statement = checkReadOnly(query);
  checkFormat(format);
  const service = "embedded" in config.store ? findService(config.store.embedded) : null;
  const answer =
    service === null
      ? null
      : await postToService(service.url, config.server.token, "/v1/sql", { query: statement, format });
  if (answer !== null) return answer;
  const store = await openStore(config.store);
  try {
    return await store.lane("serve").text(statement, format, { readOnly: true });
  } finally {
    await store.close();
  }
}
