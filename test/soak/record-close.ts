/** Decides whether the close of a person's connection was to be expected, and records it. */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import { countOne } from "./findings.ts";
import type { World } from "./world.ts";

/** How long the relay waits for an answer, in its ms. A stall of a third of that can cost the connection. */
const DEAD_AFTER_MS = 30_000;
/** RFC 6455: the connection ended without a close frame. */
const BROKEN = 1006;

export type Close = {
  readonly code: number;
  readonly reason: string;
  /** Whose connection it was, for the message. */
  readonly who: string;
  readonly isStock: boolean;
  readonly isSuspended: boolean;
  readonly hasSessionEnded: boolean;
  /** Whether the token may have expired without being renewed. */
  readonly mayExpire: boolean;
};

export const recordClose = (
  { findings, stalls, speed }: World,
  { code, reason, who, isStock, isSuspended, hasSessionEnded, mayExpire }: Close,
): void => {
  // Because of a stall, the relay may have missed an answer or a new token.
  const wasStalled = stalls.within((2 * DEAD_AFTER_MS) / speed) > DEAD_AFTER_MS / 3 / speed;
  const isExpected =
    (code === BROKEN && isSuspended) ||
    (code === CloseCode.sessionEnded && isStock && hasSessionEnded) ||
    (code === CloseCode.unauthorized && mayExpire);
  if (isExpected) countOne(findings.closes, code);
  else if (wasStalled && (code === BROKEN || code === CloseCode.unauthorized)) findings.closedByStalls++;
  else findings.add("unexpected closes", `${who}: ${code} ${reason}`);
};
