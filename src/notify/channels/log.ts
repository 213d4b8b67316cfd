import { z } from "zod";
import { defineTarget } from "../../core/delivery.ts";

export const log = defineTarget({
  name: "log",
  title: "Log",
  description: "Writes one line per notification to standard output.",
  options: z.strictObject({}),
  open: () => async (notification) => {
    process.stdout.write(`${JSON.stringify({ notification: notification.title })}\n`);
    return { status: "delivered" };
  },
});
