/** Native JSON, and any other JSON that `events:` maps: one object is one event. */
import { z } from "zod";
import { defineFormat } from "../../core/format.ts";

export const json = defineFormat({
  name: "json",
  title: "JSON",
  description: "One JSON object a message; `events:` says where its fields lie. CloudEvents are not looked into.",
  options: z.strictObject({}),
  open: () => ({
    isPlain: () => true,
    decode: (message) => ({ kind: "json", value: message.value ?? "" }),
  }),
});
