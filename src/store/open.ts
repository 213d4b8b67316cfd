/** Opens the configured store and brings its tables up to date. */
import { openEmbeddedStore } from "./embedded.ts";
import { migrate } from "./migrate.ts";
import { openServerStore, type ServerOptions } from "./server.ts";
import type { Store } from "./store.ts";

export type StoreOptions = { readonly embedded: string } | ServerOptions;

/** @throws DriftlineError `store_unavailable`, `store_in_use` */
export async function openStore(options: StoreOptions): Promise<Store> {
  const store = "embedded" in options ? await openEmbeddedStore(options.embedded) : await openServerStore(options);
  try {
    await migrate(store.lane("control"));
    return store;
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}
