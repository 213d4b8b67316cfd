/** `channels:` names each channel: `ml-oncall: { use: slack, … }`; the choices come from the folder's index. */
import { z } from "zod";
import { channels } from "../notify/channels/index.ts";
import type { Target } from "../core/delivery.ts";

const option = (channel: Target) =>
  channel.options.extend({ use: z.literal(channel.name) }).meta({ id: `channel-${channel.name}`, title: channel.title, description: channel.description });

const [first, ...rest] = channels;
export const channelSchema = z.discriminatedUnion("use", [option(first), ...rest.map(option)]);
