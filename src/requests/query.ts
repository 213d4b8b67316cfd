/** One read-only query on the configured store: through the running service where one holds the folder, else by opening it. */
import type { Config } from "../config/schema.ts";
import { checkFormat, checkReadOnly } from "../store/read-only.ts";
import type { Store } from "../store/store.ts";
import { throughService } from "./service-call.ts";

/** @throws DriftlineError with the engine's own message */
export async function runQuery(config: Config, query: string, format: string): Promise<string> {
  const statement = checkReadOnly(query);
  checkFormat(format);
  const call = { route: "/v1/sql", body: { query: statement, format } };
  const direct = (store: Store) => store.lane("serve").text(statement, format, { readOnly: true });
  return await throughService(config, call, (answer) => answer, direct);
}
