import { z } from "zod";
import { defineTarget } from "../../core/delivery.ts";

export const webhook = defineTarget({
  name: "webhook",
  title: "Retrain webhook",
  description: "Placeholder.",
  options: z.strictObject({ url: z.url().describe("Address.") }),
  open: () => async () => ({ status: "delivered" }),
});
