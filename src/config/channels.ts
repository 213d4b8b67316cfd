/** `channels:` names each channel: `ml-oncall: { use: slack, … }`; the choices come from the folder's index. */
import { z } from "zod";
import type { Target } from "../core/delivery.ts";
import { channels } from "../notify/channels/index.ts";

const option = (channel: Target) =>
  channel.options
    .extend({ use: z.literal(channel.name).describe("The channel.") })
    .meta({ id: `channel-${channel.name}`, title: channel.title, description: channel.description });

const [first, ...rest] = channels;

/** The last step changes nothing but the type: `use` is text, the rest is the channel's own. */
export const channelSchema = z
  .discriminatedUnion("use", [option(first), ...rest.map(option)])
  .pipe(z.looseObject({ use: z.string() }));
