/** What a reader must know of numbers that are not those of their time: they were computed again, or an incident was judged by others. */
import { type Rebuild, rebuildSentence } from "../../core/rebuild.ts";
import { range } from "./format.ts";

/** Of a model's numbers. Nothing where they were never computed again. */
export function ComputedAgain({ rebuilds }: { readonly rebuilds: readonly Rebuild[] }) {
  const newest = rebuilds.find(({ state }) => state === "done");
  const isUnderWay = rebuilds[0]?.state === "asked";
  if (newest === undefined && !isUnderWay) return null;
  return (
    <p class="quiet">
      {newest !== undefined && `${rebuildSentence(newest)} ${spanText(newest)}`}
      {isUnderWay && " They are being computed again now; until that is done these hold."}
    </p>
  );
}

const spanText = ({ rows, first_at, last_at }: Rebuild): string =>
  rows === 0
    ? "No window lay in the time that was asked for."
    : `Of ${range(first_at, last_at)}; the numbers before are in the history.`;

/** Of an incident that was judged by numbers that are no more. */
export function JudgedBefore({ rebuild }: { readonly rebuild: Rebuild | null }) {
  if (rebuild === null) return null;
  return (
    <p class="quiet">{rebuildSentence(rebuild)} This incident was judged by the numbers before, and stays as it was.</p>
  );
}
