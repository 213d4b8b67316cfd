/**
 * Tells a target again what still stands, for receivers that take silence for the end (Alertmanager). It is not recorded: it is the same
 * message under the same key, and a restart begins with it anew.
 */
import { messageOf } from "../core/errors.ts";
import { type AttemptOptions, sendOnce } from "./attempts.ts";
import { readNotification, readStanding, readThread } from "./delivery-store.ts";
import { redact } from "./redact.ts";

/** One after the other; what fails is left to the next time. A failure of the target itself ends the round. */
export async function refreshStanding(options: AttemptOptions, target: string, stop: AbortSignal): Promise<void> {
  const send = options.targets.get(target);
  if (send === undefined) return;
  try {
    for (const { incident_id, delivery_id } of await readStanding(options.lane, target)) {
      if (stop.aborted) return;
      const notification = await readNotification(options.lane, delivery_id);
      if (notification === null) continue;
      const thread = await readThread(options.lane, { incident_id, target });
      const answer = await sendOnce((signal) => send(notification, signal, thread), options.attemptMs);
      if (answer.status === "delivered") continue;
      const reason = redact(answer.reason, options.secrets);
      options.log.warn("an open incident could not be told again; the next round tries it", { target, reason });
      if (answer.retryable) return;
    }
  } catch (thrown) {
    const reason = redact(messageOf(thrown), options.secrets);
    options.log.warn("what still stands can't be read; the next round tries it", { target, reason });
  }
}
