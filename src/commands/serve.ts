/** `driftline serve`: runs until it is stopped. */
import { Command, InvalidArgumentError } from "commander";
import { createApp } from "../service/app.ts";
import { type Role, roleNames } from "../service/app-options.ts";
import { configOption, readConfig } from "./options.ts";
import { untilStopped } from "./until-stopped.ts";

function parseRoles(text: string): readonly Role[] {
  return text.split(",").map((part) => {
    const role = roleNames.find((candidate) => candidate === part.trim());
    if (role === undefined)
      throw new InvalidArgumentError(`"${part}" is no role; choose from ${roleNames.join(", ")}.`);
    return role;
  });
}

export const serveCommand = (): Command =>
  new Command("serve")
    .description("Read the sources, evaluate windows, deliver alerts and serve the page, until stopped.")
    .addOption(configOption())
    .option("--roles <list>", `parts to run in this process: ${roleNames.join(", ")}`, parseRoles, roleNames)
    .addHelpText(
      "after",
      "\nWith a ClickHouse server as the store, ingest and web may run in many processes; evaluate and deliver in one.\n\nExample:\n  driftline serve -c driftline.yaml --roles ingest",
    )
    .action(async (options: { config: string; roles: readonly Role[] }) => {
      const stopped = untilStopped();
      // From the first moment on, since the signal ends a process that does not listen for it.
      let reload = () => {};
      process.on("SIGHUP", () => reload());
      const app = await createApp(readConfig(options.config), { roles: options.roles });
      try {
        await app.start();
        reload = () => void app.reload(() => readConfig(options.config));
        await stopped;
      } finally {
        reload = () => {};
        await app.stop();
      }
    });
